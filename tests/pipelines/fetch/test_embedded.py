"""``data:`` images: stored where their job wrote them, with a row here, and counted like URLs."""

import pathlib
from typing import Any

import apache_beam as beam

from pipelines.dedup.transform import JOB as DEDUP
from pipelines.fetch.transform import JOB
from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import Job, JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.runner import run_line
from pipelines.runs.transforms import RunItems, Worker
from schemas.digests import image_id
from schemas.documents import ImageSegment
from schemas.embedded import EmbeddedImage
from schemas.images import FetchedUrl, StoredImage
from schemas.recipe import FetchSettings, FolderSource, InputSettings, Recipe
from schemas.summary import UnitCounts
from schemas.verdicts import Verdict
from tests.pipelines.fetch.images import picture
from tests.pipelines.fetch.line import INPROC, document

GOOD, BROKEN = picture(), picture()[:-30]


class _WritePages(Worker[int]):
    def run(self, item: int, output: ItemOutput) -> None:
        for data in (GOOD, BROKEN):
            pointer = output.tar("embedded_bytes").add(image_id(data), data)
            row = EmbeddedImage(image_id=image_id(data), media_type="image/png", pointer=pointer)
            output.write(row, "embedded")
        segments = [ImageSegment(url=f"data:{image_id(data)}", image_id=image_id(data)) for data in (GOOD, BROKEN)]
        url = f"https://a.example/{item}"
        output.write(document(url, [*segments, "words", "https://a.example/same.png"], offset=item))


def build(root: beam.Pipeline, context: JobContext) -> Any:
    return root | RunItems(context, _WritePages(), lambda context: [0, 1])


PAGES = Job(name="interleave", unit="record", needs=(), settings=lambda recipe: {}, build=build)


def run_jobs(tmp_path: pathlib.Path) -> RunFolder:
    (tmp_path / "web/a.example").mkdir(parents=True)
    (tmp_path / "web/a.example/same.png").write_bytes(GOOD)
    recipe = Recipe(
        version=1,
        run=str(tmp_path / "run"),
        input=InputSettings(pages=("x",)),
        fetch=FetchSettings(source=FolderSource(folder=str(tmp_path / "web"))),
    )
    run_line(recipe, [PAGES, JOB, DEDUP], INPROC)
    return RunFolder(recipe.run)


def test_embedded_images_are_rows_of_the_store_and_of_the_fetches(tmp_path: pathlib.Path) -> None:
    folder = run_jobs(tmp_path)

    (stored,) = folder.read("fetch", StoredImage)
    pointer = stored.pointer
    assert storage.read_range(folder.path(pointer.file), pointer.offset, pointer.length) == GOOD
    rows = {row.url: (row.image_id, row.reason) for row in folder.read("fetch", FetchedUrl, "fetches")}
    assert rows == {
        f"data:{image_id(GOOD)}": (image_id(GOOD), None),
        f"data:{image_id(BROKEN)}": (None, "broken_image"),
        "https://a.example/same.png": (image_id(GOOD), None),
    }
    assert folder.committed("fetch").counts["embedded"] == UnitCounts(n_in=4, n_out=2, rejected={"broken_image": 2})
    assert folder.committed("fetch").main() == UnitCounts(n_in=1, n_out=1)


def test_an_embedded_image_and_a_file_of_the_same_bytes_are_one_content(tmp_path: pathlib.Path) -> None:
    folder = run_jobs(tmp_path)

    places = [row for row in folder.read("dedup", Verdict) if row.kind == "place"]
    assert [(row.item, row.position, row.of) for row in places] == [
        (f"pages.warc.gz:{offset}", 3, f"pages.warc.gz:{offset}#0") for offset in (0, 1)
    ]
