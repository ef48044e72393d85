"""What a picture of the world shows: a few coloured shapes or a sign, as a small record."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

SHAPES = ("circle", "square", "triangle", "star", "diamond", "hexagon", "cross", "ring")

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (214, 39, 40),
    "orange": (250, 140, 22),
    "yellow": (247, 213, 29),
    "green": (34, 150, 62),
    "blue": (31, 90, 210),
    "purple": (128, 50, 170),
    "pink": (246, 130, 190),
    "brown": (121, 74, 38),
    "black": (20, 20, 22),
    "white": (250, 250, 250),
}

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "gray": (160, 162, 166),
    "beige": (226, 208, 174),
    "mint": (168, 220, 196),
    "navy": (28, 40, 82),
    "lavender": (196, 186, 226),
}

LOW_CONTRAST = frozenset(
    {("beige", "white"), ("beige", "yellow"), ("mint", "white"), ("navy", "black"), ("navy", "blue")}
    | {("navy", "purple"), ("lavender", "pink"), ("lavender", "white"), ("navy", "brown")}
)
"""Pairs of background and color that a viewer could confuse; never drawn on one another."""

SIGN_WORDS = (
    *("OPEN", "EXIT", "CAFE", "SALE", "TAXI", "STOP", "MUSIC", "BOOKS", "FISH", "BREAD"),
    *("HOTEL", "BEACH", "TICKETS", "MUSEUM", "GARDEN", "RADIO"),
)


class Relation(StrEnum):
    """How the first group lies to the second. Its opposites are phrasings, not other relations."""

    ABOVE = "above"
    LEFT_OF = "left of"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One to six equal shapes of one color."""

    shape: str
    color: str
    count: int = 1
    size: str | None = None
    """``small`` or ``large`` where a caption may say so, else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A board with one printed word."""

    word: str
    color: str
    board: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One or two groups, or a sign, on a background.

    Raises:
        ValueError: if it shows nothing, or a relation lacks its two groups.
    """

    background: str
    groups: tuple[Group, ...] = ()
    relation: Relation | None = None
    sign: Sign | None = None

    def __post_init__(self) -> None:
        if (self.sign is None) == (not self.groups):
            raise ValueError(f"a scene shows either groups or a sign, got {self!r}")
        if (self.relation is not None) != (len(self.groups) == 2):
            raise ValueError(f"a relation needs exactly two groups, got {self!r}")


def random_scene(rng: Random) -> Scene:
    """Draws a scene: 25 % one shape, 20 % several equal shapes, 42 % two groups, 13 % a sign."""
    background = rng.choice(tuple(BACKGROUNDS))
    kind = rng.random()
    if kind < 0.25:
        size = rng.choice((None, "small", "large"))
        return Scene(background=background, groups=(_group(rng, background, size=size),))
    if kind < 0.45:
        return Scene(background=background, groups=(_group(rng, background, rng.randint(2, 6)),))
    if kind < 0.87:
        return _pair(rng, background)
    board = _color(rng, background)
    light = ("white", "yellow", "pink", "orange")
    dark = ("black", "blue", "purple", "brown")
    letters = rng.choice(dark if board in light else ("white", "yellow"))
    return Scene(background=background, sign=Sign(word=rng.choice(SIGN_WORDS), color=letters, board=board))


def other_scene(rng: Random, scene: Scene) -> Scene:
    """Draws a scene that no honest description of ``scene`` fits."""
    while True:
        drawn = random_scene(rng)
        if not _shares_words(drawn, scene):
            return drawn


def _shares_words(left: Scene, right: Scene) -> bool:
    """True where the two could be described alike: a group of the same shape, or the same word."""
    if left.sign and right.sign:
        return left.sign.word == right.sign.word
    shapes = {group.shape for group in left.groups}
    return any(group.shape in shapes for group in right.groups)


def _pair(rng: Random, background: str) -> Scene:
    relation = rng.choice(tuple(Relation))
    inside = relation is Relation.INSIDE
    outer_shapes = ("circle", "square", "hexagon", "diamond")
    second = _group(rng, background, 1 if inside else rng.choice((1, 1, 2, 3)))
    if inside:
        second = Group(shape=rng.choice(outer_shapes), color=second.color)
    while True:
        first = _group(rng, background, 1 if inside else rng.choice((1, 1, 2)))
        if first.shape != second.shape and first.color != second.color:
            return Scene(background=background, groups=(first, second), relation=relation)


def _group(rng: Random, background: str, count: int = 1, size: str | None = None) -> Group:
    return Group(shape=rng.choice(SHAPES), color=_color(rng, background), count=count, size=size)


def _color(rng: Random, background: str) -> str:
    return rng.choice([name for name in COLORS if (background, name) not in LOW_CONTRAST])
