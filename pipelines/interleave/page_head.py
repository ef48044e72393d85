"""What a page says of itself outside its body."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHead:
    """Values as written; None where the page has none."""

    base: str | None
    """``href`` of the first ``base`` that has one."""

    title: str | None
    language: str | None
    """``lang`` of the ``html`` element."""
