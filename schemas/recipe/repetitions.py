"""What repeats: images, documents, paragraphs."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.recipe.rules import STRICT, check, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDedup:
    """When an image repeats."""

    __pydantic_config__: ClassVar = STRICT

    max_occurrences: int = 10
    """An image whose URL or content occurs more often is left out everywhere (MM1 appendix A.1; OBELICS A.1.5)."""

    hamming_radius: int | None = 10
    """Images whose 64-bit perceptual hashes differ in at most so many bits count as one; None: only equal bytes."""

    def __post_init__(self) -> None:
        radius = self.hamming_radius
        check(
            *positive(self, "max_occurrences"),
            (radius is None or 0 <= radius <= 31, f"hamming_radius: must be between 0 and 31, got {radius}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDedup:
    """When a document repeats."""

    __pydantic_config__: ClassVar = STRICT

    url: Literal["latest", "keep_all"] = "latest"
    """Of several captures of one URL the latest stays."""

    image_set: bool = True
    """Of documents with the same set of images the latest stays (OBELICS A.1.5)."""

    minhash_jaccard: float | None = 0.8
    """Of documents whose word 5-grams overlap at least so much the latest stays; None switches it off."""

    def __post_init__(self) -> None:
        value = self.minhash_jaccard
        check((value is None or 0 < value <= 1, f"minhash_jaccard: must be in (0, 1], got {value}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParagraphDedup:
    """When a paragraph repeats."""

    __pydantic_config__: ClassVar = STRICT

    max_per_domain: int | None = 2
    """A paragraph that occurs more often in one domain is boilerplate (OBELICS A.1.5); None switches it off."""

    def __post_init__(self) -> None:
        value = self.max_per_domain
        check((value is None or value > 0, f"max_per_domain: must be positive, got {value}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupSettings:
    """What counts as a repetition."""

    __pydantic_config__: ClassVar = STRICT

    images: ImageDedup = field(default_factory=ImageDedup)
    documents: DocumentDedup = field(default_factory=DocumentDedup)
    paragraphs: ParagraphDedup = field(default_factory=ParagraphDedup)
    decontaminate: tuple[str, ...] = ()
    """Files of evaluation texts, or folders of evaluation images, that must not be trained on."""
