"""Small images made on the spot, whole and damaged."""

import io
from typing import Any

import numpy as np
from PIL import Image


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Returns an RGB image of smooth noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """Returns an image encoded by Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def picture(width: int = 64, height: int = 48, seed: int = 0, image_format: str = "PNG", **options: Any) -> bytes:
    """Returns the bytes of an image of smooth noise."""
    return encode(noise(width, height, seed), image_format, **options)
