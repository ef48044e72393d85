"""Inputs made to fill one group: the run keeps within the memory that a well-spread input of the same size needs."""

import io
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest
from PIL import Image
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipelines.runs.folder import RunFolder
from tests.integration.lines import MM1, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("memory")]

PAGES = 600
MOST_GROWTH = 1.15
"""The adversarial input may need so much of the address space of the well-spread one."""

WORDS = ("lamp", "keeper", "harbour", "storm", "ledger", "captain", "tide", "signal", "coal", "rope", "fog", "stairs")


def sentence(number: int, n_words: int = 60) -> str:
    """Returns a text that shares no five words in a row with that of another number, but by chance."""
    state = number + 1
    words = []
    for _ in range(n_words):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(f"{WORDS[(state >> 33) % len(WORDS)]}{(state >> 40) % 97}")
    return " ".join(words)


def spread_pages() -> Iterator[tuple[str, str, str]]:
    """Yields URL, text and image of pages that have nothing in common."""
    for number in range(PAGES):
        host = f"host-{number % 300}.example"
        yield f"https://{host}/{number}", sentence(number), f"https://img-{number % 300}.example/{number % 400}.png"


def hot_pages() -> Iterator[tuple[str, str, str]]:
    """Yields as many pages: a third captures of one URL, a third copies of one text, half on one host of images."""
    for number in range(PAGES):
        kind = number % 3
        url = "https://hot.example/page" if kind == 0 else f"https://host-{number % 300}.example/{number}"
        text = sentence(7) if kind == 1 else sentence(number)
        image_host = "img-hot.example" if number % 2 else f"img-{number % 300}.example"
        yield url, text, f"https://{image_host}/{number % 400}.png"


def write_input(folder: pathlib.Path, pages: Iterator[tuple[str, str, str]]) -> None:
    """Writes pages as archives, and the images that they refer to as a folder of hosts."""
    found = list(pages)
    for archive in range(6):
        with (folder / f"{archive}.warc.gz").open("wb") as file:
            writer = WARCWriter(file, gzip=True)
            for url, text, image in found[archive::6]:
                article = f"<p>{text}.</p><img src='{image}'><p>{text[:200]}.</p>"
                body = f"<html><body><article>{article}</article></body></html>"
                headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
                data = body.encode()
                writer.write_record(
                    writer.create_warc_record(
                        url, "response", payload=io.BytesIO(data), length=len(data), http_headers=headers
                    )
                )
    for image in {image for _, _, image in found}:
        path = folder / "web" / image.removeprefix("https://")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (160, 160), (hash_of(image) % 256, 90, 120)).save(path)


def hash_of(text: str) -> int:
    """Returns a number that depends on the text alone."""
    return sum(ord(letter) * position for position, letter in enumerate(text, 1))


def run(folder: pathlib.Path, limit: int | None) -> int:
    """Runs the jobs that group, under a limit on the address space, and returns the peak of resident bytes."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"version: 1\nrun: {folder}/run\ninput: {{pages: [{folder}/*.warc.gz]}}\n")
    with recipe.open("a") as file:
        file.write(
            f"fetch: {{source: {{folder: {folder}/web}}}}\nscore: {{model: null}}\nrecaption: {{captioner: none}}\n"
        )
    limited = ["prlimit", f"--as={limit}"] if limit is not None else []
    words = [*limited, MM1, "run", str(recipe), "--engine", "inproc", "--jobs", "interleave..dedup"]
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


def test_hot_keys_need_no_more_memory_than_spread_ones(tmp_path: pathlib.Path) -> None:
    spread, hot = tmp_path / "spread", tmp_path / "hot"
    for folder, pages in ((spread, spread_pages()), (hot, hot_pages())):
        folder.mkdir()
        write_input(folder, pages)
    needed = run(spread, None)

    run(hot, round(needed * MOST_GROWTH))

    verdicts = RunFolder(str(hot / "run")).committed("dedup").counts["document"]
    assert verdicts.n_in == PAGES
    # The copies of one page but the latest, and the copies of one text but one.
    assert verdicts.rejected["duplicate_url"] == PAGES // 3 - 1
    assert verdicts.rejected["near_duplicate"] >= PAGES // 3 - 1
