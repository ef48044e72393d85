"""A decoder process whose decoder does what the image says: for tests of the walls around it."""

import ctypes
import os
import pathlib
import socket

from pipelines.fetch.bad_image import broken
from pipelines.fetch.decoder.child import main
from pipelines.fetch.inspect_image import ImageLimits, InspectedImage, inspect_image


def misbehave(data: bytes, limits: ImageLimits) -> InspectedImage:
    """Decodes a true image; for the name of an evil, does it."""
    match data.split(b" "):
        case [b"segv"]:
            ctypes.string_at(0)
        case [b"spin"]:
            while True:
                pass
        case [b"hog"]:
            return _say(len(bytearray(64 << 30)))
        case [b"write", path]:
            return _say(pathlib.Path(os.fsdecode(path)).write_bytes(b"x"))
        case [b"read", path]:
            return _say(pathlib.Path(os.fsdecode(path)).read_bytes())
        case [b"connect", port]:
            return _say(socket.create_connection(("127.0.0.1", int(port)), timeout=1))
        case [b"exec"]:
            os.execv("/bin/true", ["true"])
    return inspect_image(data, limits)


def _say(result: object) -> InspectedImage:
    raise broken(f"it could: {result}")


def guarded(data: bytes, limits: ImageLimits) -> InspectedImage:
    """Tells what stopped the evil."""
    try:
        return misbehave(data, limits)
    except (OSError, MemoryError) as error:
        raise broken(f"stopped by {type(error).__name__}") from error


if __name__ == "__main__":
    main(guarded)
