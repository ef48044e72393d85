"""The whole job on documents, folders of images and pairs."""

import json
import pathlib
from collections.abc import Iterator

import pytest

from pipelines.engines.settings import EngineSettings
from pipelines.fetch.transform import JOB
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from schemas.digests import image_id
from schemas.images import FetchedUrl, ImagePair, StoredImage
from schemas.recipe import FetchSettings, FolderSource, InputSettings, Recipe
from schemas.rejections import Rejection
from schemas.summary import UnitCounts
from tests.pipelines.fetch.images import picture
from tests.pipelines.fetch.line import INPROC, document, documents_job, files

A, B = picture(seed=1), picture(seed=2, image_format="JPEG")
DOCUMENTS = documents_job(
    [
        [document("https://one.example/", ["https://one.example/a.png", "words", "https://two.example/copy.png"])],
        [
            document("https://one.example/2", ["https://one.example/a.png", "https://one.example/gone.png", "words"]),
            document("https://one.example/3", ["https://one.example/b%20c.jpg?size=2", "https://one.example/cut.png"]),
        ],
    ]
)


@pytest.fixture
def inputs(tmp_path: pathlib.Path) -> pathlib.Path:
    web = tmp_path / "web"
    for name, data in {"one.example/a.png": A, "two.example/copy.png": A, "one.example/b c.jpg": B}.items():
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_bytes(data)
    (web / "one.example/cut.png").write_bytes(A[:-20])
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/a.png").write_bytes(A)
    rows = [{"image": "a.png", "captions": ["one", "two"]}, {"image": "none.png", "caption": "x"}]
    (tmp_path / "pairs/pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def recipe(inputs: pathlib.Path, run: str) -> Recipe:
    return Recipe(
        version=1,
        run=str(inputs / run),
        input=InputSettings(pages=("x",), pairs=(str(inputs / "pairs/pairs.jsonl"),)),
        fetch=FetchSettings(source=FolderSource(folder=str(inputs / "web"))),
    )


def run_fetch(inputs: pathlib.Path, run: str = "run", engine: EngineSettings = INPROC) -> RunFolder:
    run_line(recipe(inputs, run), [DOCUMENTS, JOB], engine)
    return RunFolder(str(inputs / run))


def by_url(folder: RunFolder) -> Iterator[tuple[str, str | None, str | None]]:
    for row in folder.read("fetch", FetchedUrl, "fetches"):
        yield row.url, row.image_id, row.reason


def test_every_distinct_url_has_one_row_with_an_image_or_a_reason(inputs: pathlib.Path) -> None:
    folder = run_fetch(inputs)

    assert sorted(by_url(folder)) == [
        ("https://one.example/a.png", image_id(A), None),
        ("https://one.example/b%20c.jpg?size=2", image_id(B), None),
        ("https://one.example/cut.png", None, "broken_image"),
        ("https://one.example/gone.png", None, "not_found"),
        ("https://two.example/copy.png", image_id(A), None),
    ]
    assert folder.committed("fetch").main() == UnitCounts(n_in=5, n_out=3, rejected={"broken_image": 1, "not_found": 1})


def test_each_content_has_one_row_that_points_to_its_original_bytes(inputs: pathlib.Path) -> None:
    folder = run_fetch(inputs)

    images = {image.image_id: image for image in folder.read("fetch", StoredImage)}
    assert sorted(images) == sorted([image_id(A), image_id(B)])
    for data in (A, B):
        pointer = images[image_id(data)].pointer
        assert storage.read_range(folder.path(pointer.file), pointer.offset, pointer.length) == data
    assert folder.committed("fetch").totals["images"] == 2
    assert folder.committed("fetch").totals["image_bytes"] == len(A) + len(B)


def test_pairs_share_the_store_and_each_caption_is_a_pair(inputs: pathlib.Path) -> None:
    folder = run_fetch(inputs)

    pairs = list(folder.read("fetch", ImagePair, "pairs"))
    assert [(pair.key, pair.caption, pair.image_id) for pair in pairs] == [
        ("0.0", "one", image_id(A)),
        ("0.1", "two", image_id(A)),
    ]
    assert folder.committed("fetch").counts["pair"] == UnitCounts(n_in=3, n_out=2, rejected={"not_found": 1})


def test_rejections_say_what_was_seen(inputs: pathlib.Path) -> None:
    folder = run_fetch(inputs)

    details = {row.item: row.detail for row in folder.read("fetch", Rejection, "rejected")}
    assert details["https://one.example/cut.png"] == "the PNG chunk b'IDAT' at byte 33 leaves the file"
    assert "no file one.example/gone.png in " in details["https://one.example/gone.png"]


def test_repeated_bundles_and_another_folder_give_the_same_bytes(inputs: pathlib.Path) -> None:
    run_fetch(inputs, "one")
    run_fetch(inputs, "two", EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",)))

    assert files(inputs / "one/fetch") == files(inputs / "two/fetch")
