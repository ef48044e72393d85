"""A file of training settings as a checked ``TrainConfig``."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mm1_model.train.config import TrainConfig, flatten
from settings.load import Loaded, load_settings

ADVICE = "Nothing was trained."
LOCAL_FOLDER = "local-dir:"
"""How open_clip is told that a model lies in a folder of its own."""

_OVERRIDES = ("model", "overrides")


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
            overrides=_absolute_overrides(loaded, folder),
            initial_weights=None if initial is None else _absolute(loaded, folder, initial, "model", "initial_weights"),
        ),
    )


def _absolute_overrides(loaded: Loaded[TrainConfig], folder: str) -> dict[str, Any]:
    """Returns the overrides by dotted name, with the folders that they name made absolute."""
    overrides = flatten(loaded.value.model.overrides)
    tower, decoder = overrides.get("vision.model"), overrides.get("decoder.pretrained")
    if isinstance(tower, str) and tower.startswith(LOCAL_FOLDER):
        path = tower.removeprefix(LOCAL_FOLDER)
        overrides["vision.model"] = LOCAL_FOLDER + _absolute(loaded, folder, path, *_OVERRIDES, "vision", "model")
    if isinstance(decoder, str):
        overrides["decoder.pretrained"] = _absolute(loaded, folder, decoder, *_OVERRIDES, "decoder", "pretrained")
    return overrides


def _absolute(loaded: Loaded[TrainConfig], folder: str, value: str, *path: str) -> str:
    if "://" in value:
        return value
    base = folder if loaded.place(path).line is not None else os.getcwd()
    return os.path.normpath(os.path.join(base, os.path.expanduser(value)))
