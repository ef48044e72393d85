"""One number out of an EXIF block (TIFF 6.0, section 2; EXIF 2.32), with bounds on what is looked at."""

import struct

ORIENTATION = 0x0112
NUMBER_OF_IMAGES = 0xB001
"""Of a Multi-Picture index (CIPA DC-007, section 5.2.3.2)."""

MAX_ENTRIES = 1_000
_INTEGERS = {1: "B", 3: "H", 4: "I"}


def orientation(tiff: bytes) -> int:
    """Returns the orientation of a TIFF block, 1 to 8; 1 where it has none or it makes no sense."""
    value = first_directory_integer(tiff, ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def first_directory_integer(tiff: bytes, tag: int) -> int | None:
    """Returns the value of an integer tag of the first directory, None where it is missing or damaged.

    Only the first directory is read, so one that points to itself costs nothing.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for index in range(min(count, MAX_ENTRIES)):
        entry = start + 2 + 12 * index
        if entry + 12 > len(tiff):
            return None
        found, kind, length = struct.unpack_from(order + "HHI", tiff, entry)
        if found == tag:
            if kind not in _INTEGERS or length != 1:
                return None
            return int(struct.unpack_from(order + _INTEGERS[kind], tiff, entry + 8)[0])
    return None
