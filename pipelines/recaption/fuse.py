"""Alt text and a model's caption as one sentence, by rule.

VeCap (arXiv 2310.07699, section 3.2) lets a language model write one sentence from both: the model's caption says what
is seen, the alt text what cannot be seen (names, places, dates). Without a language model the same is done by words:

1. Both are cleaned: white space, a leading "a photo of", a final full stop.
2. An alt text that says nothing (a file name, no letters, "image") leaves the caption.
3. Names in the alt text (capitalised inside a sentence, or with a digit) give the caption their spelling.
4. Phrases of the alt text (apart by commas, full stops, dashes, bars) that have a word the caption lacks are appended;
   phrases that repeat the caption are dropped. Where only a place or time is new ("... in Maren"), that is appended.
5. One sentence: a capital first, a full stop last.
"""

import re
from collections.abc import Iterator

_ARTICLES = frozenset({"a", "an", "the", "this", "that", "these", "those", "some"})
_PREPOSITIONS = frozenset(
    {"in", "at", "on", "near", "by", "from", "of", "with", "for", "to", "into", "over", "under", "behind", "beside"}
    | {"during", "after", "before"}
)
_PLACE_OR_TIME = _PREPOSITIONS - {"of", "with", "for", "by", "from", "to", "into"}
_NUMBERS = frozenset({"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"})
_FILLERS = frozenset({"and", "or", "is", "are", "was", "were", "be", "been", "it", "its", "his", "her", "their", "as"})
_STOP = _ARTICLES | _PREPOSITIONS | _FILLERS
_SAYS_NOTHING = frozenset(
    {"image", "img", "photo", "photograph", "picture", "pic", "figure", "fig", "logo", "icon", "untitled", "thumbnail"}
    | {"screenshot", "placeholder", "banner", "null", "none", "undefined", "alt", "dsc"}
)
_LEAD = re.compile(
    r"^\s*(?:this |the |a |an )?(?:(?:image|photo|photograph|picture|figure|illustration)s?)\s*"
    r"(?:\d+\s*[.:]\s*|(?:that )?(?:shows?|showing|depicts?|depicting|features?|of)\b|\s*[:–-])\s*",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r"^\S+\.(?:jpe?g|png|gif|webp|avif|bmp|svg|tiff?)$|^(?:img|dsc|dscn|pict?|image)[_-]?\d+$", re.I
)
_PHRASE_END = re.compile(r"\s*(?:[,;:|]|\s[–—-]+\s|[.!?]+(?:\s+|$)|\s/\s)\s*")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


def fuse(alt: str, caption: str) -> str:
    """Returns one sentence of an alt text and a model's caption; empty only where both say nothing."""
    seen, said = clean(caption), clean(alt)
    if says_nothing(said):
        return sentence(seen)
    if not _content(seen):
        return sentence(said)
    seen = _with_names(seen, said)
    for phrase in _new_phrases(said, _content(seen)):
        seen += f" {phrase}" if _word_of(phrase.split()[0]) in _PLACE_OR_TIME else f", {phrase}"
    return sentence(seen)


def clean(text: str) -> str:
    """Returns a text on one line, without leads such as "a photo of" and without the full stop at its end."""
    line = " ".join(text.split()).rstrip(".").rstrip()
    while match := _LEAD.match(line):
        line = line[match.end() :]
    return line


def says_nothing(alt: str) -> bool:
    """Returns whether an alt text has no word that could be about the image."""
    if _FILE_NAME.match(alt):
        return True
    words = _content(alt)
    return not any(any(map(str.isalpha, word)) for word in words - _SAYS_NOTHING)


def sentence(text: str) -> str:
    """Returns a text with a capital letter first and a mark last."""
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def _content(text: str) -> set[str]:
    return {word for word in map(_word_of, _WORD.findall(text)) if word and word not in _STOP}


def _word_of(token: str) -> str:
    """Returns the form in which words are compared: letter case, possessive and a plural's ``s`` do not tell."""
    match = _WORD.search(token)
    word = (match.group() if match else "").casefold().replace("’", "'").removesuffix("'s")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _with_names(caption: str, alt: str) -> str:
    names = {_word_of(name): name for name in _names(alt)}
    return _WORD.sub(lambda match: names.get(match.group().casefold(), match.group()), caption)


def _names(alt: str) -> Iterator[str]:
    for phrase in re.split(r"[.!?]+\s+", alt):
        words = _WORD.findall(phrase)
        # In a title every word has a capital, which then says nothing.
        is_title = len(words) > 1 and all(word[0].isupper() for word in words if _word_of(word) not in _STOP)
        for place, word in enumerate(words):
            if any(map(str.isdigit, word)) or (word[0].isupper() and place > 0 and not is_title):
                yield word


def _new_phrases(alt: str, known: set[str]) -> Iterator[str]:
    known = set(known)
    for phrase in _PHRASE_END.split(alt):
        new = _content(phrase) - known - _SAYS_NOTHING
        if new:
            yield _lower_first(_new_part(phrase.split(), new))
            known |= new


def _new_part(tokens: list[str], new: set[str]) -> list[str]:
    """Returns the tokens from the preposition before the first new word on, all of them where there is none.

    Only a preposition of place or time can stand after any other sentence: "of" and "with" belong to a certain word.
    """
    words = [_word_of(token) for token in tokens]
    start = next(place for place, token in enumerate(tokens) if not new.isdisjoint(_content(token)))
    while start > 0 and words[start - 1] in _ARTICLES:
        start -= 1
    return tokens[start - 1 :] if start > 0 and words[start - 1] in _PLACE_OR_TIME else tokens


def _lower_first(tokens: list[str]) -> str:
    """Returns the tokens as text that does not begin a sentence: its first word may have had a capital for that."""
    first = tokens[0].lower() if tokens[0].lower() in _STOP | _NUMBERS else tokens[0]
    return " ".join([first, *tokens[1:]])
