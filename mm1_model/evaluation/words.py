"""Captions as words, as the Penn Treebank's tokenizer cuts them: what CIDEr counts.

Published scores use Stanford's PTBTokenizer, lower-cased, with a list of punctuation removed. These rules give the same
words on ordinary captions without Java; where that tool has a quirk that changes scores, they have it too.
"""

import re

_REMOVED = frozenset({'"', "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"})
"""Tokens that the caption metrics take out. Brackets stay, as ``-lrb-`` and so on: the published list has them in
capitals, and the text is in small letters by then.
"""

_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

_PLAIN = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u201c": '"', "\u201d": '"', "\u2013": " -- ", "\u2014": " -- ",
        "\u2026": "...", "\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4", "\u00a0": " ", "\u00ad": "",
    }
)  # fmt: skip

_ABBREVIATIONS = (
    "mr|mrs|ms|dr|prof|rev|gov|sen|rep|gen|col|capt|lt|sgt|st|sts|jr|sr|messrs|vs|al|inc|ltd|co|corp|bros|assn|dept|univ"
    "|ave|blvd|rd|mt|ft|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|etc|ph\\.d|no"
)

_TOKEN = re.compile(
    rf"""
      https?://[^\s"'<>]*[^\s"'<>.,;:!?)]      # addresses
    | (?:www\.)[^\s"'<>]*[^\s"'<>.,;:!?)]
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+              # mail
    | [\#@]\w+                                  # tags
    | </?[a-z][^<>]*>                           # markup
    | (?:[^\W\d_]\.){{2,}}(?:[^\W\d_](?!\w))?   # U.S.A., G.W.R
    | (?-i:[A-Z])\.(?!\w)                       # an initial
    | (?:{_ABBREVIATIONS})\.(?=\s+\S)           # mr., unless it ends the text
    | '(?:n|em|til|tis|twas|cause|\d\ds?)(?!\w)'?   # 'n', 'em, '90s
    | \$|%|&|\+|=|\*|~|\^|\||\\|<|>
    | \w+(?:[.,:/]\w+)*(?:[-'&]\w+(?:[.,/]\w+)*)*   # words and numbers with what joins them
    | \.{{2,}} | -{{2,}} | [!?]{{2,}}
    | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)

_ENDINGS = re.compile(r"^(.+?)(n't|'s|'re|'ve|'ll|'d|'m)$")
_FUSED = {
    "cannot": ("can", "not"), "gonna": ("gon", "na"), "gotta": ("got", "ta"), "wanna": ("wan", "na"),
    "lemme": ("lem", "me"), "gimme": ("gim", "me"), "'tis": ("'t", "is"), "'twas": ("'t", "was"),
}  # fmt: skip
_WHOLE = frozenset({"o'clock", "ma'am", "y'all"})


def caption_words(caption: str) -> list[str]:
    """Returns the words of a caption, lower-cased, without punctuation."""
    tokens = _TOKEN.findall(caption.translate(_PLAIN))
    parts = [part for token in tokens for part in _split(token.lower())]
    return [part for part in parts if part not in _REMOVED and part.strip(".")]


def _split(token: str) -> tuple[str, ...]:
    if token in _BRACKETS:
        return (_BRACKETS[token],)
    if token in _WHOLE:
        return (token,)
    if token in _FUSED:
        return _FUSED[token]
    ending = _ENDINGS.match(token)
    if ending:
        return ending.group(1), ending.group(2)
    if "'" in token[1:-1]:
        return _apart(token)
    return (token,)


def _apart(token: str) -> tuple[str, ...]:
    # A quote inside that is no contraction: "rock'n'roll", "5'10".
    before, _, after = token.partition("'n'")
    if after:
        return before, "'n'", after
    return tuple(part for piece in token.split("'") for part in (piece,) if part)
