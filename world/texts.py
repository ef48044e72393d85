"""Plain texts: JSON lines of articles, some of them of a kind that filters should leave out."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from schemas.rejections import RejectReason
from world.articles import Article, english_article, foreign_article, repetitive_article
from world.seeds import keyed_random
from world.truth import TruthRow


def write_texts(seed: int, path: Path, *, part: int, number: int) -> Iterator[TruthRow]:
    """Writes one ``.jsonl.gz`` of ``number`` texts and yields a row for each."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
    ):
        for place in range(number):
            row, article = plan_text(seed, part, place, path.name)
            record = {
                "id": row.id,
                "url": f"https://library.texts.example/{row.id}",
                "text": row.text,
                "language": article.language,
            }
            packed.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            yield row


def plan_text(seed: int, part: int, place: int, file_name: str) -> tuple[TruthRow, Article]:
    """Returns a text. Of each 20: 16 good, and one each short, repetitive, foreign, repeated."""
    text_id = f"{part:05d}-{place:04d}"
    rng = keyed_random(seed, "text", part, place)
    what, article, reason = _content(rng, place % 20)
    original = None
    if what == "copy":
        original, article = plan_text(seed, part, place - 19, file_name)
    row = TruthRow(
        kind="text",
        id=text_id,
        what=what,
        file=f"text/{file_name}",
        language=article.language,
        text="\n\n".join(article.paragraphs),
        duplicate_of=original.id if original else None,
        duplicate_how="exact" if original else None,
        reason=reason,
    )
    return row, article


def _content(rng: Random, kind: int) -> tuple[str, Article, RejectReason | None]:
    if kind == 4:
        short = Article(title="", paragraphs=("Please sign in.",), language="en")
        return "short", short, RejectReason.TOO_FEW_WORDS
    if kind == 9:
        return "repetitive", repetitive_article(rng), RejectReason.WORD_REPETITION
    if kind == 14:
        language = rng.choice(("fr", "de"))
        return "foreign", foreign_article(rng, language), RejectReason.WRONG_LANGUAGE
    article = english_article(rng, num_paragraphs=rng.randint(3, 8))
    if kind == 19:
        return "copy", article, RejectReason.NEAR_DUPLICATE
    return "article", article, None
