"""Settings of a training run: frozen, checked when made.

Nothing here imports torch, so that a file of settings can be checked in milliseconds. Types are enforced where a file
is read, relations between values here, in ``__post_init__``; a message starts with the field's name, so that it can be
shown at its line of the file.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

_STRICT = {"extra": "forbid", "use_attribute_docstrings": True}
"""Read by pydantic where settings are checked; a plain dict so that this module needs no pydantic."""

MM1_WARMUP_STEPS = 2_000
"""MM1, section 3.3."""


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_positive(settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        _check(value > 0, f"{name}: must be positive, got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which network is trained."""

    __pydantic_config__: ClassVar = _STRICT

    preset: str = "debug"
    """A name of ``mm1_model.presets``."""

    overrides: dict[str, Any] = field(default_factory=dict)
    """Fields of ``mm1_model.config.ModelConfig`` that differ from the preset, by dotted name:
    ``{connector.kind: average_pool, decoder.num_layers: 2}``.
    """

    initial_weights: str | None = None
    """A folder with ``config.json`` and safetensors to start from; null: pretrained parts as the preset names them,
    random weights elsewhere.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSettings:
    """AdamW and its schedule (MM1, section 3.3)."""

    __pydantic_config__: ClassVar = _STRICT

    learning_rate: float | None = None
    """Peak; null: MM1's rule on the decoder's non-embedding parameters (``schedule.mm1_learning_rate``)."""

    weight_decay: float = 0.1
    """As ``torch.optim.AdamW`` counts it, that is multiplied by the learning rate. MM1's lambda = 0.1 eta is the weight
    decay of an AdamW that does *not* multiply by the peak rate eta, so it is 0.1 here, not 0.1 eta.
    """

    beta1: float = 0.9
    """AXLearn's default, which MM1 was trained with."""

    beta2: float = 0.95
    eps: float = 1e-8
    clip_norm: float = 1.0
    """Largest global norm of the gradient."""

    warmup_steps: int | None = None
    """Null: MM1's 2,000, but at most a tenth of all steps."""

    final_share: float = 0.1
    """Of the peak learning rate, reached by the cosine at the last step."""

    z_loss: float | None = None
    """Weight of ``logsumexp(logits)**2``; null: as the model says (MM1-30B: 1e-4)."""

    def __post_init__(self) -> None:
        _check_positive(self, "eps", "clip_norm")
        rate, warmup = self.learning_rate, self.warmup_steps
        _check(rate is None or rate > 0, f"learning_rate: must be positive, got {rate}")
        _check(self.weight_decay >= 0, f"weight_decay: must not be negative, got {self.weight_decay}")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            _check(0 <= value < 1, f"{name}: must be in [0, 1), got {value}")
        _check(warmup is None or warmup >= 0, f"warmup_steps: must not be negative, got {warmup}")
        _check(0 <= self.final_share <= 1, f"final_share: must be in [0, 1], got {self.final_share}")
        _check(self.z_loss is None or self.z_loss >= 0, f"z_loss: must not be negative, got {self.z_loss}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What happens when a step goes wrong. A step that is left out costs its rows and nothing else."""

    __pydantic_config__: ClassVar = _STRICT

    non_finite: Literal["skip", "stop"] = "skip"
    """When the loss or the gradient holds NaN or infinity."""

    spike: Literal["off", "skip", "stop"] = "off"
    """When the loss lies ``spike_sigmas`` standard deviations above the mean of the last ``window`` steps."""

    spike_sigmas: float = 6.0
    """OLMo 2's threshold (arXiv 2501.00656)."""

    window: int = 128
    """Steps; the guard begins when half of them are known."""

    max_consecutive: int = 10
    """So many steps left out in a row stop the run."""

    def __post_init__(self) -> None:
        _check_positive(self, "spike_sigmas", "window", "max_consecutive")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings:
    """When the run is saved."""

    __pydantic_config__: ClassVar = _STRICT

    every: int = 1_000
    """Steps. The last step is saved in any case."""

    keep: int = 3
    """Older complete checkpoints are removed once a new one is whole."""

    def __post_init__(self) -> None:
        _check_positive(self, "every", "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutSettings:
    """The loss on rows that are never trained on."""

    __pydantic_config__: ClassVar = _STRICT

    rows: int = 64
    """The last rows of the shards: every stretch of the order has the mixture's shares. 0 switches it off."""

    every: int = 1_000
    """Steps; also before the first and after the last."""

    def __post_init__(self) -> None:
        _check(self.rows >= 0, f"rows: must not be negative, got {self.rows}")
        _check_positive(self, "every")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderSettings:
    """How rows are read. None of this changes what is trained on."""

    __pydantic_config__: ClassVar = _STRICT

    workers: int = 2
    """Threads that read and decode; 0: in the training thread."""

    prefetch: int = 2
    """Micro-batches kept ready."""

    on_damage: Literal["stop", "skip"] = "stop"
    """A sample whose checksum or image is broken: end there, or train its row without it."""

    def __post_init__(self) -> None:
        _check(self.workers >= 0, f"workers: must not be negative, got {self.workers}")
        _check_positive(self, "prefetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A training run, whole."""

    __pydantic_config__: ClassVar = _STRICT

    version: Literal[1] = 1
    """Of this file's format."""

    shards: str
    """Folder with ``manifest.json`` and the shards, local or of an object store; or the run folder above it."""

    out: str
    """Folder for checkpoints, metrics and the resolved settings, on a disk that all ranks share. One trainer writes it
    at a time; a run found there is gone on with.
    """

    steps: int
    """Optimizer steps. MM1: 200,000."""

    rows_per_step: int = 512
    """Rows of all ranks together. MM1: 512."""

    micro_rows: int = 1
    """Rows of one forward pass on one rank. It decides memory and speed, not what is computed; but with experts, the
    balance loss is one of each micro-batch.
    """

    seed: int = 0
    model: ModelSettings = field(default_factory=ModelSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    holdout: HoldoutSettings = field(default_factory=HoldoutSettings)
    loader: LoaderSettings = field(default_factory=LoaderSettings)

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the arithmetic; parameters and optimizer state are float32 in any case."""

    compile: bool = False
    """``torch.compile`` on each block."""

    recompute: bool = False
    """Blocks keep only their input and compute again in the backward pass: less memory, a third more arithmetic."""

    tensorboard: bool = False
    """Also writes TensorBoard events, if the package is installed."""

    def __post_init__(self) -> None:
        _check_positive(self, "steps", "rows_per_step", "micro_rows")
        warmup = self.optimizer.warmup_steps
        _check(
            warmup is None or warmup <= self.steps,
            f"optimizer.warmup_steps: {warmup} is more than steps ({self.steps}); leave it out for a tenth of them",
        )
        _check(bool(self.shards), "shards: name the folder that holds manifest.json")
        _check(bool(self.out), "out: name a folder to write to")
        _check("://" not in self.out, f"out: must be a folder on a disk that all ranks share, got {self.out!r}")

    @property
    def warmup_steps(self) -> int:
        """Steps of linear warm-up."""
        if self.optimizer.warmup_steps is not None:
            return self.optimizer.warmup_steps
        return min(MM1_WARMUP_STEPS, self.steps // 10)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return dataclasses.asdict(self)


_COSMETIC = ("out", "shards", "micro_rows", "checkpoint", "holdout.every", "loader", "tensorboard", "device", "compile")
"""Settings that may differ when a run goes on: none of them changes which rows are trained on, or how. ``shards`` is
compared by its manifest, ``model`` by the network that it resolves to.
"""


def trajectory(config: TrainConfig) -> dict[str, Any]:
    """Returns the settings that decide what a run computes, by dotted name.

    Two runs with equal values, the same shards and the same network go through the same parameters.
    """
    flat = flatten(config.to_dict())
    hidden = (*_COSMETIC, "model", "recompute", "version")
    return {name: value for name, value in flat.items() if not any(_is_under(name, part) for part in hidden)}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested mappings as one mapping of dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Returns a line for each dotted name whose value differs: ``"name: saved 1, now 2"``."""
    names = sorted({*saved, *current})
    return [
        f"{name}: saved {saved.get(name, 'nothing')!r}, now {current.get(name, 'nothing')!r}"
        for name in names
        if saved.get(name, _MISSING) != current.get(name, _MISSING)
    ]


_MISSING = object()


def _is_under(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")
