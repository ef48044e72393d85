"""The ``srcset`` attribute, by the grammar of https://html.spec.whatwg.org/#parsing-a-srcset-attribute."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_CANDIDATES = 1_000
MAX_LENGTH = 65_536
"""Characters of a ``srcset`` that is read."""

_SPACE = " \t\n\f\r"
_URL = re.compile(r"[ \t\n\f\r,]*([^ \t\n\f\r]+)")
_DESCRIPTORS = re.compile(r"[^,(]*(?:\([^)]*\)?[^,(]*)*")
_WIDTH = re.compile(r"[0-9]+w\Z")
_HEIGHT = re.compile(r"[0-9]+h\Z")
_DENSITY = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?x\Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image of a ``srcset``: with a width in pixels, or a pixel density (1.0 where none is given)."""

    url: str
    width: int | None
    density: float


@lru_cache(maxsize=64)
def parse_srcset(value: str) -> tuple[Candidate, ...]:
    """Returns the candidates of a ``srcset``, in order; those with wrong descriptors are dropped, as the standard says.

    Reading stops after ``MAX_CANDIDATES``. The last results are remembered: an element is asked for its best candidate,
    then for all.
    """
    candidates: list[Candidate] = []
    position = 0
    while len(candidates) < MAX_CANDIDATES:
        match = _URL.match(value, position)
        if match is None:
            break
        url, position = match[1], match.end()
        if url.endswith(","):
            candidate = _candidate(url.rstrip(","), [])
        else:
            end = _DESCRIPTORS.match(value, position)
            assert end is not None  # the pattern matches the empty string
            candidate = _candidate(url, end[0].split())
            position = end.end() + 1
        if candidate is not None:
            candidates.append(candidate)
    return tuple(candidates)


def best_candidate(candidates: Sequence[Candidate]) -> Candidate | None:
    """Returns the largest candidate: by width where widths are given, else by density; the first of equals."""
    if not candidates:
        return None
    return max(candidates, key=lambda c: (c.width or 0, c.density))


def _candidate(url: str, descriptors: list[str]) -> Candidate | None:
    width: int | None = None
    density: float | None = None
    height: int | None = None
    for text in descriptors:
        if _WIDTH.match(text) and width is None and density is None and int(text[:-1][:9]) > 0:
            width = int(text[:-1][:9])
        elif _DENSITY.match(text) and width is None and density is None and height is None and _is_density(text):
            density = float(text[:-1])
        elif _HEIGHT.match(text) and height is None and density is None and int(text[:-1][:9]) > 0:
            height = int(text[:-1][:9])
        else:
            return None
    if height is not None and width is None:
        return None
    return Candidate(url, width, 1.0 if density is None else density) if url else None


def _is_density(text: str) -> bool:
    return 0 <= float(text[:-1]) < math.inf
