"""What an answer says about its use for training (headers), and what ``tdmrep.json`` says.

X-Robots-Tag: https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag (syntax), ``noai`` and
``noimageai`` as DeviantArt introduced them. TDMRep: W3C community group report of 2024-02-02. Content-Usage: IETF
draft-ietf-aipref-attach. Content-Signal: https://contentsignals.org.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NO_TRAINING = frozenset({"noai", "noimageai", "noimageindex"})
_DIRECTIVES_WITH_VALUES = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_PRODUCT = re.compile(r"\s*([A-Za-z0-9._ -]+?)\s*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class TdmRule:
    """One entry of ``tdmrep.json``."""

    location: str
    """A path pattern as in robots.txt (RFC 9309, section 2.2.3): ``*`` is anything, ``$`` the end, else a prefix."""

    reservation: bool

    def matches(self, path: str) -> bool:
        """Returns whether the rule is about a path; each literal is taken at its first place, so the cost is linear."""
        first, *others = self.location.removesuffix("$").split("*")
        if not path.startswith(first):
            return False
        position = len(first)
        for number, part in enumerate(others):
            is_end = self.location.endswith("$") and number == len(others) - 1
            found = path.rfind(part, position) if is_end else path.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        return position == len(path) or not self.location.endswith("$")


def x_robots_objection(values: Iterable[str], product: str) -> str | None:
    """Returns the directive of X-Robots-Tag headers that forbids use for training, None where none does.

    Args:
        values: Of all X-Robots-Tag headers of the answer.
        product: Our product token: directives for another crawler do not count.
    """
    for value in values:
        for directive in _directives_for(value, product):
            if directive.lower() in NO_TRAINING:
                return f"X-Robots-Tag: {directive[:40]}"
    return None


def _directives_for(value: str, product: str) -> list[str]:
    """Returns the directives of one header that are for us; the colon of a dated directive names no crawler."""
    agent = _PRODUCT.match(value)
    if agent and agent[1].lower() not in _DIRECTIVES_WITH_VALUES:
        if agent[1].lower() != product.lower():
            return []
        value = value[agent.end() :]
    return [directive.strip() for directive in value.split(",")]


def tdm_header_reservation(values: Sequence[str]) -> bool | None:
    """Returns what the ``tdm-reservation`` header says; None where it is absent or neither 0 nor 1."""
    return {"1": True, "0": False}.get(values[0].strip()) if values else None


def parse_tdmrep(body: bytes) -> list[TdmRule] | None:
    """Returns the rules of ``/.well-known/tdmrep.json`` in order, None where it cannot be read."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, list):
        return None
    return [rule for entry in entries if (rule := _tdm_rule(entry)) is not None]


def tdm_file_reservation(rules: Iterable[TdmRule], path: str) -> bool | None:
    """Returns what the first rule that matches a path says, None where none does."""
    return next((rule.reservation for rule in rules if rule.matches(path)), None)


def usage_objection(values: Iterable[str]) -> str | None:
    """Returns the Content-Usage preference that forbids training, None where none does.

    The field is a dictionary (RFC 9651): the last value of a key counts, parameters do not; a field that cannot be
    read is ignored.
    """
    preferences: dict[str, str] = {}
    for member in ",".join(values).split(","):
        key, _, rest = member.strip().partition("=")
        # A member without a value, with or without parameters, is a bare truth: it replaces what stood before.
        name = key.partition(";")[0].strip()
        preferences[name] = rest.partition(";")[0].strip() if ";" not in key else ""
    return "Content-Usage: train-ai=n" if preferences.get("train-ai") == "n" else None


def signal_objection(values: Iterable[str]) -> str | None:
    """Returns the Content-Signal that forbids training, None where none does."""
    signals = dict(part.strip().lower().partition("=")[::2] for value in values for part in value.split(","))
    return "Content-Signal: ai-train=no" if signals.get("ai-train", "").strip() == "no" else None


def _tdm_rule(entry: Any) -> TdmRule | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
        return None
    reservation = entry.get("tdm-reservation")
    if reservation not in (0, 1) or isinstance(reservation, bool):
        return None
    return TdmRule(location=entry["location"], reservation=bool(reservation))
