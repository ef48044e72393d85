"""What the settings of a recipe check themselves with."""

from schemas.errors import InvalidSettingsError

STRICT = {"extra": "forbid", "use_attribute_docstrings": True}
"""Read by pydantic where a recipe is checked; a plain dict so that this module needs no pydantic."""


def check(*rules: tuple[bool, str]) -> None:
    """Raises one error with the messages of all rules that do not hold."""
    broken = [message for holds, message in rules if not holds]
    if broken:
        raise InvalidSettingsError(*broken)


def positive(settings: object, *names: str) -> list[tuple[bool, str]]:
    """Returns a rule for each field of that name: it is more than 0."""
    return [(getattr(settings, n) > 0, f"{n}: must be positive, got {getattr(settings, n)}") for n in names]


def ratio(name: str, value: float | None) -> tuple[bool, str]:
    """Returns the rule that a value, unless it is None, lies in [0, 1]."""
    return value is None or 0 <= value <= 1, f"{name}: must be in [0, 1], got {value}"
