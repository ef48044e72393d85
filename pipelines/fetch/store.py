"""The image store of one work item: original bytes once, one candidate row for each content."""

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.process import shared_decoder
from pipelines.fetch.inspect_image import ImageLimits, InspectedImage
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

    def keep(self, data: bytes, inspected: InspectedImage | BadImageError | None = None) -> str:
        """Stores an image and returns its id.

        Args:
            data: The image.
            inspected: What it is, where that is known already.

        Raises:
            BadImageError: The bytes are not a whole image within the limits.
        """
        name = image_id(data)
        if name not in self._known:
            self._known[name] = self._keep_new(data, inspected)
        problem = self._known[name]
        if problem is not None:
            raise problem
        return name

    def _keep_new(self, data: bytes, inspected: InspectedImage | BadImageError | None) -> BadImageError | None:
        try:
            image = inspected or inspect(data, self._limits)
        except BadImageError as error:
            image = error
        if isinstance(image, BadImageError):
            # Without its traceback, which would hold the bytes.
            return image.with_traceback(None)
        pointer = self._output.tar(BYTES).add(f"{image.image_id}.{image.header.format}", data)
        self._output.write(stored_row(image, pointer), CANDIDATES)
        return None


def inspect(data: bytes, limits: ImageLimits) -> InspectedImage:
    """Returns what an image is, as the decoder of this process sees it.

    Raises:
        BadImageError: The bytes are not a whole image within the limits.
    """
    return shared_decoder(limits).inspect(data)


def stored_row(image: InspectedImage, pointer: ImagePointer) -> StoredImage:
    """Returns the row of an image whose bytes lie at a place."""
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
