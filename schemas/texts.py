"""Texts given as input for the text pool."""

from dataclasses import dataclass

from schemas.text_statistics import TextStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """One row of ``interleave/texts/part-*.parquet``."""

    text_id: str
    """Digest of archive and offset: 32 hexadecimal digits."""

    text: str
    """Paragraphs are separated by ``"\\n\\n"``."""

    url: str | None
    """Where the source states one."""

    language: str | None
    """ISO 639-1 code of the text, as identified."""

    language_score: float | None
    """Probability of ``language`` in [0, 1]."""

    archive: str
    """Path of the file it was read from."""

    offset: int
    """Byte offset of the record in the file as stored; row number for Parquet and JSONL; 0 for a whole file."""

    statistics: TextStatistics
    """Of the text as a whole."""

    paragraphs: tuple[TextStatistics, ...]
    """Of each paragraph, in order."""
