"""One row for each content of the whole run: of several stored copies the first by file and offset stands for all."""

from itertools import chain, groupby

from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.images import ImagePointer, StoredImage

Candidate = tuple[str, str, int, int, str, int, int, str, int, int]
"""A ``StoredImage`` in an order that sorts by id, file and offset; small, so that it may go through a shuffle."""


def to_candidate(image: StoredImage) -> Candidate:
    """Returns an image's row as a tuple that sorts."""
    return (
        image.image_id,
        image.pointer.file,
        image.pointer.offset,
        image.pointer.length,
        image.format,
        image.width,
        image.height,
        image.phash or "",
        image.n_frames,
        image.exif_orientation,
    )


def from_candidate(candidate: Candidate) -> StoredImage:
    """Returns the row that ``to_candidate`` was given."""
    image_id, file, offset, length, image_format, width, height, phash, n_frames, orientation = candidate
    return StoredImage(
        image_id=image_id,
        pointer=ImagePointer(file=file, offset=offset, length=length),
        format=image_format,
        width=width,
        height=height,
        phash=phash or None,
        n_frames=n_frames,
        exif_orientation=orientation,
    )


class PickImages(Worker[tuple[int, list[tuple[Candidate, ...]]]]):
    """Writes the rows of one bucket of image ids."""

    def run(self, item: tuple[int, list[tuple[Candidate, ...]]], output: ItemOutput) -> None:
        for _, group in groupby(sorted(chain.from_iterable(item[1])), key=lambda candidate: candidate[0]):
            first, *copies = group
            output.write(from_candidate(first))
            output.total("images", 1)
            output.total("image_bytes", first[3])
            output.total("further_copies", len(copies))
