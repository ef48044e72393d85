"""A whole world of 30 pages: the same bytes again, every kind present, every file readable by others."""

import gzip
import hashlib
import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from fastwarc import ArchiveIterator, WarcRecordType
from PIL import Image
from warcio.checker import Checker

from world import WorldConfig, WorldPaths, generate
from world.plan import PageKind


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> WorldPaths:
    return generate(WorldConfig(out=tmp_path_factory.mktemp("world"), pages=30, seed=1))


@pytest.fixture(scope="module")
def truth(world: WorldPaths) -> list[dict[str, object]]:
    return list(pq.read_table(world.truth).to_pylist())


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(world: WorldPaths, tmp_path: Path) -> None:
    again = generate(WorldConfig(out=tmp_path / "again", pages=30, seed=1))

    assert digests(again.root) == digests(world.root)


def test_another_seed_gives_other_pages(world: WorldPaths, tmp_path: Path) -> None:
    other = generate(WorldConfig(out=tmp_path / "other", pages=30, seed=2))

    first, second = digests(world.root), digests(other.root)
    assert first["warc/pages-00000.warc.gz"] != second["warc/pages-00000.warc.gz"]
    assert first["pairs/00000.tar"] != second["pairs/00000.tar"]


@pytest.mark.slow
def test_workers_do_not_change_the_bytes(tmp_path: Path) -> None:
    one = generate(WorldConfig(out=tmp_path / "one", pages=270))
    two = generate(WorldConfig(out=tmp_path / "two", pages=270, workers=2))

    assert digests(one.root) == digests(two.root)


def test_thirty_pages_hold_every_kind(truth: list[dict[str, object]]) -> None:
    kinds = Counter(row["what"] for row in truth if row["kind"] == "page")

    assert set(kinds) == {kind.value for kind in PageKind}
    assert kinds["captured_twice"] == 2


def test_thirty_pages_hold_every_reason_of_an_image(truth: list[dict[str, object]]) -> None:
    reasons = {row["reason"] for row in truth if row["kind"] == "image"}

    assert reasons >= {
        *("low_score", "too_small", "banned_url_word", "too_large", "bad_aspect", "too_many_pixels"),
        *("broken_image", "not_an_image", "empty_file", "not_found", "too_many_occurrences"),
        *("repeated_in_page", "format_not_allowed"),
    }


def test_the_shared_picture_is_on_more_than_ten_pages(truth: list[dict[str, object]]) -> None:
    pages = {row["page"] for row in truth if row["what"] == "shared_photo"}

    assert len(pages) > 10


def test_a_site_repeats_its_paragraph_more_than_twice(truth: list[dict[str, object]]) -> None:
    counts = Counter(
        (urlsplit(str(row["id"])).netloc, paragraph)
        for row in truth
        if row["kind"] == "page" and row["text"]
        for paragraph in set(str(row["text"]).split("\n\n"))
    )

    assert any(count > 2 and len(paragraph.split()) > 12 for (_, paragraph), count in counts.items())


def test_the_folder_holds_exactly_the_images_of_the_archive(world: WorldPaths) -> None:
    archived: dict[str, bytes] = {}
    for path in sorted(world.warc.glob("images-*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.record_type == WarcRecordType.response:
                    parts = urlsplit(record.headers["WARC-Target-URI"])
                    archived[f"{parts.netloc}{parts.path}"] = record.reader.read()

    stored = {
        str(path.relative_to(world.images)): path.read_bytes() for path in world.images.rglob("*") if path.is_file()
    }

    assert archived == stored


def test_every_image_of_the_truth_is_on_disk_unless_its_link_is_dead(
    world: WorldPaths, truth: list[dict[str, object]]
) -> None:
    images = [row for row in truth if row["kind"] == "image"]

    missing = {row["what"] for row in images if not (row["file"] and (world.root / str(row["file"])).is_file())}
    assert missing == {"dead_link"}


def test_good_pictures_open_and_pass_the_size_filters(world: WorldPaths, truth: list[dict[str, object]]) -> None:
    files = {row["file"] for row in truth if row["what"] in ("photo", "shared_photo")}

    assert len(files) > 60
    for file in files:
        with Image.open(world.root / str(file)) as image:
            image.load()
            assert image.format in ("JPEG", "PNG", "WEBP")
            assert 150 <= min(image.size) <= max(image.size) <= 512
            assert max(image.size) <= 2 * min(image.size)


def test_exact_copies_have_equal_bytes_and_resized_ones_do_not(
    world: WorldPaths, truth: list[dict[str, object]]
) -> None:
    by_url = {row["id"]: row for row in truth if row["kind"] == "image"}
    copies = {row["duplicate_how"]: row for row in by_url.values() if row["duplicate_of"]}

    def content(row: dict[str, object]) -> bytes:
        return (world.root / str(row["file"])).read_bytes()

    exact, resized = copies["exact"], copies["resized"]
    assert content(exact) == content(by_url[exact["duplicate_of"]])
    assert content(resized) != content(by_url[resized["duplicate_of"]])


def test_another_warc_reader_finds_no_fault(world: WorldPaths) -> None:
    for path in world.warc.iterdir():
        checker = Checker(_Quiet([str(path)]))
        checker.process_all()

        assert checker.exit_value == 0, path.name


class _Quiet:
    """Arguments of ``warcio check``."""

    def __init__(self, inputs: list[str]) -> None:
        self.inputs = inputs
        self.verbose = False


def test_pairs_have_three_members_in_a_row(world: WorldPaths) -> None:
    with tarfile.open(world.pairs / "00000.tar") as packed:
        members = packed.getmembers()
        texts = [packed.extractfile(member) for member in members if member.name.endswith(".json")]
        records = [json.load(text) for text in texts if text]

    stems = [member.name.split(".")[0] for member in members]
    assert stems == [f"{place:09d}" for place in range(30) for _ in range(3)]
    assert {member.mtime for member in members} == {0}
    assert [record["key"] for record in records] == stems[::3]


def test_texts_are_json_lines_with_true_rows(world: WorldPaths, truth: list[dict[str, object]]) -> None:
    packed = (world.text / "part-00000.jsonl.gz").read_bytes()
    lines = [json.loads(line) for line in io.BytesIO(gzip.decompress(packed))]

    rows = [row for row in truth if row["kind"] == "text"]
    assert [(line["id"], line["text"]) for line in lines] == [(row["id"], row["text"]) for row in rows]
    assert packed[4:8] == b"\0\0\0\0"  # No time in the gzip header (RFC 1952, section 2.3.1).


def test_heldout_pictures_are_no_pictures_of_the_pages(world: WorldPaths) -> None:
    pages = {hashlib.sha256(path.read_bytes()).digest() for path in world.images.rglob("*.*") if path.is_file()}
    held = {hashlib.sha256(path.read_bytes()).digest() for path in (world.heldout / "images").iterdir()}

    assert len(held) == 30
    assert not pages & held


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(FileExistsError, match="is not empty; give a new folder"):
        generate(WorldConfig(out=tmp_path))


@pytest.mark.parametrize(("field", "value"), [("pages", 29), ("seed", -1), ("workers", 0)])
def test_settings_name_the_field_and_the_value(field: str, value: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{field} must be .*, got {value}"):
        WorldConfig(out=tmp_path, **{field: value})
