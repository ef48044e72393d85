"""Who looks at the images. A captioner of another package is found by entry point: ``[project.entry-points]``."""

import functools
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, Protocol, cast

from PIL import Image

from pipelines.imaging.models import model_name
from pipelines.recaption.endpoint import ChatEndpoint, EndpointSettings, data_uri, user_message
from pipelines.recaption.prompts import CAPTION_PROMPT
from schemas.errors import InvalidSettingsError
from schemas.recipe import RecaptionSettings

ENTRY_POINTS = "mm1.captioners"
"""Group of entry points: a name of ``recaption.captioner`` to a function of the settings that returns a captioner."""


class Captioner(Protocol):
    """Writes one caption for each picture of a batch.

    In two steps, so that full-size pixels are let go before a batch is complete.
    """

    name: str
    """Model and weights, as they are recorded with every caption."""

    prompt: str
    """What the model is told; empty where it is told nothing."""

    threads: int
    """How many pictures are prepared at one time."""

    def prepare(self, picture: Image.Image) -> Any:
        """Returns an RGB picture as the model takes it; called in other threads."""
        ...

    def caption(self, pictures: Sequence[Any]) -> list[str | None]:
        """Returns a caption for each prepared picture, None where the model gives none."""
        ...


class EndpointCaptioner:
    """Asks an OpenAI-compatible endpoint."""

    prompt = CAPTION_PROMPT
    threads = 2

    def __init__(self, endpoint: ChatEndpoint, model: str) -> None:
        self.name = f"openai-compatible:{model}"
        self._endpoint = endpoint

    def prepare(self, picture: Image.Image) -> str:
        """Returns a picture as data: the endpoint is sent the pixels, never an address."""
        return data_uri(picture)

    def caption(self, pictures: Sequence[str]) -> list[str | None]:
        """Returns a caption for each picture."""
        return self._endpoint.complete([[user_message(CAPTION_PROMPT, picture)] for picture in pictures])


@functools.lru_cache(maxsize=1)
def load_captioner(settings: RecaptionSettings) -> Captioner | None:
    """Returns the captioner of the settings, loaded once in each process; None where none is asked for.

    Raises:
        InvalidSettingsError: No installed package offers it.
        ModelLoadError: Its model cannot be loaded.
    """
    if settings.captioner == "none":
        return None
    if settings.captioner == "openai-compatible":
        model = settings.model or "default"
        return EndpointCaptioner(ChatEndpoint(endpoint_settings(settings, model)), model)
    if settings.captioner == "coca":
        return _load_coca(settings)
    return _from_entry_point(settings)


def endpoint_settings(settings: RecaptionSettings, model: str) -> EndpointSettings:
    """Returns how the endpoint of the recipe is asked for a model."""
    return EndpointSettings(url=settings.endpoint or "", model=model)


def captioner_name(settings: RecaptionSettings) -> str:
    """Returns the name of the captioner's model for the fingerprint."""
    return f"{settings.captioner}:{model_name(settings.model, settings.pretrained) if settings.model else ''}"


def _load_coca(settings: RecaptionSettings) -> Captioner:
    # Imports torch, which a run without captions does not need.
    from pipelines.recaption.coca_captioner import load_coca

    return load_coca(settings)


def _from_entry_point(settings: RecaptionSettings) -> Captioner:
    for entry in metadata.entry_points(group=ENTRY_POINTS, name=settings.captioner):
        make = cast(Callable[[RecaptionSettings], Captioner], entry.load())
        return make(settings)
    raise InvalidSettingsError(
        f"recaption.captioner: no installed package offers {settings.captioner!r} (entry points of {ENTRY_POINTS!r});"
        " use coca, openai-compatible or none"
    )
