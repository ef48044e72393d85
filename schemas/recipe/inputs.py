"""What the line reads, and how pages become documents."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT, check, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """What the line reads. Paths and patterns, local or of an object store."""

    __pydantic_config__: ClassVar = STRICT

    pages: tuple[str, ...] = ()
    """WARC (plain, .gz, .zst), folders of HTML laid out as host/path, Parquet or JSONL with ``url`` and ``html``."""

    pairs: tuple[str, ...] = ()
    """Image-caption pairs: img2dataset tars, JSONL or Parquet with ``image`` (a path) and ``caption``."""

    text: tuple[str, ...] = ()
    """WET, JSONL (.gz, .zst), Parquet with ``text``, or plain text files."""

    limit: int | None = None
    """Reads at most so many files of each input; for a first look."""

    def __post_init__(self) -> None:
        check(
            (bool(self.pages or self.pairs or self.text), "give at least one of pages, pairs and text"),
            (self.limit is None or self.limit > 0, f"limit: must be positive, got {self.limit}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleaveSettings:
    """How a page becomes a document."""

    __pydantic_config__: ClassVar = STRICT

    parser: Literal["lexbor", "bs4"] = "lexbor"
    """``lexbor`` (selectolax) is fast; ``bs4`` (BeautifulSoup) gives the same documents and is there to check it."""

    max_images: int = 30
    """A page with more images is left out (MM1 appendix A.1; OBELICS A.1.5)."""

    css_images: bool = False
    """Also takes images of ``image-set()`` and CSS backgrounds in ``style`` attributes."""

    max_page_bytes: int = 20_000_000

    def __post_init__(self) -> None:
        check(*positive(self, "max_images", "max_page_bytes"))
