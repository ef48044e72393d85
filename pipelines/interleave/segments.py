"""The main content of a page as segments: text and images in reading order."""

from pipelines.interleave.captions import assign_captions
from pipelines.interleave.images import FoundImage, describe_image
from pipelines.interleave.layout import LayoutBuilder, Run
from pipelines.interleave.render import render
from schemas.documents import Segment, TextSegment

NEAR_CHARACTERS = 300
"""Of the text beside an image that are kept with it."""


def make_segments(
    layout: LayoutBuilder, numbers: list[int], images: dict[int, FoundImage], base: str
) -> tuple[Segment, ...]:
    """Returns the segments of a page.

    Args:
        layout: The page.
        numbers: Of the runs that are kept, in order.
        images: Those that are kept, by number, in order.
        base: URL that links are resolved against.
    """
    captions = assign_captions(layout)
    segments: list[Segment] = []
    runs = [layout.runs[number] for number in numbers]
    position = 0
    for number, found in images.items():
        start = position
        while position < len(runs) and numbers[position] < layout.images[number].run:
            position += 1
        _add_text(segments, runs[start:position])
        near = _near(runs, position)
        segments.append(describe_image(layout.images[number], found, base, captions.get(number), near))
    _add_text(segments, runs[position:])
    return tuple(segments)


def _add_text(segments: list[Segment], runs: list[Run]) -> None:
    text = render(runs)
    if text.strip():
        segments.append(TextSegment(text=text))


def _near(runs: list[Run], position: int) -> str | None:
    if position > 0:
        return runs[position - 1].text[-NEAR_CHARACTERS:].strip()
    return runs[0].text[:NEAR_CHARACTERS].strip() if runs else None
