"""A client of an OpenAI-compatible chat endpoint: deadline, retries, bounded answers, no redirects, no image URLs."""

import asyncio
import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from PIL import Image

KEY_VARIABLE = "MM1_API_KEY"
MAX_ANSWER_BYTES = 1 << 20
MAX_SIDE = 1024
"""Pixels of the longer side of an image that is sent."""

_ITEM_STATUSES = frozenset({400, 413, 415, 422})
"""The endpoint takes requests, but not this one: that item fails, the job goes on."""

_RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})

Message = Mapping[str, Any]


class EndpointError(RuntimeError):
    """The endpoint cannot be used; the message says which and why. Finished work stays; a new run goes on from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """How an endpoint is asked."""

    url: str
    """Base URL, to which ``/chat/completions`` is added."""

    model: str
    deadline_s: float = 120.0
    """Of one attempt, from connecting to the last byte."""

    retries: int = 4
    first_pause_s: float = 1.0
    """Before the first retry; doubled for each further one, at most 30 s. ``Retry-After`` is obeyed up to that."""

    connections: int = 8
    max_tokens: int = 128


class ChatEndpoint:
    """Asks an endpoint for many completions at one time."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        key = os.environ.get(KEY_VARIABLE)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def complete(self, conversations: Sequence[Sequence[Message]]) -> list[str | None]:
        """Returns the answer to each conversation, in order; None for one that the endpoint refuses.

        Raises:
            EndpointError: The endpoint does not answer after all retries, refuses the key or the model, or answers in
                another form.
        """
        return asyncio.run(self._complete(conversations))

    async def _complete(self, conversations: Sequence[Sequence[Message]]) -> list[str | None]:
        timeout = aiohttp.ClientTimeout(total=self._settings.deadline_s)
        connector = aiohttp.TCPConnector(limit=self._settings.connections)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector, headers=self._headers) as session:
            answers = await asyncio.gather(*(self._ask(session, messages) for messages in conversations))
        # Lets the transports of the closed session end before their loop does (aiohttp, "Graceful shutdown").
        await asyncio.sleep(0)
        return list(answers)

    async def _ask(self, session: aiohttp.ClientSession, messages: Sequence[Message]) -> str | None:
        failure = ""
        for attempt in range(self._settings.retries + 1):
            pause_s = min(30.0, self._settings.first_pause_s * 2**attempt)
            try:
                status, retry_after, body = await self._post(session, messages)
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                if status == 200:
                    return _content(body, self._settings.url)
                if status in _ITEM_STATUSES:
                    return None
                failure = f"status {status}: {body[:200].decode('utf-8', 'replace')}"
                if status not in _RETRY_STATUSES:
                    raise EndpointError(f"{self._settings.url} refuses: {failure}")
                pause_s = min(30.0, retry_after if retry_after is not None else pause_s)
            if attempt < self._settings.retries:
                await asyncio.sleep(pause_s)
        raise EndpointError(
            f"{self._settings.url} gave no answer in {self._settings.retries + 1} attempts; the last: {failure}"
        )

    async def _post(
        self, session: aiohttp.ClientSession, messages: Sequence[Message]
    ) -> tuple[int, float | None, bytes]:
        """Returns status, seconds of ``Retry-After`` where it states them, and body."""
        request = {
            "model": self._settings.model,
            "messages": list(messages),
            "max_tokens": self._settings.max_tokens,
            # The same input shall give the same caption, as far as the endpoint can do that.
            "temperature": 0,
            "seed": 0,
        }
        url = f"{self._settings.url.rstrip('/')}/chat/completions"
        async with session.post(url, json=request, allow_redirects=False) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise aiohttp.ClientPayloadError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            return answer.status, _seconds(answer.headers.get("Retry-After")), bytes(body)


def user_message(text: str, picture_uri: str | None = None) -> Message:
    """Returns a message of the user; a picture goes as ``data_uri`` made it, so that no server fetches an address."""
    if picture_uri is None:
        return {"role": "user", "content": text}
    image = {"type": "image_url", "image_url": {"url": picture_uri}}
    return {"role": "user", "content": [{"type": "text", "text": text}, image]}


def data_uri(picture: Image.Image) -> str:
    """Returns a picture as a ``data:`` URI (RFC 2397) of a JPEG of at most ``MAX_SIDE`` pixels a side."""
    small = picture.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _content(body: bytes, url: str) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EndpointError(
            f"{url} does not answer as an OpenAI-compatible endpoint does: {body[:200].decode('utf-8', 'replace')}"
        ) from error
    return content if isinstance(content, str) else ""


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None
