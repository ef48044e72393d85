"""Every size of the paper, and a small one for tests. Imports no torch."""

from mm1_model.presets.sizes import PRESETS, preset

__all__ = ["PRESETS", "preset"]
