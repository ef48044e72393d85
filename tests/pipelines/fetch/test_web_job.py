"""The job from the web: pages to images over HTTP, on loopback, with one answer for each run."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from pipelines.engines.settings import EngineSettings
from pipelines.fetch import plans
from pipelines.fetch.fetch_urls import FetchPortion
from pipelines.fetch.transform import JOB
from pipelines.runs.folder import RunFolder
from pipelines.runs.output import ItemOutput
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


def run_fetch(
    run: pathlib.Path,
    server: HostileServer,
    hosts: tuple[str, ...] = ("127.0.0.1", "127.0.0.2"),
    engine: EngineSettings = INPROC,
    connections: int = 4,
) -> RunFolder:
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
            per_host=PerHost(connections=connections, requests_per_s=1000),
        ),
    )
    documents = documents_job([[document("https://page.example/", [*urls, "words"])]])
    run_line(recipe, [documents, JOB], engine)
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


def rows(folder: RunFolder) -> list[FetchedUrl]:
    return sorted(folder.read("fetch", FetchedUrl, "fetches"), key=lambda row: row.url)


def test_a_host_in_portions_gives_what_it_gives_whole(
    tmp_path: pathlib.Path, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_fetch(tmp_path / "whole", server)
    monkeypatch.setattr(plans, "URLS_PER_PORTION", 3)
    cut = run_fetch(tmp_path / "cut", server)

    assert rows(cut) == rows(whole)
    assert cut.committed("fetch").main() == whole.committed("fetch").main()
    # 11 URLs of each host in four portions by hash: of 22 none is on a host that is not cut.
    names = {part.path.rsplit("/", 1)[1] for part in cut.committed("fetch").table("fetches")}
    assert all(re.fullmatch(r"part-host-[0-9a-f]{16}-0000[0-3]-of-00004\.parquet", name) for name in names)


@pytest.mark.slow
def test_two_workers_ask_a_host_in_portions_by_one_connection_and_write_the_same_bytes(
    tmp_path: pathlib.Path, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "URLS_PER_PORTION", 3)
    host = ("127.0.0.1",)
    run_fetch(tmp_path / "one", server, host, connections=1)
    run_fetch(tmp_path / "two", server, host, EngineSettings(name="local", workers=2), connections=1)

    assert server.most_at_once == 1
    assert files(tmp_path / "one/fetch") == files(tmp_path / "two/fetch")


def test_a_finished_portion_is_not_asked_for_again(
    tmp_path: pathlib.Path, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "URLS_PER_PORTION", 3)
    run = FetchPortion.run

    begun: list[int] = []

    def die_at_the_second(worker: FetchPortion, item: str, output: ItemOutput) -> None:
        begun.append(output.number)
        if len(begun) == 2:
            raise OSError("the machine is gone")
        run(worker, item, output)

    with monkeypatch.context() as dying:
        dying.setattr(FetchPortion, "run", die_at_the_second)
        with pytest.raises(Exception, match="the machine is gone"):
            run_fetch(tmp_path / "run", server, ("127.0.0.1",))
    asked = set(server.requests) - {"/robots.txt", "/.well-known/tdmrep.json"}
    assert asked
    server.requests.clear()

    folder = run_fetch(tmp_path / "run", server, ("127.0.0.1",))

    # What moves leads to another portion's image.
    assert not (asked - {"/0.png"}) & set(server.requests)
    assert folder.committed("fetch").main().n_in == 11
