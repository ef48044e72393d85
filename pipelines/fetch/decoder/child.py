"""The decoder process: reads image after image from its input and answers what each is."""

import os
import sys
from collections.abc import Callable
from importlib import import_module

from PIL import AvifImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.decoder.confine import allow_cpu_time, confine
from pipelines.fetch.decoder.messages import READY, encode_result, read_message, write_message
from pipelines.fetch.inspect_image import ImageLimits, InspectedImage, inspect_image
from pipelines.fetch.phash import COSINES

Inspect = Callable[[bytes, ImageLimits], InspectedImage]

PLUGINS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Imported before files are closed to the process."""

_LATE_IMPORTS = ("PIL.ImageChops", "PIL.ImageMath", "PIL.ImageOps", "PIL.ImagePalette", "PIL.MpoImagePlugin")


def main(inspect: Inspect = inspect_image) -> None:
    """Serves until the input ends. Arguments: the limits on an image, and its seconds of processor time."""
    cpu_s = int(sys.argv[3])
    limits = ImageLimits(max_bytes=int(sys.argv[1]), max_pixels=int(sys.argv[2]))
    # No thread may be started once the process is confined.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    for name in _LATE_IMPORTS:
        import_module(name)
    # Only what was imported here may open an image: a file cannot ask for another decoder.
    Image.preinit = Image.init = lambda: True  # type: ignore[assignment]
    _warm_up()
    # The answers go over the pipe that was the output; what a library prints goes nowhere.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    confine()
    write_message(answers, READY)
    os.dup2(nowhere, 2)
    while (data := read_message(sys.stdin.buffer)) is not None:
        allow_cpu_time(cpu_s)
        write_message(answers, encode_result(_result(inspect, data, limits)))


def _result(inspect: Inspect, data: bytes, limits: ImageLimits) -> InspectedImage | BadImageError:
    try:
        return inspect(data, limits)
    except BadImageError as error:
        return error


def _warm_up() -> None:
    # Touches what is loaded on first use, while files can still be read.
    image = Image.new("RGBA", (64, 64)).resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=2.0)
    assert image.has_transparency_data
    assert COSINES.shape == (8, 32)


if __name__ == "__main__":
    main()
