"""Packs samples of one kind into rows under two limits: positions and images.

Best fit decreasing: the largest sample first, into the row that it fills best. For one limit that needs at most 11/9 of
the fewest rows (Johnson et al., 1974), and on samples of web lengths within a percent; with two limits the score takes
the row whose two rests stay most alike, so that neither runs out long before the other (Panigrahy et al., 2011).
"""

from collections.abc import Sequence


def pack(sizes: Sequence[tuple[int, int]], *, positions: int, images: int) -> list[list[int]]:
    """Returns rows as lists of indexes into ``sizes``.

    Args:
        sizes: ``(positions, images)`` of each sample, in the order that breaks ties.
        positions: Of a row.
        images: Of a row at most.

    Raises:
        ValueError: A sample does not fit in a row by itself.
    """
    for index, (length, n_images) in enumerate(sizes):
        if length > positions or n_images > images:
            raise ValueError(f"sample {index} of {length} positions and {n_images} images fits in no row")
    share = [max(length / positions, n_images / images) for length, n_images in sizes]
    order = sorted(range(len(sizes)), key=lambda i: (-share[i], i))
    return _BestFit(positions, images).place(sizes, order)


class _BestFit:
    """Open rows by what is left in them.

    For each number of images left there is one integer whose bit ``p`` says that some row has ``p`` positions left, so
    the tightest row that holds a sample is one shift and one bit scan; ``rows`` finds it.
    """

    def __init__(self, positions: int, images: int) -> None:
        self._positions, self._images = positions, images
        self._masks = [0] * (images + 1)
        self._rows: dict[tuple[int, int], list[int]] = {}

    def place(self, sizes: Sequence[tuple[int, int]], order: Sequence[int]) -> list[list[int]]:
        packed: list[list[int]] = []
        for index in order:
            length, n_images = sizes[index]
            found = self._find(length, n_images)
            if found is None:
                row, left = len(packed), (self._images, self._positions)
                packed.append([])
            else:
                row, left = self._take(found), found
            packed[row].append(index)
            self._put(row, (left[0] - n_images, left[1] - length))
        return packed

    def _find(self, length: int, n_images: int) -> tuple[int, int] | None:
        best, best_score = None, 0.0
        for images_left in range(n_images, self._images + 1):
            mask = self._masks[images_left] >> length
            if not mask:
                continue
            rest = (mask & -mask).bit_length() - 1
            images_rest = images_left - n_images
            score = rest / self._positions + abs(rest / self._positions - images_rest / self._images)
            if best is None or score < best_score:
                best, best_score = (images_left, rest + length), score
        return best

    def _take(self, left: tuple[int, int]) -> int:
        rows = self._rows[left]
        row = rows.pop()
        if not rows:
            del self._rows[left]
            self._masks[left[0]] &= ~(1 << left[1])
        return row

    def _put(self, row: int, left: tuple[int, int]) -> None:
        self._rows.setdefault(left, []).append(row)
        self._masks[left[0]] |= 1 << left[1]
