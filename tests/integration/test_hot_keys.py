"""Inputs made to fill one group: the run keeps within the memory that a well-spread input of the same size needs."""

import io
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from PIL import Image
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipelines.runs.folder import RunFolder
from schemas.images import FetchedUrl
from tests.integration.lines import ROOT
from tests.pipelines.fetch.web.server import HostileServer, answer, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("memory")]

PAGES = 600
KIND = PAGES // 4
MOST_GROWTH = 1.15
"""The adversarial input may need so much of the address space of the well-spread one."""

SMALLER_BOUNDS = """
import sys
from pipelines.dedup import plans as dedup
from pipelines.fetch import plans as fetch
fetch.URLS_PER_PORTION = 60
dedup.ITEMS_PER_BUCKET = 200
from beam_runner import main
sys.exit(main())
"""
"""The program with bounds as much smaller as this input is, so that hosts are cut and there are several buckets."""

HOT_HOST = "127.0.0.1"
WORDS = ("lamp", "keeper", "harbour", "storm", "ledger", "captain", "tide", "signal", "coal", "rope", "fog", "stairs")


def sentence(number: int, n_words: int = 60) -> str:
    """Returns a text that shares no five words in a row with that of another number, but by chance."""
    state = number + 1
    words = []
    for _ in range(n_words):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(f"{WORDS[(state >> 33) % len(WORDS)]}{(state >> 40) % 97}")
    return " ".join(words)


def host_of(number: int) -> str:
    """Returns one of 300 hosts of this machine."""
    return f"127.0.{number % 300 // 250 + 1}.{number % 250 + 1}"


def spread_pages() -> Iterator[tuple[str, str, str]]:
    """Yields URL, text and image of pages that have nothing in common."""
    for number in range(PAGES):
        yield f"https://host-{number % 300}.example/{number}", sentence(number), f"{host_of(number)}/{number}.png"


def hot_pages() -> Iterator[tuple[str, str, str]]:
    """Yields as many pages, a quarter of each kind, three quarters with an image on one host.

    Captures of one URL; copies of one text; texts that are unlike by a word; pages with one image.
    """
    for number in range(PAGES):
        kind = number % 4
        url = "https://hot.example/page" if kind == 0 else f"https://host-{number % 300}.example/{number}"
        text = {1: sentence(7), 2: f"{sentence(8)} and{number}"}.get(kind, sentence(number))
        host = HOT_HOST if kind else host_of(number)
        yield url, text, f"{HOT_HOST}/logo.png" if kind == 3 else f"{host}/{number}.png"


def write_input(folder: pathlib.Path, pages: Iterator[tuple[str, str, str]], port: int) -> None:
    """Writes pages as archives."""
    found = list(pages)
    for archive in range(6):
        with (folder / f"{archive}.warc.gz").open("wb") as file:
            writer = WARCWriter(file, gzip=True)
            for url, text, image in found[archive::6]:
                address = "http://" + image.replace("/", f":{port}/", 1)
                article = f"<p>{text}.</p><img src='{address}'>"
                body = f"<html><body><article>{article}</article></body></html>"
                headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
                data = body.encode()
                writer.write_record(
                    writer.create_warc_record(
                        url, "response", payload=io.BytesIO(data), length=len(data), http_headers=headers
                    )
                )


def picture(number: int) -> bytes:
    """Returns an image of its own colour."""
    data = io.BytesIO()
    Image.new("RGB", (160, 160), (number % 256, number // 256, 120)).save(data, "PNG")
    return data.getvalue()


def run(folder: pathlib.Path, limit: int | None) -> int:
    """Runs the jobs that group, under a limit on the address space, and returns the peak of resident bytes."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"version: 1\nrun: {folder}/run\ninput: {{pages: [{folder}/*.warc.gz]}}\n"
        "fetch:\n  source: web\n  user_agent: mm1-test/1.0 (+https://lab.example/bot)\n  opt_out: []\n"
        "  allow_private_addresses: true\n  ports: []\n  per_host: {connections: 1, requests_per_s: 1000}\n"
        "score: {model: null}\nrecaption: {captioner: none}\n"
    )
    limited = ["prlimit", f"--as={limit}"] if limit is not None else []
    words = [*limited, sys.executable, "-c", SMALLER_BOUNDS]
    words += ["run", str(recipe), "--engine", "inproc", "--jobs", "interleave..dedup"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "ARROW_NUM_THREADS": "1"}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output, env=environment)
        peak = peak_address_space(process)
    assert process.returncode == 0, log.read_text()[-3000:]
    return peak


def peak_address_space(process: "subprocess.Popen[bytes]") -> int:
    """Waits for a process and returns the most address space that it was seen to have, in bytes."""
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            break
        peak = max([peak, *(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmPeak"))])
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    return peak


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    behaviours = {f"/{number}.png": answer(200, picture(number)) for number in range(PAGES)}
    with serving({**behaviours, "/logo.png": answer(200, picture(PAGES))}) as server:
        yield server


def test_hot_keys_need_no_more_memory_than_spread_ones(tmp_path: pathlib.Path, server: HostileServer) -> None:
    spread, hot = tmp_path / "spread", tmp_path / "hot"
    for folder, pages in ((spread, spread_pages()), (hot, hot_pages())):
        folder.mkdir()
        write_input(folder, pages, server.port)
    needed = run(spread, None)

    run(hot, round(needed * MOST_GROWTH))

    found = RunFolder(str(hot / "run"))
    verdicts = found.committed("dedup").counts["document"]
    assert verdicts.n_in == PAGES
    assert verdicts.rejected == {
        "duplicate_url": KIND - 1,
        "duplicate_image_set": KIND - 1,
        # The copies of a text, and the texts unlike by a word.
        "near_duplicate": 2 * (KIND - 1),
    }
    fetched = list(found.read("fetch", FetchedUrl, "fetches"))
    assert len(fetched) == 3 * KIND + 1 == found.committed("fetch").main().n_out
    # The hot host's URLs and a copy of the logo for each archive came in portions of about 50; no other host was cut.
    portions = [part for part in found.committed("fetch").table("fetches") if "part-host-" in part.path]
    assert {re.sub(r"host-[0-9a-f]{16}-\d{5}", "", part.path) for part in portions} == {
        "fetch/fetches/part--of-00006.parquet"
    }
    assert len(portions) == 6
    assert max(part.rows for part in portions) < 100
