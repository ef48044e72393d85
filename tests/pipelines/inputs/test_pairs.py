"""Pairs out of img2dataset tars, JSONL and Parquet."""

import gzip
import io
import json
import pathlib
import tarfile
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.inputs.pairs import BadPair, RawPair, pair_files, read_image, read_pairs
from schemas.rejections import RejectReason
from tests.corpus import corpus_path


def write_tar(path: pathlib.Path, members: Mapping[str, bytes]) -> str:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return str(path)


def write_jsonl(path: pathlib.Path, *rows: Any) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def told(path: str) -> list[tuple[str, str | RejectReason]]:
    """Returns key and caption of each pair, key and reason of each row that is none."""
    return [(pair.key, pair.caption if isinstance(pair, RawPair) else pair.reason) for pair in read_pairs(path)]


def test_a_tar_of_img2dataset_gives_its_pairs_and_bytes(tmp_path: pathlib.Path) -> None:
    path = write_tar(
        tmp_path / "00000.tar",
        {
            "000000001.jpg": b"first",
            "000000001.txt": "a ramé\n".encode(),
            "000000001.json": json.dumps({"url": "https://a.example/1.jpg", "caption": "other"}).encode(),
            "sub/2.webp": b"second",
            "sub/2.json": json.dumps({"caption": "of json"}).encode(),
        },
    )

    pairs = [pair for pair in read_pairs(path) if isinstance(pair, RawPair)]

    assert [(pair.key, pair.caption, pair.url) for pair in pairs] == [
        ("000000001", "a ramé", "https://a.example/1.jpg"),
        ("sub/2", "of json", None),
    ]
    assert [read_image(pair.image, 100) for pair in pairs] == [b"first", b"second"]


def test_members_without_image_or_caption_say_so(tmp_path: pathlib.Path) -> None:
    path = write_tar(
        tmp_path / "a.tar", {"1.txt": b"words", "2.png": b"x", "2.txt": b"  ", "3.png": b"x", "3.txt": b"c"}
    )

    assert told(path) == [("1", RejectReason.NO_SOURCE), ("2", RejectReason.NO_CAPTION), ("3", "c")]


def test_links_and_folders_of_a_tar_are_not_followed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("1.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
        text = tarfile.TarInfo("1.txt")
        text.size = 1
        archive.addfile(text, io.BytesIO(b"c"))

    assert told(str(path)) == [("1", RejectReason.NO_SOURCE)]


@pytest.mark.parametrize(
    ("blocks", "reason"), [(9, RejectReason.TRUNCATED), (8, RejectReason.DAMAGED)], ids=["between members", "in one"]
)
def test_a_cut_tar_gives_what_it_has_and_then_its_damage(
    tmp_path: pathlib.Path, blocks: int, reason: RejectReason
) -> None:
    whole = write_tar(tmp_path / "a.tar", {f"{n}.{e}": b"x" * 600 for n in range(3) for e in ("png", "txt")})
    cut = tmp_path / "cut.tar"
    cut.write_bytes(pathlib.Path(whole).read_bytes()[: 512 * blocks])

    found = told(str(cut))

    assert found[0] == ("0", "x" * 600)
    assert found[-1] == ("", reason)


def test_rows_of_jsonl_name_images_beside_them(tmp_path: pathlib.Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(b"a")
    path = write_jsonl(
        tmp_path / "pairs.jsonl",
        {"image": "images/a.png", "captions": ["one", " ", "two"], "url": "https://a.example/"},
        {"image": "images/a.png", "caption": None, "alt": "its alt"},
        {"image": "images/none.png", "caption": "x"},
        {"image": "../secret.png", "caption": "x"},
        {"image": "/etc/hostname", "caption": "x"},
        {"caption": "x"},
        "no json",
        {"image": "images/a.png"},
    )

    assert told(path) == [
        ("0.0", "one"),
        ("0.1", "two"),
        ("1", "its alt"),
        ("2", RejectReason.NOT_FOUND),
        ("3", RejectReason.NOT_FOUND),
        ("4", RejectReason.NOT_FOUND),
        ("5", RejectReason.BAD_ROW),
        ("6", RejectReason.BAD_ROW),
        ("7", RejectReason.NO_CAPTION),
    ]


def test_parquet_and_compressed_jsonl_give_the_same_pairs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    rows = [{"image": "a.png", "caption": f"caption {n}"} for n in range(600)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    plain = write_jsonl(tmp_path / "pairs.jsonl", *rows)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(pathlib.Path(plain).read_bytes()))

    assert told(plain) == told(str(tmp_path / "pairs.parquet")) == told(str(tmp_path / "packed.jsonl.gz"))
    assert len(told(plain)) == 600


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.tar", None, RejectReason.INPUT_MISSING),
        ("none.jsonl", b"", RejectReason.INPUT_EMPTY),
        ("bad.parquet", b"PAR1 not parquet at all", RejectReason.DAMAGED),
        ("bad.tar", b"x" * 2000, RejectReason.DAMAGED),
        ("bad.jsonl.gz", gzip.compress(b'{"image": "a"}' * 99, mtime=0)[:-20], RejectReason.DAMAGED),
    ],
)
def test_a_file_that_cannot_be_read_is_one_rejection(
    tmp_path: pathlib.Path, name: str, content: bytes | None, reason: RejectReason
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    found = list(read_pairs(str(tmp_path / name)))

    assert isinstance(found[-1], BadPair)
    assert (found[-1].reason, found[-1].key) == (reason, "")


def test_a_table_without_the_image_column_says_so(tmp_path: pathlib.Path) -> None:
    pq.write_table(pa.table({"caption": ["x"]}), tmp_path / "a.parquet")

    (found,) = read_pairs(str(tmp_path / "a.parquet"))

    assert isinstance(found, BadPair)
    assert "lacks the columns ['image']" in found.detail


def test_of_a_folder_only_tars_and_tables_are_taken(tmp_path: pathlib.Path) -> None:
    for name in ("b.tar", "a.parquet", "c.jsonl.zst", "x.png", "stats.json"):
        (tmp_path / name).touch()
    folder, missing = str(tmp_path), str(tmp_path / "none/*.tar")

    names = [path.rsplit("/", 1)[-1] for path in pair_files((folder,), None)]

    assert names == ["a.parquet", "b.tar", "c.jsonl.zst"]
    assert [path.rsplit("/", 1)[-1] for path in pair_files((folder,), 1)] == ["a.parquet"]
    assert pair_files((missing,), None) == [missing]


def test_no_more_than_the_limit_is_read_of_an_image(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 1000)

    assert read_image(str(tmp_path / "a.png"), 10) == b"x" * 11


def test_the_pairs_of_the_corpus_are_all_there() -> None:
    coco = told(str(corpus_path("pairs", "coco_ccby", "pairs.jsonl")))
    web = told(str(corpus_path("pairs", "web_alt.jsonl")))

    assert (len(coco), len(web)) == (145, 289)
    assert all(isinstance(caption, str) and not isinstance(caption, RejectReason) for _, caption in coco + web)
