"""Work items: every file once, large archives in ranges, small files in groups."""

import pathlib

from pipelines.inputs import planning
from pipelines.inputs.folders import url_of_file
from pipelines.inputs.planning import ItemKind, plan_pages, plan_texts


def write(folder: pathlib.Path, *names: str, n_bytes: int = 10) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * n_bytes)


def test_a_large_archive_is_split_into_ranges_that_meet(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "a.warc.gz", n_bytes=1000)

    items = plan_pages([f"{tmp_path}/*.warc.gz"], range_bytes=300)

    assert [(item.start, item.end) for item in items] == [(0, 333), (333, 666), (666, None)]
    assert [item.is_first for item in items] == [True, False, False]


def test_a_file_named_by_two_patterns_is_read_once(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "a.warc.gz", "b.warc.gz")

    items = plan_pages([f"{tmp_path}/a.warc.gz", f"{tmp_path}/*.warc.gz"])

    assert [item.paths[0].rpartition("/")[2] for item in items] == ["a.warc.gz", "b.warc.gz"]


def test_a_pattern_that_names_nothing_is_an_item_that_says_so(tmp_path: pathlib.Path) -> None:
    (item,) = plan_pages([f"{tmp_path}/none-*.warc.gz"])

    assert item.kind is ItemKind.MISSING


def test_of_a_folder_the_pages_are_taken_in_groups(tmp_path: pathlib.Path) -> None:
    names = [f"site/h/{n:03d}.html" for n in range(planning.GROUP_FILES + 1)]
    write(tmp_path, *names, "site/h/picture.jpg", "site/index.jsonl")

    items = plan_pages([f"{tmp_path}/site"])

    assert [item.kind for item in items] == [ItemKind.FILES, ItemKind.FILES]
    assert [len(item.paths) for item in items] == [planning.GROUP_FILES, 1]
    assert {item.folder for item in items} == {f"{tmp_path}/site"}


def test_a_folder_without_pages_gives_its_archives_and_tables(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "crawl/a.warc.gz", "crawl/b.parquet", "crawl/readme.txt")

    kinds = [item.kind for item in plan_pages([f"{tmp_path}/crawl"])]

    assert sorted(kinds) == [ItemKind.ARCHIVE, ItemKind.TABLE]


def test_the_limit_counts_files_of_a_pattern(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "a.warc.gz", "b.warc.gz", "c.txt", "d.txt")

    assert len(plan_pages([f"{tmp_path}/*.warc.gz"], limit=1)) == 1
    assert len(plan_texts([f"{tmp_path}/*.txt"], limit=1)) == 1


def test_a_file_stands_for_the_url_of_its_host_and_path() -> None:
    assert url_of_file("/d/example.org/a/index.html", "/d") == "https://example.org/a/"
    assert url_of_file("/d/example.org/a b/\u00fc.html", "/d/") == "https://example.org/a%20b/%C3%BC.html"
    assert url_of_file("/d/loose.html", "/d") == "https://localhost/loose.html"
