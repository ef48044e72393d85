"""A text given as input becomes a row of the text pool's source table."""

import re

from pipelines.inputs.texts import RawText
from pipelines.interleave.language import identify_language
from pipelines.interleave.text_statistics import describe
from pipelines.interleave.texts import normalise
from schemas.digests import keyed_digest
from schemas.texts import TextRow

_EMPTY_LINES = re.compile(r"\n[ \t\r\f\v]*(?:\n[ \t\r\f\v]*)+")


def make_text_row(raw: RawText) -> TextRow:
    """Returns the row of a text: normalised, paragraphs parted by one empty line, with language and statistics."""
    text = normalise(_EMPTY_LINES.sub("\n\n", raw.text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    language, score = identify_language(text)
    statistics, paragraphs = describe(text, language)
    return TextRow(
        text_id=keyed_digest("text", raw.archive, str(raw.offset)),
        text=text,
        url=raw.url,
        language=language,
        language_score=score,
        archive=raw.archive,
        offset=raw.offset,
        statistics=statistics,
        paragraphs=paragraphs,
    )
