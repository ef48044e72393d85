"""The client against a real server on loopback that answers as endpoints do, and as they should not."""

import asyncio
import base64
import io
import json
from typing import Any

import pytest
from aiohttp import web
from PIL import Image

from pipelines.recaption.captioners import EndpointCaptioner
from pipelines.recaption.endpoint import (
    KEY_VARIABLE,
    MAX_ANSWER_BYTES,
    MAX_SIDE,
    ChatEndpoint,
    EndpointError,
    EndpointSettings,
    user_message,
)
from pipelines.recaption.fusers import EndpointFuser
from pipelines.recaption.prompts import CAPTION_PROMPT, FUSE_PROMPT
from tests.pipelines.recaption.chat_server import said, serve


def endpoint(url: str, **changes: Any) -> ChatEndpoint:
    options = {"deadline_s": 5.0, "retries": 2, "first_pause_s": 0.01} | changes
    return ChatEndpoint(EndpointSettings(url=url, model="toy", **options))


def ask(url: str, *texts: str, **changes: Any) -> list[str | None]:
    return endpoint(url, **changes).complete([[user_message(text)] for text in texts])


def test_answers_come_in_the_order_of_the_questions() -> None:
    with serve(lambda request, _: said(request["messages"][0]["content"].upper())) as url:
        assert ask(url, *(f"text {n}" for n in range(30))) == [f"TEXT {n}" for n in range(30)]


def test_a_busy_endpoint_is_asked_again() -> None:
    def answer(request: dict[str, Any], number: int) -> web.Response:
        busy = web.Response(status=429, headers={"Retry-After": "0"})
        return busy if number == 1 else web.Response(status=503) if number == 2 else said("third")

    with serve(answer) as url:
        assert ask(url, "x") == ["third"]


def test_an_endpoint_that_never_answers_well_is_an_error_that_says_so() -> None:
    with (
        serve(lambda request, _: web.Response(status=500, text="out of memory")) as url,
        pytest.raises(EndpointError, match=r"no answer in 3 attempts; the last: status 500: out of memory"),
    ):
        ask(url, "x")


def test_a_refused_key_is_not_tried_again() -> None:
    seen: list[web.BaseRequest] = []

    with serve(lambda request, _: web.Response(status=401, text="bad key"), seen) as url:
        with pytest.raises(EndpointError, match="refuses: status 401: bad key"):
            ask(url, "x")
        assert len(seen) == 1


def test_an_item_that_the_endpoint_does_not_take_has_no_answer() -> None:
    def answer(request: dict[str, Any], number: int) -> web.Response:
        text = request["messages"][0]["content"]
        return web.Response(status=400, text="content policy") if text == "bad" else said(text)

    with serve(answer) as url:
        assert ask(url, "a", "bad", "b") == ["a", None, "b"]


def test_a_redirect_is_not_followed() -> None:
    def answer(request: dict[str, Any], number: int) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    with serve(answer) as url, pytest.raises(EndpointError, match="refuses: status 307"):
        ask(url, "x")


def test_a_server_that_hangs_meets_the_deadline() -> None:
    class Hanging(web.Response):
        async def prepare(self, request: web.BaseRequest) -> Any:
            await asyncio.Event().wait()

    with serve(lambda request, _: Hanging()) as url, pytest.raises(EndpointError, match="TimeoutError"):
        ask(url, "x", deadline_s=0.2, retries=0)


def test_an_answer_without_end_is_cut() -> None:
    with (
        serve(lambda request, _: said("x" * (MAX_ANSWER_BYTES + 1))) as url,
        pytest.raises(EndpointError, match=f"more than {MAX_ANSWER_BYTES} bytes"),
    ):
        ask(url, "x", retries=0)


def test_another_form_of_answer_is_an_error_that_shows_it() -> None:
    with (
        serve(lambda request, _: web.json_response({"error": "no such model"})) as url,
        pytest.raises(EndpointError, match=r"does not answer as an OpenAI-compatible endpoint does.*no such model"),
    ):
        ask(url, "x")


def test_nobody_listening_is_an_error() -> None:
    with serve(lambda request, _: said("x")) as url:
        closed = url
    with pytest.raises(EndpointError, match="no answer in 1 attempts"):
        ask(closed, "x", retries=0)


def test_a_captioner_sends_the_prompt_and_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[dict[str, Any]] = []
    seen: list[web.BaseRequest] = []
    monkeypatch.setenv(KEY_VARIABLE, "secret")

    def answer(request: dict[str, Any], number: int) -> web.Response:
        requests.append(request)
        return said("a red wall")

    with serve(answer, seen) as url:
        captioner = EndpointCaptioner(endpoint(url), "toy")
        picture_uri = captioner.prepare(Image.new("RGB", (3000, 1500), (200, 30, 20)))
        assert captioner.caption([picture_uri]) == ["a red wall"]
    text, image = requests[0]["messages"][0]["content"]
    head, data = image["image_url"]["url"].split(",", 1)
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (text["text"], head, picture.size) == (
        CAPTION_PROMPT,
        "data:image/jpeg;base64",
        (MAX_SIDE, MAX_SIDE // 2),
    )
    assert requests[0]["temperature"] == 0
    assert seen[0].headers["Authorization"] == "Bearer secret"


def test_a_fuser_sends_both_notes() -> None:
    def answer(request: dict[str, Any], number: int) -> web.Response:
        return said(json.dumps(request["messages"]))

    with serve(answer) as url:
        (fused,) = EndpointFuser(endpoint(url), "toy").fuse([("Maren,\n1902", "a tower")])
    assert json.loads(fused or "") == [
        {"role": "system", "content": FUSE_PROMPT},
        {"role": "user", "content": "A: Maren, 1902\nB: a tower"},
    ]
