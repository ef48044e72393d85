"""Pictures of scenes with Pillow: plain shapes on a mottled background, and their bytes."""

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import Image, ImageDraw, ImageFont

from world.scenes import BACKGROUNDS, COLORS, Group, Relation, Scene, Sign

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

Place = tuple[float, float, float]
"""Middle and radius in pixels."""

SIZES = (
    *((256, 256), (320, 240), (240, 320), (288, 216), (216, 288), (300, 200), (200, 300)),
    *((224, 224), (384, 256), (400, 300), (512, 384), (336, 336), (480, 320)),
)
"""Width and height in pixels: all sides in 200-512, all aspects within 2:3 and 3:2."""

FORMATS = (*["jpeg"] * 9, "png", "png", "webp")

_STAR_WAIST = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything about a picture that its scene leaves open."""

    width: int
    height: int
    format: str
    noise: int
    """Seed of the mottled background and of the shapes' exact places."""


def random_look(rng: Random, *, size: tuple[int, int] | None = None) -> Look:
    """Draws a picture's size in pixels, file format and noise."""
    width, height = size or rng.choice(SIZES)
    return Look(width=width, height=height, format=rng.choice(FORMATS), noise=rng.getrandbits(64))


def draw(scene: Scene, look: Look) -> Image.Image:
    """Draws ``scene`` as an RGB image of ``look.width`` by ``look.height`` pixels."""
    rng = Random(look.noise)
    image = _mottled(rng, BACKGROUNDS[scene.background], (look.width, look.height))
    pen = ImageDraw.Draw(image)
    boxes = _boxes(scene, rng, look.width, look.height)
    for group, box in reversed(list(zip(scene.groups, boxes, strict=True))):
        _draw_group(pen, group, box, rng)  # The second group first: it may lie around the first.
    if scene.sign:
        _draw_sign(pen, scene.sign, look, rng)
    return image


def encode(image: Image.Image, image_format: str) -> bytes:
    """Returns the file bytes of ``image`` as ``jpeg``, ``png`` or ``webp``."""
    buffer = io.BytesIO()
    if image_format == "jpeg":
        image.save(buffer, "JPEG", quality=85)
    elif image_format == "png":
        image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            buffer, "PNG", compress_level=1
        )
    elif image_format == "webp":
        image.save(buffer, "WEBP", quality=80, method=0)
    else:
        raise ValueError(f"format must be jpeg, png or webp, got {image_format!r}")
    return buffer.getvalue()


def _mottled(rng: Random, base: tuple[int, int, int], size: tuple[int, int]) -> Image.Image:
    """A smooth pattern of light and dark: it gives every picture a perceptual hash of its own."""
    cells = bytes(rng.randint(128 - 26, 128 + 26) for _ in range(30))
    pattern = Image.frombytes("L", (6, 5), cells).resize(size, Image.Resampling.BICUBIC)
    pattern.putpalette(_shades(base))
    return pattern.convert("RGB")


@lru_cache(maxsize=64)
def _shades(base: tuple[int, int, int]) -> bytes:
    """A palette that shifts a color by a pattern's distance from 128."""
    return bytes(min(255, max(0, channel + value - 128)) for value in range(256) for channel in base)


def _boxes(scene: Scene, rng: Random, width: int, height: int) -> list[Box]:
    """The part of the canvas for each group."""
    if not scene.groups:
        return []
    if scene.relation is None:
        return [_single_box(scene.groups[0], rng, width, height)]
    cut = rng.uniform(0.44, 0.56)
    if scene.relation is Relation.ABOVE:
        return [(0, 0, width, height * cut), (0, height * cut, width, height)]
    if scene.relation is Relation.LEFT_OF:
        return [(0, 0, width * cut, height), (width * cut, 0, width, height)]
    outer = _square_at(rng, width, height, rng.uniform(0.78, 0.92))
    return [_shrink(outer, rng.uniform(0.40, 0.48)), outer]


def _single_box(group: Group, rng: Random, width: int, height: int) -> Box:
    if group.count > 1:
        return (0, 0, width, height)
    share = {"small": 0.30, "large": 0.86}.get(group.size or "", 0.56)
    return _square_at(rng, width, height, share * rng.uniform(0.92, 1.06))


def _square_at(rng: Random, width: int, height: int, share: float) -> Box:
    side = share * min(width, height)
    left = rng.uniform(0, width - side)
    top = rng.uniform(0, height - side)
    return (left, top, left + side, top + side)


def _shrink(box: Box, share: float) -> Box:
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    half = share * (right - left) / 2
    return (x - half, y - half, x + half, y + half)


def _draw_group(pen: ImageDraw.ImageDraw, group: Group, box: Box, rng: Random) -> None:
    left, top, right, bottom = box
    columns, rows = _grid(group.count, wide=right - left >= bottom - top)
    cell = ((right - left) / columns, (bottom - top) / rows)
    for index in range(group.count):
        row, column = divmod(index, columns)
        here = (left + column * cell[0], top + row * cell[1])
        size = min(cell) * (0.98 if group.size or group.count == 1 else rng.uniform(0.7, 0.86))
        if (columns, rows) == (1, 1) and cell[0] != cell[1]:
            size = min(cell) * rng.uniform(0.7, 0.86)
        x = here[0] + rng.uniform(0, cell[0] - size) + size / 2
        y = here[1] + rng.uniform(0, cell[1] - size) + size / 2
        _draw_shape(pen, group, (x, y, size / 2), rng)


def _grid(count: int, *, wide: bool) -> tuple[int, int]:
    """Columns and rows that hold ``count`` shapes."""
    columns, rows = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 5: (3, 2), 6: (3, 2)}[count]
    return (columns, rows) if wide else (rows, columns)


def _draw_shape(pen: ImageDraw.ImageDraw, group: Group, place: Place, rng: Random) -> None:
    x, y, radius = place
    fill = COLORS[group.color]
    around = (x - radius, y - radius, x + radius, y + radius)
    if group.shape == "circle":
        pen.ellipse(around, fill=fill)
    elif group.shape == "ring":
        pen.ellipse(around, outline=fill, width=max(3, round(radius * 0.34)))
    elif group.shape == "square":
        inset = radius * 0.12
        pen.rectangle([around[0] + inset, around[1] + inset, around[2] - inset, around[3] - inset], fill=fill)
    elif group.shape == "cross":
        arm = radius * 0.3
        pen.rectangle([x - arm, around[1], x + arm, around[3]], fill=fill)
        pen.rectangle([around[0], y - arm, around[2], y + arm], fill=fill)
    else:
        pen.polygon(_corners(group.shape, place, rng), fill=fill)


def _corners(shape: str, place: Place, rng: Random) -> list[tuple[float, float]]:
    x, y, radius = place
    if shape == "diamond":
        slim = radius * 0.72
        return [(x, y - radius), (x + slim, y), (x, y + radius), (x - slim, y)]
    number = {"triangle": 3, "hexagon": 6, "star": 10}[shape]
    tilt = rng.uniform(-0.12, 0.12)
    points = []
    for corner in range(number):
        angle = 2 * math.pi * corner / number - math.pi / 2 + tilt
        length = radius * (_STAR_WAIST if shape == "star" and corner % 2 else 1)
        points.append((x + length * math.cos(angle), y + length * math.sin(angle)))
    return points


def _draw_sign(pen: ImageDraw.ImageDraw, sign: Sign, look: Look, rng: Random) -> None:
    wide = look.width * rng.uniform(0.84, 0.94)
    high = min(wide * 0.5, look.height * 0.8)
    left = rng.uniform(0, look.width - wide)
    top = rng.uniform(0, look.height - high)
    pen.rounded_rectangle((left, top, left + wide, top + high), radius=wide * 0.04, fill=COLORS[sign.board])
    font = _font(int(min(high * 0.72, 1.45 * wide / len(sign.word))))
    middle = (left + wide / 2, top + high / 2)
    pen.text(middle, sign.word, font=font, fill=COLORS[sign.color], anchor="mm")


@lru_cache(maxsize=512)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
