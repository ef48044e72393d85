"""What a recipe needs of the world, checked before anything runs: files, packages, permissions, room."""

from __future__ import annotations

import difflib
import glob
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator

from pipelines.recipe import LOCAL_MODEL, LoadedRecipe
from pipelines.runs import storage
from schemas.recipe import FolderSource, Recipe
from settings.problems import Path, Problem

INPUTS = ("pages", "pairs", "text")
_DRIVERS = {"gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs"), "s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3")}


def missing_inputs(loaded: LoadedRecipe) -> list[Problem]:
    """Returns a problem for each input pattern that matches no file, or files that cannot be read."""
    return [problem for _, problem in _input_problems(loaded)]


def preflight(loaded: LoadedRecipe) -> list[Problem]:
    """Returns everything else that would make a run fail.

    Single inputs that are missing are not among them: a run records them as rejections and goes on. That no input at
    all is there is.
    """
    found = [*_nothing_to_read(loaded), *_images(loaded), *_models(loaded), *_files(loaded), *_drivers(loaded)]
    return found + list(_run_folder(loaded))


def paths_of(recipe: Recipe) -> list[str]:
    """Returns every path that workers read or write."""
    paths = [recipe.run, *recipe.input.pages, *recipe.input.pairs, *recipe.input.text, *recipe.dedup.decontaminate]
    if isinstance(recipe.fetch.source, FolderSource):
        paths.append(recipe.fetch.source.folder)
    for name in (recipe.score.model, recipe.score.pretrained, recipe.recaption.model, recipe.recaption.pretrained):
        local = (name or "").removeprefix(LOCAL_MODEL)
        if os.path.isabs(local):
            paths.append(local)
    return paths if recipe.mixture.tokenizer == "train" else [*paths, recipe.mixture.tokenizer]


def _patterns(loaded: LoadedRecipe) -> Iterator[tuple[Path, str]]:
    for name in INPUTS:
        for position, pattern in enumerate(getattr(loaded.recipe.input, name)):
            yield ("input", name, position), pattern


def _input_problems(loaded: LoadedRecipe) -> Iterator[tuple[Path, Problem]]:
    for path, pattern in _patterns(loaded):
        if storage.is_remote(pattern):
            # Asking an object store costs a request and needs credentials: the run does it.
            continue
        files = storage.list_files(pattern)
        if not files:
            yield path, _problem(loaded, path, f"{pattern} matches no file{nearest(pattern)}")
        elif unreadable := [file for file in files if not os.access(file, os.R_OK)]:
            yield path, _problem(loaded, path, f"{unreadable[0]} cannot be read: permission denied", outside=True)


def _nothing_to_read(loaded: LoadedRecipe) -> Iterator[Problem]:
    patterns = list(_patterns(loaded))
    problems = list(_input_problems(loaded))
    if patterns and len(problems) == len(patterns):
        yield from (problem for _, problem in problems)


def _images(loaded: LoadedRecipe) -> Iterator[Problem]:
    source = loaded.recipe.fetch.source
    path: Path = ("fetch", "source")
    if source == "archive" and not loaded.recipe.input.pages:
        yield _problem(loaded, path, "'archive' takes images from the WARCs of input.pages, which is empty")
    if isinstance(source, FolderSource) and not storage.is_remote(source.folder) and not os.path.isdir(source.folder):
        yield _problem(loaded, (*path, "folder"), f"{source.folder} is not a folder{nearest(source.folder)}")


def _models(loaded: LoadedRecipe) -> Iterator[Problem]:
    score, recaption = loaded.recipe.score, loaded.recipe.recaption
    used = []
    if score.model is not None:
        used.append(("score", score.model, score.pretrained))
    if recaption.captioner in {"coca", "mm1"} and recaption.model is not None:
        used.append(("recaption", recaption.model, recaption.pretrained))
    for section, model, pretrained in used:
        if missing := [name for name in ("torch", "open_clip") if importlib.util.find_spec(name) is None]:
            advice = "pip install 'mm1[models]'"
            off = ", or set score.model: null" if section == "score" else ""
            message = f"needs {' and '.join(missing)}, not installed: {advice}{off}"
            yield _problem(loaded, (section, "model"), message, outside=True)
        yield from _model_files(loaded, section, model, pretrained)


def _model_files(loaded: LoadedRecipe, section: str, model: str, pretrained: str | None) -> Iterator[Problem]:
    path: Path = (section, "model")
    if model.startswith(LOCAL_MODEL):
        folder = model.removeprefix(LOCAL_MODEL)
        if not os.path.isdir(folder):
            yield _problem(loaded, path, f"{folder} is not a folder{nearest(folder)}", outside=True)
        elif not os.path.isfile(os.path.join(folder, "open_clip_config.json")):
            yield _problem(loaded, path, f"{folder} has no open_clip_config.json", outside=True)
    if pretrained is not None and os.path.isabs(pretrained) and not os.path.isfile(pretrained):
        message = f"{pretrained} is not a file{nearest(pretrained)}"
        yield _problem(loaded, (section, "pretrained"), message, outside=True)


def _files(loaded: LoadedRecipe) -> Iterator[Problem]:
    tokenizer = loaded.recipe.mixture.tokenizer
    if tokenizer != "train" and not storage.is_remote(tokenizer):
        path: Path = ("mixture", "tokenizer")
        if not os.path.isfile(tokenizer):
            yield _problem(loaded, path, f"{tokenizer} is not a file{nearest(tokenizer)}", outside=True)
        elif not _is_json(tokenizer):
            yield _problem(loaded, path, f"{tokenizer} is not JSON; give a tokenizer.json of Hugging Face tokenizers")
    for position, file in enumerate(loaded.recipe.dedup.decontaminate):
        if not storage.is_remote(file) and not os.path.exists(file):
            yield _problem(loaded, ("dedup", "decontaminate", position), f"{file} does not exist{nearest(file)}")


def _is_json(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            json.load(file)
    except ValueError:
        return False
    return True


def _drivers(loaded: LoadedRecipe) -> Iterator[Problem]:
    paths = [(("run",), loaded.recipe.run), *_patterns(loaded)]
    for path, value in paths:
        protocol = value.split("://", 1)[0] if storage.is_remote(value) else ""
        package, extra = _DRIVERS.get(protocol, ("", ""))
        if package and importlib.util.find_spec(package) is None:
            message = f"{protocol}:// needs {package}: pip install 'mm1[{extra}]'"
            yield _problem(loaded, path, message, outside=True)


def _run_folder(loaded: LoadedRecipe) -> Iterator[Problem]:
    run = loaded.recipe.run
    if storage.is_remote(run):
        return
    parent = existing_parent(run)
    if not os.path.isdir(parent):
        yield _problem(loaded, ("run",), f"{run} cannot be a folder: {parent} is a file")
    elif not os.access(parent, os.W_OK | os.X_OK):
        yield _problem(loaded, ("run",), f"{run} cannot be written: no permission in {parent}", outside=True)
    else:
        yield from _room(loaded, parent)


def _room(loaded: LoadedRecipe, parent: str) -> Iterator[Problem]:
    """A run holds its documents and images at least once: it needs about as much room as it reads."""
    files = (
        f for _, pattern in _patterns(loaded) if not storage.is_remote(pattern) for f in storage.list_files(pattern)
    )
    needed = sum(os.path.getsize(file) for file in files)
    free = shutil.disk_usage(parent).free
    if free < needed:
        message = f"{parent} has {free / 1e9:.1f} GB free, the input alone has {needed / 1e9:.1f} GB"
        yield _problem(loaded, ("run",), message, outside=True)


def existing_parent(path: str) -> str:
    """Returns ``path`` or the nearest of its parents that exists."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def nearest(path: str) -> str:
    """Returns the end of a sentence on a path that is not there: the nearest folder that is, and a similar name."""
    parent = existing_parent(path.split("*", 1)[0].rstrip("/") if glob.has_magic(path) else path)
    if not os.path.isdir(parent):
        return f"; {parent} is a file"
    names = sorted(os.listdir(parent))[:10_000] if os.access(parent, os.R_OK) else []
    wanted = os.path.relpath(path, parent).split(os.sep)[0]
    close = difflib.get_close_matches(wanted, names, n=1)
    similar = f". Did you mean {os.path.join(parent, close[0])!r}?" if close else ""
    held = "1 entry" if len(names) == 1 else f"{len(names)} entries"
    return f"; the nearest folder that exists is {parent} ({held}){similar}"


def _problem(loaded: LoadedRecipe, path: Path, message: str, *, outside: bool = False) -> Problem:
    return Problem(message=message, path=path, place=loaded.place(*path), outside=outside)
