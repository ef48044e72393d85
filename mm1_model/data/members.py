"""The members of one stored sample: a few tar headers, read in place. Nothing is ever extracted or unpickled."""

from collections.abc import Iterator

BLOCK = 512
_REGULAR = (b"0", b"\0")


def members(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Yields ``(name, content)`` of the regular members that lie in ``data`` one after the other.

    Raises:
        ValueError: A header is no header of a regular file, or a member does not end within ``data``.
    """
    offset = 0
    while offset < len(data):
        header = bytes(data[offset : offset + BLOCK])
        if len(header) < BLOCK:
            raise ValueError(f"half a tar header at {offset}")
        if header[156:157] not in _REGULAR:
            raise ValueError(f"the tar member at {offset} is no regular file (type {header[156:157]!r})")
        name = header[:100].rstrip(b"\0").decode("ascii", "strict")
        size = _octal(header[124:136])
        start = offset + BLOCK
        if start + size > len(data):
            raise ValueError(f"member {name} of {size} bytes goes beyond its sample")
        yield name, data[start : start + size]
        offset = start + size + (-size % BLOCK)


def _octal(field: bytes) -> int:
    digits = field.rstrip(b"\0 ")
    if not digits.isdigit():
        raise ValueError(f"a tar header has the size {field!r}")
    return int(digits, 8)
