"""The recipe: every setting of the data line. Checked as a whole before anything runs.

Types are enforced at the edge (``pipelines.recipe``), relations between values here, in ``__post_init__``. A message
starts with the field's name, so that it can be shown at its line of the file.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.errors import InvalidSettingsError

_STRICT = {"extra": "forbid", "use_attribute_docstrings": True}
"""Read by pydantic where a recipe is checked; a plain dict so that this module needs no pydantic."""

TextSource = Literal["alt", "caption", "near"]


JOB_NAMES = ("interleave", "fetch", "dedup", "score", "select", "recaption", "mix")
"""In the order in which they run."""


def _check(*rules: tuple[bool, str]) -> None:
    """Raises one error with the messages of all rules that do not hold."""
    broken = [message for holds, message in rules if not holds]
    if broken:
        raise InvalidSettingsError(*broken)


def _positive(settings: object, *names: str) -> list[tuple[bool, str]]:
    return [(getattr(settings, n) > 0, f"{n}: must be positive, got {getattr(settings, n)}") for n in names]


def _ratio(name: str, value: float | None) -> tuple[bool, str]:
    return value is None or 0 <= value <= 1, f"{name}: must be in [0, 1], got {value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """What the line reads. Paths and patterns, local or of an object store."""

    __pydantic_config__: ClassVar = _STRICT

    pages: tuple[str, ...] = ()
    """WARC (plain, .gz, .zst), folders of HTML laid out as host/path, Parquet or JSONL with ``url`` and ``html``."""

    pairs: tuple[str, ...] = ()
    """Image-caption pairs: img2dataset tars, JSONL or Parquet with ``image`` (a path) and ``caption``."""

    text: tuple[str, ...] = ()
    """WET, JSONL (.gz, .zst), Parquet with ``text``, or plain text files."""

    limit: int | None = None
    """Reads at most so many files of each input; for a first look."""

    def __post_init__(self) -> None:
        _check(
            (bool(self.pages or self.pairs or self.text), "give at least one of pages, pairs and text"),
            (self.limit is None or self.limit > 0, f"limit: must be positive, got {self.limit}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleaveSettings:
    """How a page becomes a document."""

    __pydantic_config__: ClassVar = _STRICT

    parser: Literal["lexbor", "bs4"] = "lexbor"
    """``lexbor`` (selectolax) is fast; ``bs4`` (BeautifulSoup) gives the same documents and is there to check it."""

    max_images: int = 30
    """A page with more images is left out (MM1 appendix A.1; OBELICS A.1.5)."""

    css_images: bool = False
    """Also takes images of ``image-set()`` and CSS backgrounds in ``style`` attributes."""

    max_page_bytes: int = 20_000_000

    def __post_init__(self) -> None:
        _check(*_positive(self, "max_images", "max_page_bytes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """Thresholds on text, each for a paragraph and for a document (OBELICS, arXiv 2306.16527, table 3).

    A minimum removes what is strictly below, a maximum what is strictly above; None switches a rule off.
    """

    __pydantic_config__: ClassVar = _STRICT

    min_words: int | None = None
    max_words: int | None = None
    max_character_repetition: float | None = None
    max_word_repetition: float | None = None
    max_special_characters: float | None = None
    min_stop_words: float | None = None
    max_flagged_words: float | None = None
    min_punctuation: float | None = None
    max_spam_words: float | None = None
    min_common_words: float | None = None
    min_language_score: float | None = None
    max_perplexity: float | None = None


OBELICS_PARAGRAPH = TextRules(
    min_words=4,
    max_words=1_000,
    max_character_repetition=0.1,
    max_word_repetition=0.1,
    max_special_characters=0.3,
    min_stop_words=0.3,
    max_flagged_words=0.01,
    min_punctuation=0.001,
    max_spam_words=0.12,
    min_common_words=0.8,
    min_language_score=None,
    max_perplexity=None,
)
"""Paragraph thresholds of OBELICS; language and perplexity are off as in its released configuration."""

OBELICS_DOCUMENT = TextRules(
    min_words=10,
    max_words=2_000,
    max_character_repetition=0.1,
    max_word_repetition=0.2,
    max_special_characters=0.275,
    min_stop_words=0.35,
    max_flagged_words=0.01,
    min_punctuation=0.03,
    max_spam_words=0.12,
    min_common_words=0.9,
    min_language_score=0.8,
    max_perplexity=1_500,
)
"""Document thresholds of OBELICS."""

NO_RULES = TextRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRuleTable:
    """Own thresholds in place of a named set."""

    __pydantic_config__: ClassVar = _STRICT

    paragraph: TextRules = NO_RULES
    document: TextRules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings:
    """Which text stays."""

    __pydantic_config__: ClassVar = _STRICT

    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes that stay; empty: all."""

    rules: Literal["obelics", "none"] | TextRuleTable = "obelics"

    def paragraph_rules(self) -> TextRules:
        """Returns the thresholds for one paragraph."""
        if isinstance(self.rules, TextRuleTable):
            return self.rules.paragraph
        return OBELICS_PARAGRAPH if self.rules == "obelics" else NO_RULES

    def document_rules(self) -> TextRules:
        """Returns the thresholds for a whole document."""
        if isinstance(self.rules, TextRuleTable):
            return self.rules.document
        return OBELICS_DOCUMENT if self.rules == "obelics" else NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """Images on disk: ``folder/<host>/<path>`` stands for ``https://<host>/<path>``."""

    __pydantic_config__: ClassVar = _STRICT

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerHost:
    """How politely one host is asked."""

    __pydantic_config__: ClassVar = _STRICT

    connections: int = 2
    requests_per_s: float = 2.0

    def __post_init__(self) -> None:
        _check(*_positive(self, "connections", "requests_per_s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Where images come from, and the manners and limits of asking."""

    __pydantic_config__: ClassVar = _STRICT

    source: Literal["web", "archive"] | FolderSource = "web"
    """``web``: HTTP. ``{folder: DIR}``: files on disk. ``archive``: image records of the WARCs in ``input.pages``."""

    user_agent: str | None = None
    """Who asks, with a way to reach them: ``"lab-bot/1.0 (+https://lab.example/bot)"``. Needed for ``web``."""

    robots: Literal["obey", "ignore"] = "obey"
    """RFC 9309."""

    opt_out: tuple[Literal["x-robots-tag", "noai", "tdmrep"], ...] = ("x-robots-tag", "noai", "tdmrep")
    deadline_s: float = 20.0
    """From the first packet to the last byte, redirects included."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_redirects: int = 5
    retries: int = 2
    per_host: PerHost = field(default_factory=PerHost)
    connections: int = 64
    """Open at one time in one worker, over all hosts."""

    allow_private_addresses: bool = False
    """Also asks loopback and private addresses: for tests and closed networks."""

    ports: tuple[int, ...] = (80, 443)
    """Ports that may be asked; empty: all."""

    def __post_init__(self) -> None:
        _check(
            (
                self.source != "web" or bool(self.user_agent),
                "user_agent: say who asks, for example 'lab-bot/1.0 (+https://lab.example/bot)'; source 'web' needs it",
            ),
            *_positive(self, "deadline_s", "max_bytes", "max_pixels", "connections"),
            (self.max_redirects >= 0, f"max_redirects: must not be negative, got {self.max_redirects}"),
            (self.retries >= 0, f"retries: must not be negative, got {self.retries}"),
            (all(0 < port < 65536 for port in self.ports), f"ports: must be in 1 to 65535, got {list(self.ports)}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """Which images stay (OBELICS A.1.4; MM1 appendix A.1 uses 100 and 10,000 pixels)."""

    __pydantic_config__: ClassVar = _STRICT

    formats: tuple[Literal["jpeg", "png", "webp", "gif", "avif"], ...] = ("jpeg", "png", "webp")
    min_side: int = 150
    """Pixels, of the shorter side."""

    max_side: int = 20_000
    max_aspect: float = 2.0
    """Longer side divided by the shorter one."""

    banned_url_words: tuple[str, ...] = ("logo", "button", "icon", "plugin", "widget")
    """Looked for in the lower-cased URL."""

    def __post_init__(self) -> None:
        _check(
            *_positive(self, "min_side"),
            (
                self.max_side >= self.min_side,
                f"max_side: must be at least min_side, got {self.max_side} and min_side {self.min_side}",
            ),
            (self.max_aspect >= 1, f"max_aspect: must be at least 1, got {self.max_aspect}"),
            (bool(self.formats), "formats: name at least one of jpeg, png, webp, gif, avif"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDedup:
    """When an image repeats."""

    __pydantic_config__: ClassVar = _STRICT

    max_occurrences: int = 10
    """An image whose URL or content occurs more often is left out everywhere (MM1 appendix A.1; OBELICS A.1.5)."""

    hamming_radius: int | None = 10
    """Images whose 64-bit perceptual hashes differ in at most so many bits count as one; None: only equal bytes."""

    def __post_init__(self) -> None:
        radius = self.hamming_radius
        _check(
            *_positive(self, "max_occurrences"),
            (radius is None or 0 <= radius <= 31, f"hamming_radius: must be between 0 and 31, got {radius}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDedup:
    """When a document repeats."""

    __pydantic_config__: ClassVar = _STRICT

    url: Literal["latest", "keep_all"] = "latest"
    """Of several captures of one URL the latest stays."""

    image_set: bool = True
    """Of documents with the same set of images the latest stays (OBELICS A.1.5)."""

    minhash_jaccard: float | None = 0.8
    """Of documents whose word 5-grams overlap at least so much the latest stays; None switches it off."""

    def __post_init__(self) -> None:
        value = self.minhash_jaccard
        _check((value is None or 0 < value <= 1, f"minhash_jaccard: must be in (0, 1], got {value}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParagraphDedup:
    """When a paragraph repeats."""

    __pydantic_config__: ClassVar = _STRICT

    max_per_domain: int | None = 2
    """A paragraph that occurs more often in one domain is boilerplate (OBELICS A.1.5); None switches it off."""

    def __post_init__(self) -> None:
        value = self.max_per_domain
        _check((value is None or value > 0, f"max_per_domain: must be positive, got {value}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupSettings:
    """What counts as a repetition."""

    __pydantic_config__: ClassVar = _STRICT

    images: ImageDedup = field(default_factory=ImageDedup)
    documents: DocumentDedup = field(default_factory=DocumentDedup)
    paragraphs: ParagraphDedup = field(default_factory=ParagraphDedup)
    decontaminate: tuple[str, ...] = ()
    """Files of evaluation texts, or folders of evaluation images, that must not be trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """Which CLIP model scores images against their texts, and from which score on they stay."""

    __pydantic_config__: ClassVar = _STRICT

    model: str | None = "ViT-B-32"
    """A model name of open_clip, or ``local-dir:PATH`` with a model's own folder; null switches scoring off."""

    pretrained: str | None = "laion2b_s34b_b79k"
    """A tag of open_clip or a file; null with ``local-dir:``."""

    min: float = 0.20
    """An image whose best score is lower is left out."""

    texts: tuple[TextSource, ...] = ("alt", "caption", "near")
    batch_size: int = 32
    accelerator: str | None = None
    """GPU type for Dataflow workers of this job, for example ``"nvidia-l4"``."""

    def __post_init__(self) -> None:
        _check(
            (-1 <= self.min <= 1, f"min: must be in [-1, 1], got {self.min}"),
            *_positive(self, "batch_size"),
            (bool(self.texts), "texts: name at least one of alt, caption, near"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """Which caption samples are made of pages, beside the pairs given as input."""

    __pydantic_config__: ClassVar = _STRICT

    from_pages: bool = True
    """Images of pages with a caption or alt text become caption samples too."""

    min_words: int = 3
    """Of the caption or alt text."""

    def __post_init__(self) -> None:
        _check(*_positive(self, "min_words"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecaptionSettings:
    """Who writes captions (VeCap, arXiv 2310.07699)."""

    __pydantic_config__: ClassVar = _STRICT

    captioner: Literal["none", "coca", "mm1", "openai-compatible"] = "none"
    model: str | None = None
    """For ``coca``: a model name of open_clip or ``local-dir:PATH``. For ``mm1``: a checkpoint folder."""

    pretrained: str | None = None
    endpoint: str | None = None
    """Base URL for ``openai-compatible``; the key is read from ``MM1_API_KEY``."""

    fuser: Literal["none", "rule", "openai-compatible"] = "rule"
    """``rule`` joins alt text and caption without a language model."""

    fuser_model: str | None = None
    """Model that the endpoint is asked for by the fuser; null: the captioner's ``model``."""

    batch_size: int = 16
    max_words: int = 60
    """A longer caption is refused by the guard."""

    accelerator: str | None = None

    def __post_init__(self) -> None:
        uses_endpoint = "openai-compatible" in {self.captioner, self.fuser}
        _check(
            (
                self.captioner not in {"coca", "mm1"} or bool(self.model),
                f"model: captioner {self.captioner!r} needs a model",
            ),
            (not uses_endpoint or bool(self.endpoint), "endpoint: 'openai-compatible' needs a base URL"),
            *_positive(self, "batch_size", "max_words"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureWeights:
    """Shares of rows by kind (MM1, section 3.2: 45 / 45 / 10)."""

    __pydantic_config__: ClassVar = _STRICT

    interleaved: float = 0.45
    caption: float = 0.45
    text: float = 0.10

    def __post_init__(self) -> None:
        total = self.interleaved + self.caption + self.text
        _check(
            *((w >= 0, f"{name}: must not be negative, got {w:g}") for name, w in self.by_kind().items()),
            (abs(total - 1) < 1e-9, f"the weights must add up to 1, got {total:g}"),
        )

    def by_kind(self) -> dict[str, float]:
        """Returns the weights by the name of their kind."""
        return {"interleaved": self.interleaved, "caption": self.caption, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureSettings:
    """How samples become rows and rows become shards."""

    __pydantic_config__: ClassVar = _STRICT

    weights: MixtureWeights = field(default_factory=MixtureWeights)
    vecap_share: float = 0.07
    """Share of caption samples that use the fused caption (MM1, section 3.2: VeCap is 7 % of captions)."""

    caption_choice: Literal["share", "veclip"] = "share"
    """``share``: by ``vecap_share``. ``veclip``: alt or fused with equal odds (arXiv 2310.07699, section 3.3)."""

    tokenizer: str = "train"
    """``train``: learn one on the text pool. Else a ``tokenizer.json`` of Hugging Face tokenizers."""

    vocabulary: int = 8192
    """Size of a tokenizer that is trained."""

    sequence_length: int = 4096
    """Positions of a row (MM1, section 4)."""

    tokens_per_image: int = 144
    """MM1, section 3.1: 144 visual tokens an image."""

    images_per_row: int = 16
    """MM1, section 4: up to 16 images a sequence."""

    rows_per_shard: int = 256
    on_exhausted: Literal["stop", "repeat"] = "stop"
    """When a pool is too small for its weight: end the mixture there, or repeat it up to ``max_repeats`` times."""

    max_repeats: int = 4

    def __post_init__(self) -> None:
        counts = ("sequence_length", "tokens_per_image", "images_per_row", "rows_per_shard", "max_repeats")
        _check(
            *_positive(self, *counts),
            (
                self.vocabulary >= 300,
                f"vocabulary: must be at least 300 (256 bytes and the special tokens), got {self.vocabulary}",
            ),
            _ratio("vecap_share", self.vecap_share),
            (
                self.tokens_per_image + 2 <= self.sequence_length,
                f"sequence_length: {self.sequence_length} does not hold one image of {self.tokens_per_image} tokens"
                " and the sample's begin and end",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """When a run has failed although every job ended."""

    __pydantic_config__: ClassVar = _STRICT

    max_rejected: dict[str, float] = field(default_factory=dict)
    """Job to the share of its units that may be rejected, for example ``{fetch: 0.9}``."""

    def __post_init__(self) -> None:
        _check(
            *(
                (job in JOB_NAMES, f"max_rejected.{job}: there is no such job; jobs are {', '.join(JOB_NAMES)}")
                for job in self.max_rejected
            ),
            *(_ratio(f"max_rejected.{job}", share) for job, share in self.max_rejected.items()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One run of the line, whole."""

    __pydantic_config__: ClassVar = _STRICT

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
