"""AVIF headers (AV1 Image File Format 1.1; HEIF, ISO/IEC 23008-12; ISO base media, ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.fetch.bad_image import BadImageError, broken
from pipelines.fetch.headers.header import ImageHeader
from schemas.rejections import RejectReason

MAX_BOXES = 10_000
BRANDS = frozenset({b"avif", b"avis"})

# irot turns counter-clockwise by quarters, imir flips afterwards (HEIF 6.5.10, 6.5.12): as EXIF orientations.
_ROTATED = {0: 1, 1: 8, 2: 3, 3: 6}
_FLIPPED = {(0, 0): 4, (0, 1): 2, (1, 0): 5, (1, 1): 7, (2, 0): 2, (2, 1): 4, (3, 0): 7, (3, 1): 5}


@dataclass(slots=True, kw_only=True)
class _Meta:
    """What the meta box says, as far as it matters here."""

    primary: int = 0
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    used_by: dict[int, list[int]] = field(default_factory=dict)
    cells: dict[int, int] = field(default_factory=dict)


def is_avif(data: bytes) -> bool:
    """Returns whether the file type box names an AVIF brand."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return any(data[at : at + 4] in BRANDS for at in (8, *range(16, end, 4)))


def read_avif(data: bytes) -> ImageHeader:
    """Returns the header of an AVIF: its primary item, turned as its properties say (EXIF inside it does not count).

    Raises:
        BadImageError: It has no primary item with a size, or more boxes than ``MAX_BOXES``.
    """
    top = list(_boxes(data, 0, len(data)))
    meta = _read_meta(data, top)
    own = [meta.properties[at - 1] for at in meta.used_by.get(meta.primary, []) if 0 < at <= len(meta.properties)]
    size = next((content for kind, content in own if kind == b"ispe" and len(content) >= 12), None)
    if size is None:
        raise broken("the AVIF has no primary image with a size")
    width, height = struct.unpack_from(">II", size, 4)
    if not width or not height:
        raise broken(f"the AVIF is {width} x {height} pixels")
    return ImageHeader(
        format="avif",
        width=width,
        height=height,
        bit_depth=_bit_depth(meta, own),
        n_frames=_frames(data, top),
        n_scans=max(1, meta.cells.get(meta.primary, 1)),
        orientation=_orientation(own),
    )


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields ``(type, start of its content, end of its content)`` of the boxes side by side in a range."""
    position = start
    for _ in range(MAX_BOXES):
        if position + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1 and position + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        stop = end if size == 0 else position + size
        if stop > end or stop < position + head:
            raise broken(f"the AVIF box {kind!r} at byte {position} leaves its place")
        yield kind, position + head, stop
        position = stop
    raise BadImageError(RejectReason.TOO_COMPLEX, f"the AVIF has over {MAX_BOXES} boxes", threshold=float(MAX_BOXES))


def _read_meta(data: bytes, top: list[tuple[bytes, int, int]]) -> _Meta:
    place = next(((start, end) for kind, start, end in top if kind == b"meta"), None)
    if place is None:
        raise broken("the AVIF has no meta box")
    meta = _Meta()
    try:
        for kind, start, end in _boxes(data, place[0] + 4, place[1]):
            if kind == b"pitm":
                meta.primary = int.from_bytes(data[start + 4 : start + (6 if data[start] == 0 else 8)], "big")
            elif kind == b"iref":
                _read_references(data, start, end, meta)
            elif kind == b"iprp":
                _read_properties(data, start, end, meta)
    except (struct.error, IndexError) as error:
        raise broken(f"the AVIF's meta box is cut: {error}") from error
    return meta


def _read_properties(data: bytes, start: int, end: int, meta: _Meta) -> None:
    for kind, inner, stop in _boxes(data, start, end):
        if kind == b"ipco":
            meta.properties = [(name, data[a : min(b, a + 64)]) for name, a, b in _boxes(data, inner, stop)]
        elif kind == b"ipma":
            _read_associations(data[inner:stop], meta)


def _read_associations(content: bytes, meta: _Meta) -> None:
    version, flags = content[0], content[3]
    (count,) = struct.unpack_from(">I", content, 4)
    position = 8
    for _ in range(min(count, MAX_BOXES)):
        item = int.from_bytes(content[position : position + (2 if version < 1 else 4)], "big")
        position += 2 if version < 1 else 4
        n_used = content[position]
        position += 1
        width, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
        places = range(position, position + n_used * width, width)
        meta.used_by.setdefault(item, [int.from_bytes(content[at : at + width], "big") & mask for at in places])
        position += n_used * width


def _read_references(data: bytes, start: int, end: int, meta: _Meta) -> None:
    width = 2 if data[start] == 0 else 4
    for kind, inner, _stop in _boxes(data, start + 4, end):
        if kind == b"dimg":
            item = int.from_bytes(data[inner : inner + width], "big")
            meta.cells[item] = int.from_bytes(data[inner + width : inner + width + 2], "big")


def _bit_depth(meta: _Meta, own: list[tuple[bytes, bytes]]) -> int:
    # A grid has its av1C on its cells.
    config = next((content for kind, content in [*own, *meta.properties] if kind == b"av1C" and len(content) > 2), b"")
    if not config or not config[2] & 0x40:
        return 8
    return 12 if config[2] & 0x20 else 10


def _orientation(own: list[tuple[bytes, bytes]]) -> int:
    angle = next((content[0] & 3 for kind, content in own if kind == b"irot" and content), 0)
    axis = next((content[0] & 1 for kind, content in own if kind == b"imir" and content), None)
    return _ROTATED[angle] if axis is None else _FLIPPED[angle, axis]


def _frames(data: bytes, top: list[tuple[bytes, int, int]]) -> int:
    """Returns the number of frames of a sequence: the samples of its first track."""
    place = next(((start, end) for kind, start, end in top if kind == b"moov"), None)
    for name in (b"trak", b"mdia", b"minf", b"stbl", b"stsz"):
        if place is None:
            return 1
        place = next(((start, end) for kind, start, end in _boxes(data, *place) if kind == name), None)
    if place is None or place[1] - place[0] < 12:
        return 1
    return max(1, int.from_bytes(data[place[0] + 8 : place[0] + 12], "big"))
