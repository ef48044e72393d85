"""The job from the web: pages to images over HTTP, on loopback, with one answer for each run."""

import pathlib
from collections.abc import Iterator

import pytest

from pipelines.fetch.transform import JOB
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from schemas.digests import image_id
from schemas.images import FetchedUrl
from schemas.recipe import FetchSettings, InputSettings, PerHost, Recipe
from schemas.summary import UnitCounts
from tests.pipelines.fetch.images import picture
from tests.pipelines.fetch.line import INPROC, document, documents_job, files
from tests.pipelines.fetch.web.server import HostileServer, answer, serving

IMAGES = [picture(seed=seed) for seed in range(8)]


@pytest.fixture
def server() -> Iterator[HostileServer]:
    paths = {f"/{number}.png": answer(200, data) for number, data in enumerate(IMAGES)}
    with serving({**paths, "/moved": answer(302, b"", "Location: /0.png"), "/html": answer(200, b"<html>")}) as server:
        yield server


def run_fetch(run: pathlib.Path, server: HostileServer) -> RunFolder:
    hosts = ["127.0.0.1", "127.0.0.2"]
    paths = [*(f"/{number}.png" for number in range(8)), "/moved", "/html", "/gone"]
    urls = [server.url(path, host) for host in hosts for path in paths]
    recipe = Recipe(
        version=1,
        run=str(run),
        input=InputSettings(pages=("x",)),
        fetch=FetchSettings(
            source="web",
            user_agent="mm1-test/1.0 (+https://lab.example/bot)",
            allow_private_addresses=True,
            ports=(),
            per_host=PerHost(connections=4, requests_per_s=1000),
        ),
    )
    documents = documents_job([[document("https://page.example/", [*urls, "words"])]])
    run_line(recipe, [documents, JOB], INPROC)
    return RunFolder(str(run))


def test_images_of_two_hosts_come_into_the_store(tmp_path: pathlib.Path, server: HostileServer) -> None:
    folder = run_fetch(tmp_path / "run", server)

    rows = {row.url: row for row in folder.read("fetch", FetchedUrl, "fetches")}
    assert rows[server.url("/moved")].image_id == image_id(IMAGES[0])
    assert rows[server.url("/moved")].final_url == server.url("/0.png")
    assert [rows[server.url(f"/{n}.png", "127.0.0.2")].image_id for n in range(8)] == [image_id(d) for d in IMAGES]
    assert folder.committed("fetch").main() == UnitCounts(
        n_in=22, n_out=18, rejected={"not_an_image": 2, "not_found": 2}
    )
    assert folder.committed("fetch").totals["images"] == 8


def test_the_order_of_the_answers_does_not_show(tmp_path: pathlib.Path, server: HostileServer) -> None:
    run_fetch(tmp_path / "one", server)
    run_fetch(tmp_path / "two", server)

    assert files(tmp_path / "one/fetch") == files(tmp_path / "two/fetch")
