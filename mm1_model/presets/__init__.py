"""Every size of the paper, and a small one for tests.

This imports no torch; ``mm1_model.presets.describe``, which counts, does.
"""

from mm1_model.presets.sizes import PRESETS, preset

__all__ = ["PRESETS", "preset"]
