"""The job on a small caption pool: rows, guards, counts, and the bytes under other bundles."""

import base64
import io
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from PIL import Image

from pipelines.engines.settings import EngineSettings
from pipelines.recaption.transform import JOB
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from schemas.images import StoredImage
from schemas.recipe import RecaptionSettings, Recipe
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind
from schemas.summary import UnitCounts
from tests.pipelines.recaption.chat_server import said, serve
from tests.pipelines.toy_models import write_toy_coca
from tests.pipelines.upstream import commit, picture, recipe, store

INPROC = EngineSettings(name="inproc")
COLOURS = ((200, 30, 20), (20, 30, 200), (30, 160, 40))


@pytest.fixture(scope="module")
def coca(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_toy_coca(tmp_path_factory.mktemp("models") / "toy-coca")


def sample(number: int, stored: StoredImage) -> PoolSample:
    image = PoolImage(
        image_id=stored.image_id,
        pointer=stored.pointer,
        format=stored.format,
        width=stored.width,
        height=stored.height,
        url=None,
        alt=f"alt {number}",
        caption=None,
        score=None,
    )
    return PoolSample(
        key=f"{number:032x}",
        kind=SampleKind.CAPTION,
        segments=(image, PoolText(text=f"alt {number}")),
        source_id=str(number),
        url=None,
        domain=None,
        archive="t.tar",
        record_offset=0,
    )


def prepare(run: pathlib.Path, **settings: object) -> Recipe:
    made = recipe(run, recaption=RecaptionSettings(batch_size=2, **settings))  # type: ignore[arg-type]
    images = [(picture(colour), "png") for colour in COLOURS] + [(b"no picture", "broken")]
    rows, written = store(made, [images])
    commit("fetch", made, {}, written)
    samples = [sample(number, stored) for number, stored in enumerate(rows[0])]
    commit("select", made, {"caption": [samples[:3], samples[3:]]})
    return made


def rows(settings: Recipe) -> list[CaptionRow]:
    return list(RunFolder(settings.run).read("recaption", CaptionRow))


def files(run: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((run / "recaption").rglob("*")):
        if path.is_file():
            yield path.relative_to(run).as_posix(), path.read_bytes()


def test_without_a_captioner_every_row_keeps_its_alt_text(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path)

    run_line(settings, [JOB], INPROC)

    assert rows(settings) == [
        CaptionRow(
            key=f"{number:032x}", alt=f"alt {number}", vlm=None, fused=None, guard=None, captioner=None, fuser=None
        )
        for number in range(4)
    ]
    assert RunFolder(settings.run).committed("recaption").main() == UnitCounts(n_in=4, n_out=4)


def test_a_broken_image_keeps_its_alt_text_and_says_so(tmp_path: pathlib.Path, coca: str) -> None:
    settings = prepare(tmp_path, captioner="coca", model=coca, max_words=1000)

    run_line(settings, [JOB], INPROC)

    row = rows(settings)[3]
    assert (row.alt, row.vlm, row.fused, row.guard) == ("alt 3", None, None, "vlm:failed")
    assert (row.captioner, row.fuser) == ("coca:toy-coca", "rule:1")


@pytest.mark.slow
def test_workers_and_repeated_bundles_do_not_show_in_the_bytes(tmp_path: pathlib.Path, coca: str) -> None:
    engines = [
        INPROC,
        EngineSettings(name="local", workers=2),
        EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",)),
    ]
    outputs = []
    for number, engine in enumerate(engines):
        run = tmp_path / str(number)
        run_line(prepare(run, captioner="coca", model=coca, max_words=1000), [JOB], engine)
        outputs.append(dict(files(run)))

    assert outputs[1] == outputs[0]
    assert outputs[2] == outputs[0]


def test_an_endpoint_captions_and_fuses_and_its_refusals_are_guarded(tmp_path: pathlib.Path) -> None:
    def answer(request: dict[str, Any], number: int) -> web.Response:
        content = request["messages"][-1]["content"]
        if isinstance(content, str):  # the fuser's notes
            return said(f"Fused from {content.splitlines()[0]}")
        data = base64.b64decode(content[1]["image_url"]["url"].split(",", 1)[1])
        red, _, blue = Image.open(io.BytesIO(data)).getpixel((9, 9))  # type: ignore[misc]
        return said("I'm sorry, I cannot help with that." if blue > 150 else "a red wall" if red > 150 else "a lawn")

    with serve(answer) as url:
        settings = prepare(
            tmp_path,
            captioner="openai-compatible",
            fuser="openai-compatible",
            endpoint=url,
            model="eyes",
            fuser_model="pen",
        )
        run_line(settings, [JOB], INPROC)

    assert [(row.alt, row.vlm, row.fused, row.guard) for row in rows(settings)] == [
        ("alt 0", "a red wall", "Fused from A: alt 0", None),
        ("alt 1", None, None, "vlm:refusal"),
        ("alt 2", "a lawn", "Fused from A: alt 2", None),
        ("alt 3", None, None, "vlm:failed"),
    ]
    assert {(row.captioner, row.fuser) for row in rows(settings)} == {
        ("openai-compatible:eyes", "openai-compatible:pen")
    }
    assert RunFolder(settings.run).committed("recaption").totals == {
        "fused": 2,
        "fused_refused": 0,
        "vlm": 2,
        "vlm_refused": 2,
    }
