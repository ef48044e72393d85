"""Writes a whole world, block by block: blocks are independent, so they may run in processes."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from world.archive import Archive
from world.drawing import Look, draw, encode
from world.heldout import number_of_heldout, write_heldout
from world.markup import main_text, page_html
from world.pairs import write_pairs
from world.pictures import picture_bytes
from world.plan import Capture, Figure, PageKind, PagePlan
from world.planning import SHARE_PERIOD, capture_date, plan_page
from world.scenes import Scene, Sign
from world.sites import number_of_sites, site
from world.texts import write_texts
from world.truth import TruthRow, TruthWriter

BLOCK_PAGES = SHARE_PERIOD
"""Pages in one WARC. A block holds everything that its pages repeat of one another."""

_IMAGE_DATE = "2024-03-02T00:00:00Z"

_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    """What to generate. The same values give the same bytes, whatever ``workers`` is."""

    out: Path
    """Folder of the world; must not exist yet, or be empty."""

    pages: int = 300
    """Pages, pairs and texts of each: 30 to 100,000. 30 hold every kind of page."""

    seed: int = 1
    workers: int = 1
    """Processes that write blocks of 240 pages."""

    def __post_init__(self) -> None:
        if not 30 <= self.pages <= 1_000_000:
            raise ValueError(f"pages must be 30 to 1,000,000, got {self.pages}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be 0 to 2**63 - 1, got {self.seed}")
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1, got {self.workers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPaths:
    """Where the parts of a world lie."""

    root: Path

    @property
    def warc(self) -> Path:
        """Folder of ``pages-*.warc.gz`` and ``images-*.warc.gz``."""
        return self.root / "warc"

    @property
    def images(self) -> Path:
        """Folder in which ``host/path`` stands for ``https://host/path``."""
        return self.root / "images"

    @property
    def pairs(self) -> Path:
        """Folder of tars in img2dataset's layout."""
        return self.root / "pairs"

    @property
    def text(self) -> Path:
        """Folder of ``.jsonl.gz``."""
        return self.root / "text"

    @property
    def heldout(self) -> Path:
        """Folder of ``captions.jsonl``, ``questions.jsonl`` and ``images/``."""
        return self.root / "heldout"

    @property
    def truth(self) -> Path:
        """Table of ``TruthRow``; written last, so a world without it is not whole."""
        return self.root / "truth.parquet"


def generate(config: WorldConfig) -> WorldPaths:
    """Writes a world.

    Raises:
        FileExistsError: if the folder holds anything.
    """
    paths = WorldPaths(root=config.out)
    if config.out.exists() and any(config.out.iterdir()):
        raise FileExistsError(f"{config.out} is not empty; give a new folder or remove it")
    for folder in (paths.warc, paths.images, paths.pairs, paths.text):
        folder.mkdir(parents=True)
    unfinished = paths.truth.with_suffix(".part")
    writer = TruthWriter(unfinished)
    _write_logos(config, paths)
    for rows in _blocks(config, paths):
        writer.write(rows)
    writer.write(write_heldout(config.seed, paths.heldout, number_of_heldout(config.pages)))
    writer.close()
    shutil.move(unfinished, paths.truth)
    return paths


def _blocks(config: WorldConfig, paths: WorldPaths) -> Iterator[list[TruthRow]]:
    numbers = range(-(-config.pages // BLOCK_PAGES))
    write = partial(_write_block, config, paths)
    if config.workers == 1 or len(numbers) == 1:
        yield from map(write, numbers)
        return
    with ProcessPoolExecutor(config.workers) as pool:
        yield from pool.map(write, numbers)


def _write_block(config: WorldConfig, paths: WorldPaths, block: int) -> list[TruthRow]:
    """Writes the pages, images, pairs and texts of one block, and returns what they are."""
    seed = config.seed
    indices = range(block * BLOCK_PAGES, min((block + 1) * BLOCK_PAGES, config.pages))
    rows: list[TruthRow] = []
    with ExitStack() as stack:
        date = capture_date(indices[0])
        pages_path = paths.warc / f"pages-{block:05d}.warc.gz"
        pages = stack.enter_context(Archive(pages_path, date=date))
        images_path = paths.warc / f"images-{block:05d}.warc.gz"
        images = stack.enter_context(Archive(images_path, date=_IMAGE_DATE))
        written: set[str] = set()
        for index in indices:
            plan = plan_page(seed, config.pages, index)
            rows += _write_page(pages, plan, f"warc/{pages_path.name}")
            for position, (_, figure) in enumerate(plan.figures):
                rows.append(_image_row(plan, position, figure))
                if figure.source and figure.url not in written:
                    written.add(figure.url)
                    write_image(paths.images, images, figure.url, picture_bytes(seed, figure.source))
    number = len(indices)
    rows += write_pairs(seed, paths.pairs / f"{block:05d}.tar", tar=block, number=number)
    rows += write_texts(seed, paths.text / f"part-{block:05d}.jsonl.gz", part=block, number=number)
    return rows


def write_image(folder: Path, archive: Archive, url: str, body: bytes) -> None:
    """Writes an image to the folder ``host/path`` and to the archive."""
    parts = urlsplit(url)
    path = folder / parts.netloc / parts.path.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    kind = _MIME[url.rsplit(".", 1)[1]]
    archive.write_response(url, _IMAGE_DATE, status=200, headers=[("Content-Type", kind)], body=body)


def _write_page(archive: Archive, plan: PagePlan, file: str) -> Iterator[TruthRow]:
    for number, capture in enumerate(plan.captures):
        if plan.index % 10 == 0:
            archive.write_request(plan.url, capture.date)
        headers, body = _answer(plan, capture)
        archive.write_response(plan.url, capture.date, status=plan.status, headers=headers, body=body)
        yield _page_row(plan, capture, number, file)


def _answer(plan: PagePlan, capture: Capture) -> tuple[list[tuple[str, str]], bytes]:
    if plan.kind is PageKind.PDF:
        return [("Content-Type", "application/pdf")], b"%PDF-1.4\n%%EOF\n"
    if plan.kind is PageKind.REDIRECT:
        return [("Content-Type", "text/html"), ("Location", f"https://{plan.site.host}/")], b""
    declared = "; charset=iso-8859-1" if plan.kind is PageKind.LATIN_HEADER else ""
    if plan.encoding == "utf-8" and plan.index % 2:
        declared = "; charset=utf-8"
    return [("Content-Type", f"text/html{declared}")], page_html(plan, capture)


def _page_row(plan: PagePlan, capture: Capture, number: int, file: str) -> TruthRow:
    superseded = number < len(plan.captures) - 1
    has_text = plan.kind not in (PageKind.PDF, PageKind.REDIRECT)
    reason = "duplicate_url" if superseded else plan.reason
    return TruthRow(
        kind="page",
        id=plan.url,
        what=plan.kind.value,
        file=file,
        position=number,
        date=capture.date,
        language=plan.language,
        encoding=plan.encoding,
        status=plan.status,
        text=main_text(plan, capture) if has_text else None,
        duplicate_of=plan.url if superseded else plan.duplicate_of,
        duplicate_how="capture" if superseded else plan.duplicate_how,
        reason=reason,
    )


def _image_row(plan: PagePlan, position: int, figure: Figure) -> TruthRow:
    parts = urlsplit(figure.url)
    return TruthRow(
        kind="image",
        id=figure.url,
        what=figure.what,
        file=f"images/{parts.netloc}{parts.path}" if figure.source else "",
        page=plan.url,
        position=position,
        shows=figure.shows,
        alt=figure.alt,
        title=figure.title,
        caption=figure.caption,
        near=figure.near,
        texts_are_true=figure.texts_are_true,
        duplicate_of=figure.duplicate_of,
        duplicate_how=figure.duplicate_how,
        reason=figure.reason,
    )


def _write_logos(config: WorldConfig, paths: WorldPaths) -> None:
    """The picture in the head of every page of a site, outside the text."""
    with Archive(paths.warc / "images-sites.warc.gz", date=_IMAGE_DATE) as archive:
        for index in range(number_of_sites(config.pages)):
            home = site(config.seed, index)
            scene = Scene(background="gray", sign=Sign(word="NEWS", color="white", board="blue"))
            look = Look(width=320, height=200, format="png", noise=index)
            scheme = "http" if home.theme == 3 else "https"
            url = f"{scheme}://{home.host}/assets/logo.png"
            write_image(paths.images, archive, url, encode(draw(scene, look), "png"))
