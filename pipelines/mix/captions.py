"""Which caption a caption sample is trained with."""

from dataclasses import dataclass

from schemas.digests import keyed_digest
from schemas.recipe import MixtureSettings
from schemas.samples import CaptionRow

VECLIP_SHARE = 0.5
"""VeCLIP draws the alt text or the fused caption with equal odds (arXiv 2310.07699, section 3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenCaption:
    """The caption used, and all that there were."""

    text: str
    used: str
    """``"alt"`` or ``"fused"``."""

    captions: dict[str, str | None]


def choose_caption(key: str, alt: str, row: CaptionRow | None, settings: MixtureSettings, seed: int) -> ChosenCaption:
    """Returns the caption of a sample: fused for the recipe's share of samples, drawn by the key; else the alt text.

    A sample whose draw says fused but that has none keeps its alt text.
    """
    share = VECLIP_SHARE if settings.caption_choice == "veclip" else settings.vecap_share
    fused = row.fused if row else None
    drawn = int(keyed_digest("caption choice", str(seed), key, size=6), 16) / (1 << 48)
    used = "fused" if fused and drawn < share else "alt"
    return ChosenCaption(
        text=fused if used == "fused" and fused else alt,
        used=used,
        captions={"alt": alt, "vlm": row.vlm if row else None, "fused": fused},
    )
