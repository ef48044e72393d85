"""Cuts a document that is longer than a row into pieces.

Pieces end between segments, so an image is never cut. Only a text that is too long for a row by itself is cut inside:
after a paragraph, else after a sentence, else between two words, else between two tokens, whichever is found first
in the last two thirds of what fits.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.samples import PoolImage, PoolText

PARAGRAPH = "\n\n"
Segment = PoolText | PoolImage

_BREAKS = (
    re.compile(r"\n\n+"),
    re.compile(r"(?<=[.!?。！？])[\"'”’)\]]*\s+|\n"),
    re.compile(r"\s+"),
)
_MIN_FILL = 1 / 3
"""A break earlier than this in what fits is passed over for a finer one: it would waste most of the row."""

_CHARACTERS_PER_TOKEN = 16
"""How far a text is looked into for one piece. Text that is denser gives a shorter piece, never a wrong one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLimits:
    """What fits in one row beside the tokens that frame a sample."""

    positions: int
    images: int
    tokens_per_image: int


class Cutter:
    """Cuts documents under fixed limits with a fixed tokenizer."""

    def __init__(self, limits: RowLimits, token_starts: Callable[[str], Sequence[int]]) -> None:
        """Takes the limits and a function that gives the character at which each token of a text starts."""
        self._limits, self._token_starts = limits, token_starts

    def cut(self, segments: Sequence[Segment]) -> list[tuple[Segment, ...]]:
        """Returns the pieces of a document in order: together they have all its images and all its words."""
        limits = self._limits
        pieces: list[tuple[Segment, ...]] = []
        waiting = list(reversed(merge_texts(segments)))
        piece: list[Segment] = []
        positions = images = 0
        while waiting:
            segment = waiting.pop()
            length, n_images = self._length(segment), int(isinstance(segment, PoolImage))
            if positions + length <= limits.positions and images + n_images <= limits.images:
                piece.append(segment)
                positions, images = positions + length, images + n_images
                continue
            if isinstance(segment, PoolText) and length > limits.positions:
                head, tail = self.split(segment.text, limits.positions - positions, must=not piece)
                piece += [PoolText(text=head)] if head else []
                waiting += [PoolText(text=tail)] if tail else []
            else:
                waiting.append(segment)
            pieces.append(tuple(piece))
            piece, positions, images = [], 0, 0
        return [*pieces, tuple(piece)] if piece else pieces

    def split(self, text: str, room: int, *, must: bool = True) -> tuple[str, str]:
        """Returns head and tail of a text, the head of at most ``room`` tokens.

        Args:
            text: Any text.
            room: At least 1.
            must: Whether to cut wherever it has to be. Else the head may be empty: it only ends after a paragraph.
        """
        window = (room + 1) * _CHARACTERS_PER_TOKEN
        starts = self._token_starts(text[:window])
        limit = starts[room] if room < len(starts) else min(window, len(text))
        while limit > 0:
            end = _last_break(text, limit, _BREAKS if must else _BREAKS[:1]) or (limit if must else 0)
            head = text[:end].rstrip() if end else ""
            # By itself a head may have other tokens at its end than within the text: if so, an earlier break.
            if not head or len(self._token_starts(head)) <= room:
                return head, text[end:].lstrip() if head else text
            limit = end - 1
        return "", text

    def _length(self, segment: Segment) -> int:
        if isinstance(segment, PoolImage):
            return self._limits.tokens_per_image
        # Of a very long text only enough is counted to know that it is too long: time stays linear in its length.
        window = self._limits.positions * _CHARACTERS_PER_TOKEN
        return len(self._token_starts(segment.text[:window])) + max(0, len(segment.text) - window)


def _last_break(text: str, limit: int, patterns: Sequence[re.Pattern[str]]) -> int:
    """Returns the end of the last break of the coarsest kind that lies far enough into the text, 0 if there is none."""
    for pattern in patterns:
        end = 0
        for match in pattern.finditer(text, 0, limit):
            end = match.end()
        if end >= limit * _MIN_FILL:
            return end
    return 0


def merge_texts(segments: Sequence[Segment]) -> list[Segment]:
    """Returns the segments with neighbouring texts joined as paragraphs, and texts without words left out."""
    merged: list[Segment] = []
    for segment in segments:
        if isinstance(segment, PoolImage):
            merged.append(segment)
        elif segment.text.strip():
            last = merged[-1] if merged else None
            if isinstance(last, PoolText):
                merged[-1] = PoolText(text=last.text + PARAGRAPH + segment.text)
            else:
                merged.append(segment)
    return merged
