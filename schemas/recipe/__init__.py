"""The recipe: every setting of the data line. Checked as a whole before anything runs.

Types are enforced at the edge (``settings``), relations between values here, in ``__post_init__``. A message
starts with the field's name, so that it can be shown at its line of the file.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.recipe.captions import PairSettings, RecaptionSettings, ScoreSettings, TextSource
from schemas.recipe.images import FetchSettings, FolderSource, ImageSettings, PerHost
from schemas.recipe.inputs import InputSettings, InterleaveSettings
from schemas.recipe.mixtures import MixtureSettings, MixtureWeights
from schemas.recipe.repetitions import DedupSettings, DocumentDedup, ImageDedup, ParagraphDedup
from schemas.recipe.rules import STRICT, check, ratio
from schemas.recipe.texts import NO_RULES, OBELICS_DOCUMENT, OBELICS_PARAGRAPH, TextRules, TextRuleTable, TextSettings

__all__ = [
    "JOB_NAMES",
    "NO_RULES",
    "OBELICS_DOCUMENT",
    "OBELICS_PARAGRAPH",
    "DedupSettings",
    "DocumentDedup",
    "FetchSettings",
    "FolderSource",
    "ImageDedup",
    "ImageSettings",
    "InputSettings",
    "InterleaveSettings",
    "LimitSettings",
    "MixtureSettings",
    "MixtureWeights",
    "PairSettings",
    "ParagraphDedup",
    "PerHost",
    "RecaptionSettings",
    "Recipe",
    "ScoreSettings",
    "TextRuleTable",
    "TextRules",
    "TextSettings",
    "TextSource",
]

JOB_NAMES = ("interleave", "fetch", "dedup", "score", "select", "recaption", "mix")
"""In the order in which they run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """When a run has failed although every job ended."""

    __pydantic_config__: ClassVar = STRICT

    max_rejected: dict[str, float] = field(default_factory=dict)
    """Job to the share of its units that may be rejected, for example ``{fetch: 0.9}``."""

    def __post_init__(self) -> None:
        check(
            *(
                (job in JOB_NAMES, f"max_rejected.{job}: there is no such job; jobs are {', '.join(JOB_NAMES)}")
                for job in self.max_rejected
            ),
            *(ratio(f"max_rejected.{job}", share) for job, share in self.max_rejected.items()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One run of the line, whole."""

    __pydantic_config__: ClassVar = STRICT

    version: Literal[1]
    """Of this file's format."""

    run: str
    """Folder that everything is written under: local or ``gs://``, ``s3://``, ``hdfs://``."""

    seed: int = 20240314
    input: InputSettings
    interleave: InterleaveSettings = field(default_factory=InterleaveSettings)
    text: TextSettings = field(default_factory=TextSettings)
    fetch: FetchSettings
    images: ImageSettings = field(default_factory=ImageSettings)
    dedup: DedupSettings = field(default_factory=DedupSettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    pairs: PairSettings = field(default_factory=PairSettings)
    recaption: RecaptionSettings = field(default_factory=RecaptionSettings)
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
