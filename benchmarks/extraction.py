"""Main content of labelled article pages, ours and the peers': precision, recall, F1, speed, images.

    python -m benchmarks.extraction [--folder FOLDER] [--rounds 3] [--profile]

The pages and their texts are those of the article extraction benchmark of Scrapinghub, in a folder with
``ground-truth.json`` and ``html/<id>.html.gz``; the score is that benchmark's: shingles of four words, each page weighs
the same, precision and recall are averaged over pages, F1 is of the two averages. Peers that are not installed are
passed over: ``uv pip install -e '.[bench]'`` installs them. All run in one process, one after the other, on bytes.
"""

import argparse
import gzip
import json
import pathlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean

from benchmarks.own_time import sample
from pipelines.interleave.document import extract_content, extract_page, extract_pages
from schemas.documents import ImageSegment, Segment, TextSegment
from schemas.pages import Page
from tests.corpus import CORPUS

SHINGLE_WORDS = 4
PROFILE_SECONDS = 60

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page and its text as marked by people."""

    url: str
    body: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an extractor made of a page."""

    text: str
    n_images: int = 0


Extractor = Callable[[LabelledPage], Extracted]


def read_pages(folder: pathlib.Path) -> list[LabelledPage]:
    """Returns the labelled pages of a folder."""
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    return [
        LabelledPage(
            row["url"], gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), row["articleBody"]
        )
        for name, row in sorted(truth.items())
    ]


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Returns the runs of four words of a text, or all its words where it has fewer."""
    words = _WORD.findall(text)
    return Counter(tuple(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1)) if words)


def score(pages: list[LabelledPage], texts: list[str]) -> tuple[float, float, float]:
    """Returns precision, recall and F1."""
    precisions, recalls = [], []
    for page, text in zip(pages, texts, strict=True):
        truth, found = shingles(page.text), shingles(text)
        common = (truth & found).total()
        if found:
            precisions.append(common / found.total())
        if truth:
            recalls.append(common / truth.total())
    precision, recall = mean(precisions), mean(recalls)
    return precision, recall, 2 * precision * recall / (precision + recall)


def _extracted(segments: tuple[Segment, ...]) -> Extracted:
    texts = [segment.text for segment in segments if isinstance(segment, TextSegment)]
    return Extracted("\n\n".join(texts), sum(isinstance(segment, ImageSegment) for segment in segments))


def ours(page: LabelledPage) -> Extracted:
    """Returns what our default engine makes of a page."""
    return _extracted(extract_content(page.body, None, page.url).segments)


def _ours_bs4(page: LabelledPage) -> Extracted:
    return _extracted(extract_content(page.body, None, page.url, parser="bs4").segments)


def _ours_whole(page: LabelledPage) -> Extracted:
    return _extracted(getattr(extract_page(_page(page), max_images=1_000_000).outcome, "segments", ()))


def _page(page: LabelledPage) -> Page:
    return Page(
        url=page.url, body=page.body, content_type=None, crawl_time=None, archive="", record_offset=0, record_length=0
    )


def peers() -> Iterator[tuple[str, Extractor]]:
    """Yields the peers that are installed, with the settings that they recommend."""
    for make in (_trafilatura, _trafilatura_articles, _readability, _resiliparse, _justext):
        try:
            yield make()
        except ImportError as error:
            print(f"not installed: {error.name}")


def _trafilatura() -> tuple[str, Extractor]:
    import trafilatura

    return "trafilatura", lambda page: Extracted(trafilatura.extract(page.body) or "")


def _trafilatura_articles() -> tuple[str, Extractor]:
    import trafilatura

    def extract(page: LabelledPage) -> Extracted:
        return Extracted(trafilatura.extract(page.body, include_comments=False) or "")

    return "trafilatura, no comments", extract


def _readability() -> tuple[str, Extractor]:
    import lxml.html
    from readability import Document

    def extract(page: LabelledPage) -> Extracted:
        summary = Document(page.body.decode("utf-8", "replace")).summary()
        tree = lxml.html.fromstring(summary)
        return Extracted(tree.text_content(), len(tree.findall(".//img")))

    return "readability-lxml", extract


def _resiliparse() -> tuple[str, Extractor]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    def extract(page: LabelledPage) -> Extracted:
        return Extracted(
            extract_plain_text(bytes_to_str(page.body, detect_encoding(page.body) or "utf-8"), main_content=True)
        )

    return "resiliparse", extract


def _justext() -> tuple[str, Extractor]:
    import justext

    stop_words = justext.get_stoplist("English")

    def extract(page: LabelledPage) -> Extracted:
        found = justext.justext(page.body, stop_words)
        return Extracted("\n\n".join(paragraph.text for paragraph in found if not paragraph.is_boilerplate))

    return "justext (English)", extract


def measure(extract: Extractor, pages: list[LabelledPage], rounds: int) -> tuple[list[Extracted], float]:
    """Returns what an extractor made of the pages, and the CPU seconds of the fastest round after a first one."""
    extracted = [run_or_nothing(extract, page) for page in pages]
    seconds = []
    for _ in range(rounds):
        before = time.process_time()
        for page in pages:
            run_or_nothing(extract, page)
        seconds.append(time.process_time() - before)
    return extracted, min(seconds)


def run_or_nothing(extract: Extractor, page: LabelledPage) -> Extracted:
    """Returns what an extractor makes of a page; nothing, and a line that says why, where it fails."""
    try:
        return extract(page)
    except Exception as error:  # a peer's failure on a page is its result
        print(f"{page.url}: {type(error).__name__}: {error}")
        return Extracted("")


def print_profile(folder: pathlib.Path) -> None:
    """Prints our functions by their own CPU time, as shares of the time that lexbor's parsing alone takes."""
    command = ["-m", "benchmarks.extraction", "--folder", str(folder), "--only-repeat", str(PROFILE_SECONDS)]
    times = sample(command, library="selectolax", inside="_repeat")
    parsing = next(n for name, n in times.in_library.items() if name.startswith("lay_out_lexbor "))
    print(f"\n{'of parsing':>10}  {'and in selectolax':>17}")
    for name, samples in times.own.most_common(20):
        print(f"{samples / parsing:10.3f}  {times.in_library[name] / parsing:17.3f}  {name}")


def _repeat(pages: list[LabelledPage], seconds: float) -> None:
    whole = [_page(page) for page in pages]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        extract_pages(whole)


def main() -> None:
    """Prints a table, best F1 first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=CORPUS / "extraction")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="also print where our time goes")
    parser.add_argument(
        "--only-repeat", type=float, metavar="SECONDS", help="only extract again and again: to be profiled"
    )
    arguments = parser.parse_args()
    pages = read_pages(arguments.folder)
    if arguments.only_repeat:
        _ours_whole(pages[0])  # loads models and tables
        _repeat(pages, arguments.only_repeat)
        return
    all_ours: list[tuple[str, Extractor]] = [
        ("mm1", ours),
        ("mm1, with language and statistics", _ours_whole),
        ("mm1, BeautifulSoup engine", _ours_bs4),
    ]
    rows = []
    for name, extract in [*all_ours, *peers()]:
        extracted, seconds = measure(extract, pages, 1 if "Soup" in name else arguments.rounds)
        precision, recall, f1 = score(pages, [found.text for found in extracted])
        images = sum(found.n_images for found in extracted)
        rows.append((f1, name, precision, recall, len(pages) / seconds, 1000 * seconds / len(pages), images))
    print(f"{len(pages)} pages, {sum(len(page.body) for page in pages) / 1e6:.1f} MB\n")
    print(f"{'':34} {'P':>6} {'R':>6} {'F1':>6} {'pages/s':>8} {'CPU ms':>7} {'images':>7}")
    for f1, name, precision, recall, speed, milliseconds, images in sorted(rows, reverse=True):
        print(f"{name:34} {precision:6.3f} {recall:6.3f} {f1:6.3f} {speed:8.0f} {milliseconds:7.2f} {images:7}")
    if arguments.profile:
        print_profile(arguments.folder)


if __name__ == "__main__":
    main()
