"""URLs to files of a folder, and never to others."""

import os
import pathlib

import pytest

from pipelines.fetch.folder_source import FolderSource, folder_paths
from pipelines.fetch.results import Fetched, FetchRequest, Refused
from schemas.rejections import RejectReason


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    web = tmp_path / "web"
    (web / "a.example/sub").mkdir(parents=True)
    for name in ("x.png", "x y.png", "ü.png", "sub/z.png", "q.png?v=1", "%41.png"):
        (web / "a.example" / name).write_bytes(name.encode())
    (tmp_path / "secret.png").write_bytes(b"secret")
    (web / "a.example/link.png").symlink_to(tmp_path / "secret.png")
    (web / "a.example/inner.png").symlink_to(web / "a.example/x.png")
    os.mkfifo(web / "a.example/pipe.png")
    return web


def outcome(folder: pathlib.Path, url: str, max_bytes: int = 100) -> bytes | RejectReason:
    (result,) = FolderSource(str(folder), max_bytes=max_bytes).fetch([FetchRequest(url=url)])
    return result.data if isinstance(result, Fetched) else result.reason


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/x.png", "x.png"),
        ("/x%20y.png", "x y.png"),
        ("/%C3%BC.png", "ü.png"),
        ("/ü.png", "ü.png"),
        ("/sub/../x.png", "x.png"),
        ("//sub///z.png", "sub/z.png"),
        ("/x.png?size=1", "x.png"),
        ("/q.png?v=1", "q.png?v=1"),
        ("/x.png#part", "x.png"),
        ("/%2541.png", "%41.png"),
        ("/inner.png", "x.png"),
    ],
)
def test_a_path_is_decoded_once_and_found(folder: pathlib.Path, path: str, name: str) -> None:
    assert outcome(folder, f"https://a.example{path}") == name.encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/../../secret.png",
        "https://a.example/%2e%2e/%2e%2e/secret.png",
        "https://a.example/..%2f..%2fsecret.png",
        "https://a.example/sub%2f..%2f..%2f..%2fsecret.png",
        "https://a.example/..%5c..%5csecret.png",
        "https://a.example/x.png%00.jpg",
        "https://a.example/link.png",
        "https://a.example/pipe.png",
        "https://a.example/sub",
        "https://a.example/sub/",
        "https://a.example/",
        "https://../secret.png",
        "https://./secret.png",
        "file:///etc/hostname",
        "https://a.example/" + "a" * 5000,
        "not a url",
    ],
)
def test_nothing_outside_the_folder_and_nothing_but_files_is_read(folder: pathlib.Path, url: str) -> None:
    assert outcome(folder, url) in {RejectReason.NOT_FOUND, RejectReason.BAD_URL}


def test_a_file_over_the_limit_is_not_read(folder: pathlib.Path) -> None:
    assert outcome(folder, "https://a.example/x%20y.png", max_bytes=5) is RejectReason.TOO_MANY_BYTES


def test_an_empty_file_says_so(folder: pathlib.Path) -> None:
    (folder / "a.example/none.png").touch()

    assert outcome(folder, "https://a.example/none.png") is RejectReason.EMPTY_FILE


def test_results_come_in_the_order_of_the_requests(folder: pathlib.Path) -> None:
    urls = ["https://a.example/z", "https://a.example/x.png", "https://b.example/a"]

    results = list(FolderSource(str(folder), max_bytes=100).fetch([FetchRequest(url=url) for url in urls]))

    assert [result.url for result in results] == urls
    assert [isinstance(result, Refused) for result in results] == [True, False, True]


def test_a_port_is_a_part_of_the_host() -> None:
    assert folder_paths("http://a.example:8080/x.png") == ["a.example:8080/x.png"]
    assert folder_paths("http://a.example:80/x.png") == ["a.example/x.png"]
