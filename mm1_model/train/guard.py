"""Decides after each backward pass whether the step may change the parameters.

Pure arithmetic on numbers that all ranks share, so that all ranks decide alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mm1_model.train.config import GuardSettings

Verdict = Literal["take", "skip", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to do with a step, and why."""

    verdict: Verdict
    reason: str | None = None


class LossGuard:
    """Watches the loss. Its whole state is a list of numbers, so that it can be saved.

    Non-finite and spiking losses never enter the history: one NaN costs one step, not a window of them.
    """

    def __init__(self, settings: GuardSettings, *, history: Sequence[float] = (), consecutive: int = 0) -> None:
        """Args:
        settings: The thresholds.
        history: Losses of the last steps taken, oldest first.
        consecutive: Steps left out directly before.
        """
        self._settings = settings
        self.history = list(history)[-settings.window :]
        self.consecutive = consecutive

    def judge(self, *, loss: float, gradient_norm: float) -> Judgement:
        """Returns whether the step is taken, and remembers it."""
        action, reason = self._wrong(loss, gradient_norm)
        if reason is None:
            self.consecutive = 0
            self.history = [*self.history, loss][-self._settings.window :]
            return Judgement(verdict="take")
        self.consecutive += 1
        if action == "stop":
            return Judgement(verdict="stop", reason=reason)
        if self.consecutive >= self._settings.max_consecutive:
            return Judgement(verdict="stop", reason=f"{reason}; {self.consecutive} steps left out in a row")
        return Judgement(verdict="skip", reason=reason)

    def _wrong(self, loss: float, gradient_norm: float) -> tuple[str, str | None]:
        settings = self._settings
        if not math.isfinite(loss):
            return settings.non_finite, f"the loss is {loss}"
        if not math.isfinite(gradient_norm):
            return settings.non_finite, f"the gradient's norm is {gradient_norm}"
        if settings.spike != "off" and len(self.history) * 2 >= settings.window:
            limit = _spike_limit(self.history, settings.spike_sigmas)
            if loss > limit:
                return (
                    settings.spike,
                    f"the loss {loss:.4f} is above {limit:.4f} (spike_sigmas {settings.spike_sigmas:g})",
                )
        return "take", None


def _spike_limit(history: Sequence[float], sigmas: float) -> float:
    mean = math.fsum(history) / len(history)
    variance = math.fsum((value - mean) ** 2 for value in history) / len(history)
    return mean + sigmas * math.sqrt(variance)
