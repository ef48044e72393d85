"""Which text is the caption of which image."""

from pipelines.interleave.boilerplate import Boilerplate
from pipelines.interleave.layout import Block, ImagePlace, LayoutBuilder

MAX_STEPS = 4
"""Blocks that are gone up from a caption to find its image."""

MAX_IMAGES = 4
"""In the block that holds caption and image; with more images a caption belongs to the nearest before it."""


def assign_captions(layout: LayoutBuilder) -> dict[int, str]:
    """Returns the caption of each image that has one, by the image's number in ``layout.images``.

    A caption that no image is near to is text: its runs and blocks lose their ``CAPTION`` reason.
    """
    captions: dict[int, list[str]] = {}
    for run in layout.runs:
        if run.block.reason is not Boilerplate.CAPTION:
            continue
        image = _image_of(run.block, layout.images)
        if image is None:
            run.is_caption = False
        else:
            run.is_caption = True
            captions.setdefault(image, []).append(run.text)
    return {image: " ".join(_distinct(texts)).replace("\n", " ") for image, texts in captions.items()}


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _image_of(block: Block, images: list[ImagePlace]) -> int | None:
    top = block
    while top.parent is not None and top.parent.reason is Boilerplate.CAPTION:
        top = top.parent
    holder: Block | None = top
    for _ in range(MAX_STEPS):
        if holder is None or holder.tag == "body":
            return None
        if holder.images_end > holder.images_start:
            return _nearest(holder, top, images)
        holder = holder.parent
    return None


def _nearest(holder: Block, caption: Block, images: list[ImagePlace]) -> int:
    before = min(caption.images_start, holder.images_end) - 1
    if before >= holder.images_start:
        return before
    return holder.images_start
