"""The image store of one work item: original bytes once, one candidate row for each content."""

from dataclasses import replace

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.process import shared_decoder
from pipelines.fetch.inspect_image import ImageLimits
from pipelines.runs.output import ItemOutput
from schemas.digests import image_id
from schemas.images import ImagePointer, StoredImage
from schemas.recipe import FetchSettings

CANDIDATES = "candidates"
"""Table of the rows that a second step chooses from: one image may be found by several work items."""

BYTES = "bytes"
"""Table of the tars."""


def image_limits(settings: FetchSettings) -> ImageLimits:
    """Returns the limits that a recipe sets on one image."""
    return ImageLimits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)


class ItemStore:
    """Inspects images and keeps each content once in the work item's tar."""

    def __init__(self, output: ItemOutput, limits: ImageLimits) -> None:
        self._output = output
        self._limits = limits
        self._known: dict[str, BadImageError | None] = {}

    def keep(self, data: bytes) -> str:
        """Stores an image and returns its id.

        Raises:
            BadImageError: The bytes are not a whole image within the limits.
        """
        name = image_id(data)
        if name not in self._known:
            self._known[name] = self._keep_new(data)
        problem = self._known[name]
        if problem is not None:
            raise problem
        return name

    def _keep_new(self, data: bytes) -> BadImageError | None:
        try:
            row = inspected_row(data, ImagePointer(file="", offset=0, length=len(data)), self._limits)
        except BadImageError as error:
            # Without its traceback, which would hold the bytes.
            return error.with_traceback(None)
        pointer = self._output.tar(BYTES).add(f"{row.image_id}.{row.format}", data)
        self._output.write(replace(row, pointer=pointer), CANDIDATES)
        return None


def inspected_row(data: bytes, pointer: ImagePointer, limits: ImageLimits) -> StoredImage:
    """Returns the row of an image whose bytes lie at a place.

    Raises:
        BadImageError: The bytes are not a whole image within the limits.
    """
    image = shared_decoder(limits).inspect(data)
    width, height = image.header.upright_size
    return StoredImage(
        image_id=image.image_id,
        pointer=pointer,
        format=image.header.format,
        width=width,
        height=height,
        phash=image.phash,
        n_frames=image.header.n_frames,
        exif_orientation=image.header.orientation,
    )
