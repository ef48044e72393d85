"""The invented sites: host, name, theme of the mark-up, and the paragraphs they repeat."""

import math
from dataclasses import dataclass
from functools import lru_cache

from world import words
from world.seeds import keyed_random

NUM_THEMES = 4

_FIRST = ("old", "blue", "river", "north", "stone", "little", "green", "silver", "west", "quiet")
_SECOND = ("gazette", "journal", "notes", "almanac", "walks", "letters", "post", "review", "diary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site. Hosts end in ``.example``, which no one can own (RFC 2606, section 3)."""

    index: int
    host: str
    image_host: str
    name: str
    theme: int
    notice: str
    """A paragraph that stands in the text of many of its pages."""


def number_of_sites(num_pages: int) -> int:
    """Returns at least 4, and about one for each 60 pages.

    Above 4 it has no factor in common with the 30 kinds of pages, so every site gets every kind.
    """
    number = max(4, num_pages // 60)
    while number > 4 and math.gcd(number, 30) != 1:
        number += 1
    return number


@lru_cache(maxsize=4096)
def site(seed: int, index: int) -> Site:
    """Returns the site with this number."""
    rng = keyed_random(seed, "site", index)
    first, second = rng.choice(_FIRST), rng.choice(_SECOND)
    host = f"www.{first}-{second}-{index}.example"
    image_host = host if rng.random() < 0.5 else f"img.{first}-{second}-{index}.example"
    return Site(
        index=index,
        host=host,
        image_host=image_host,
        name=f"The {first.title()} {second.title()}",
        theme=index % NUM_THEMES,
        notice=rng.choice(words.NOTICES),
    )
