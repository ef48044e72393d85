"""What commands that need a model share: a check that torch is there, and checkpoints by any of their folders."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from commands.errors import CommandError, Exit


def require_torch() -> None:
    """Raises CommandError unless torch is installed."""
    if importlib.util.find_spec("torch") is None:
        raise CommandError("this needs torch: pip install 'mm1[models]'", Exit.OUTSIDE)


def model_folder(path: str) -> Path:
    """Returns the folder of the weights: ``path`` itself, its ``model/``, or that of its newest whole checkpoint.

    Raises:
        CommandError: There are none.
    """
    folder = Path(path)
    for candidate in (folder, folder / "model"):
        if (candidate / "config.json").is_file():
            return candidate
    if folder.is_dir():
        from mm1_model.train.checkpoint import newest_whole_checkpoint

        newest = newest_whole_checkpoint(folder)
        if newest is not None:
            return newest / "model"
    raise CommandError(f"{path} holds no model: neither a checkpoint nor a training folder", Exit.OUTSIDE)
