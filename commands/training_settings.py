"""Training settings from a file, with absolute paths. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from settings.load import Loaded, load_settings

if TYPE_CHECKING:
    from mm1_model.train.config import TrainConfig


def load_training(file: str, overrides: Sequence[str] = ()) -> Loaded[TrainConfig]:
    """Reads and checks training settings; relative paths are relative to the file, those of ``--set`` to the folder.

    Raises:
        SettingsError: With every mistake, each at its place.
    """
    from mm1_model.train.config import TrainConfig

    loaded = load_settings(file, TrainConfig, overrides)
    folder = os.path.dirname(os.path.abspath(file))

    def absolute(path: str, key: str) -> str:
        in_file = loaded.place((key,)).line is not None
        if "://" in path:
            return path
        return os.path.normpath(os.path.join(folder if in_file else os.getcwd(), os.path.expanduser(path)))

    config = loaded.value
    config = replace(config, shards=absolute(config.shards, "shards"), out=absolute(config.out, "out"))
    return replace(loaded, value=config)
