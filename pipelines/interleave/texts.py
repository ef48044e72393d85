"""White space and characters of text, as a page shows them."""

import re
import unicodedata

_CSS_SPACE = re.compile(r"[ \t\n\r\f]+")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\ufeff]")
"""Control characters, soft hyphens and byte order marks: nothing a reader sees."""


def collapse(text: str) -> str:
    """Returns ``text`` with white space collapsed by the rules of CSS Text 3, section 4.1.1: no-break spaces stay."""
    if "\n" not in text and "  " not in text and "\t" not in text and "\r" not in text and "\f" not in text:
        return text.strip(" ")
    if text.isascii():
        return " ".join(text.split())
    if "\x0b" in text:
        return _CSS_SPACE.sub(" ", text).strip(" ")
    # Bytes are split at the white space of ASCII alone, which but for the vertical tab is that of CSS.
    return b" ".join(text.encode("utf-8", "surrogatepass").split()).decode("utf-8", "surrogatepass")


def normalise(text: str) -> str:
    """Returns ``text`` in Unicode normal form C, without characters that are not seen."""
    if not text.isprintable():
        text = _UNSEEN.sub("", text)
    if text.isascii():
        return text
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """Returns ``text`` as one line: collapsed, normalised, no white space at its ends."""
    return normalise(collapse(text)).strip()
