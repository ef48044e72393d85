"""Who makes one sentence of alt text and caption."""

from collections.abc import Sequence
from typing import Protocol

from pipelines.recaption.captioners import endpoint_settings
from pipelines.recaption.endpoint import ChatEndpoint
from pipelines.recaption.fuse import fuse
from pipelines.recaption.prompts import FUSE_PROMPT, fuse_request
from schemas.recipe import RecaptionSettings

RULES_VERSION = 1
"""Of ``fuse``: recorded with what it wrote."""


class Fuser(Protocol):
    """Fuses pairs of alt text and caption."""

    name: str
    prompt: str

    def fuse(self, pairs: Sequence[tuple[str, str]]) -> list[str | None]:
        """Returns one sentence for each ``(alt, caption)``, None where there is none."""
        ...


class RuleFuser:
    """Fuses by rule, without a language model."""

    name = f"rule:{RULES_VERSION}"
    prompt = ""

    def fuse(self, pairs: Sequence[tuple[str, str]]) -> list[str | None]:
        """Returns one sentence for each pair."""
        return [fuse(alt, caption) for alt, caption in pairs]


class EndpointFuser:
    """Asks a language model, as VeCap does."""

    prompt = FUSE_PROMPT

    def __init__(self, endpoint: ChatEndpoint, model: str) -> None:
        self.name = f"openai-compatible:{model}"
        self._endpoint = endpoint

    def fuse(self, pairs: Sequence[tuple[str, str]]) -> list[str | None]:
        """Returns the model's sentence for each pair."""
        system = {"role": "system", "content": FUSE_PROMPT}
        requests = [[system, {"role": "user", "content": fuse_request(alt, caption)}] for alt, caption in pairs]
        return self._endpoint.complete(requests)


def load_fuser(settings: RecaptionSettings) -> Fuser | None:
    """Returns the fuser of the settings, None where none is asked for."""
    if settings.fuser == "rule":
        return RuleFuser()
    if settings.fuser == "openai-compatible":
        model = settings.fuser_model or settings.model or "default"
        return EndpointFuser(ChatEndpoint(endpoint_settings(settings, model)), model)
    return None
