"""A recipe file as a checked ``Recipe`` with absolute paths."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.runs import storage
from schemas.recipe import FetchSettings, FolderSource, InputSettings, Recipe
from settings.load import check_source
from settings.problems import Path, Place
from settings.source import Source, assign, override, read_file

ADVICE = "Nothing was run. `mm1 schema` lists every key."
LOCAL_MODEL = "local-dir:"
"""Prefix of open_clip for a model that lies in a folder of its own."""

_WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A checked recipe, and where each of its settings was given."""

    recipe: Recipe
    """All paths in it are absolute or of an object store."""

    source: Source

    def place(self, *path: str | int) -> Place:
        """Returns where a setting was given, or its nearest parent that was."""
        return self.source.place(path)

    def origin(self, *path: str | int) -> str:
        """Returns where a setting comes from, in words: a line of the file, an option, or ``"default"``."""
        return str(self.source.places[path]) if path in self.source.places else "default"


def load_recipe(
    path: str, overrides: Sequence[str] = (), options: Mapping[str, tuple[Path, object]] | None = None
) -> LoadedRecipe:
    """Reads and checks a recipe.

    Relative paths in the file are relative to the file; those in ``overrides`` and ``options`` to the working folder.

    Args:
        path: The YAML file.
        overrides: ``key.path=VALUE``, in order, values as YAML.
        options: Settings with an option of their own, by the option as the user wrote it:
            ``{"--out runs/a": (("run",), "runs/a")}``. They win over ``overrides``.

    Raises:
        SettingsError: With every mistake, each at its place.
    """
    source = read_file(path)
    override(source, overrides)
    for origin, (key, value) in (options or {}).items():
        assign(source, key, value, Place(origin=origin))
    loaded = check_source(source, Recipe, advice=ADVICE)
    return LoadedRecipe(recipe=_absolute(loaded.value, source, path), source=source)


def _absolute(recipe: Recipe, source: Source, file: str) -> Recipe:
    """Returns the recipe with every path made absolute, once."""
    paths = _Paths(source, os.path.dirname(storage.absolute(file, os.getcwd())))
    score, recaption = recipe.score, recipe.recaption
    return replace(
        recipe,
        run=paths.one(recipe.run, "run"),
        input=_absolute_input(recipe.input, paths),
        fetch=_absolute_fetch(recipe.fetch, paths),
        dedup=replace(recipe.dedup, decontaminate=paths.many(recipe.dedup.decontaminate, "dedup", "decontaminate")),
        score=replace(
            score,
            model=paths.model(score.model, "score", "model"),
            pretrained=paths.weights(score.pretrained, "score", "pretrained"),
        ),
        recaption=replace(
            recaption,
            model=paths.one(recaption.model, "recaption", "model")
            if recaption.captioner == "mm1" and recaption.model
            else paths.model(recaption.model, "recaption", "model"),
            pretrained=paths.weights(recaption.pretrained, "recaption", "pretrained"),
        ),
        mixture=recipe.mixture
        if recipe.mixture.tokenizer == "train"
        else replace(recipe.mixture, tokenizer=paths.one(recipe.mixture.tokenizer, "mixture", "tokenizer")),
    )


def _absolute_input(settings: InputSettings, paths: _Paths) -> InputSettings:
    return replace(
        settings,
        pages=paths.many(settings.pages, "input", "pages"),
        pairs=paths.many(settings.pairs, "input", "pairs"),
        text=paths.many(settings.text, "input", "text"),
    )


def _absolute_fetch(settings: FetchSettings, paths: _Paths) -> FetchSettings:
    if not isinstance(settings.source, FolderSource):
        return settings
    folder = paths.one(settings.source.folder, "fetch", "source", "folder")
    return replace(settings, source=FolderSource(folder=folder))


class _Paths:
    """Makes paths absolute: against the recipe's folder where the file gave them, else the working folder."""

    def __init__(self, source: Source, folder: str) -> None:
        self._source, self._folder = source, folder

    def one(self, path: str, *key: str | int) -> str:
        in_file = self._source.place(key).line is not None
        return storage.absolute(os.path.expanduser(path), self._folder if in_file else os.getcwd())

    def many(self, paths: tuple[str, ...], *key: str) -> tuple[str, ...]:
        return tuple(self.one(path, *key, position) for position, path in enumerate(paths))

    def model(self, name: str | None, *key: str) -> str | None:
        if name is None or not name.startswith(LOCAL_MODEL):
            return name
        return LOCAL_MODEL + self.one(name.removeprefix(LOCAL_MODEL), *key)

    def weights(self, name: str | None, *key: str) -> str | None:
        is_file = name is not None and (name.endswith(_WEIGHTS) or "/" in name)
        return self.one(name, *key) if name is not None and is_file else name
