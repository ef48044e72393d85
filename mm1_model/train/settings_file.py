"""A file of training settings as a checked ``TrainConfig``."""

import os
from collections.abc import Sequence
from dataclasses import replace

from mm1_model.train.config import TrainConfig
from settings.load import Loaded, load_settings

ADVICE = "Nothing was trained."


def load_train_config(path: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Reads and checks a file of settings.

    Relative paths in the file are relative to the file; those in ``overrides`` to the working folder.

    Args:
        path: The YAML file.
        overrides: ``key.path=VALUE``, in order, values as YAML.

    Raises:
        settings.problems.SettingsError: With every mistake, each at its place.
    """
    loaded = load_settings(path, TrainConfig, overrides, advice=ADVICE)
    folder = os.path.dirname(os.path.abspath(path))
    config = loaded.value
    initial = config.model.initial_weights
    return replace(
        config,
        shards=_absolute(loaded, folder, config.shards, "shards"),
        out=_absolute(loaded, folder, config.out, "out"),
        model=replace(
            config.model,
            initial_weights=None if initial is None else _absolute(loaded, folder, initial, "model", "initial_weights"),
        ),
    )


def _absolute(loaded: Loaded[TrainConfig], folder: str, value: str, *path: str) -> str:
    if "://" in value:
        return value
    base = folder if loaded.place(path).line is not None else os.getcwd()
    return os.path.normpath(os.path.join(base, os.path.expanduser(value)))
