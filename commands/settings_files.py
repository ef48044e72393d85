"""``mm1 init``, ``check`` and ``schema``: files of settings before anything runs. Imports no Beam and no torch."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence

import click

import recipes
from commands import output
from commands.engines import ENGINES, engine_settings
from commands.errors import Exit
from commands.program import command, json_option
from commands.scale import plan_recipe, show_plan
from settings.problems import Path, Problem, SettingsError

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting: mixture.seed=3. Repeatable."
)


@command(
    examples="""
mm1 init --list
mm1 init web -o web.yaml
mm1 init quickstart            # to stdout
"""
)
@click.argument("recipe", required=False)
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False), help="File to write; default: stdout.")
@click.option("--list", "as_list", is_flag=True, help="Name the recipes there are.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init(recipe: str | None, path: str | None, as_list: bool, force: bool) -> None:
    """Copies a commented recipe, or a file of training settings, to edit."""
    if as_list or recipe is None:
        output.table(None, ("recipe", "what it is for"), [(name, recipes.summary(name)) for name in recipes.names()])
        return
    if recipe not in recipes.names():
        close = difflib.get_close_matches(recipe, recipes.names(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise click.BadParameter(f"no recipe {recipe!r}.{hint} There are: {', '.join(recipes.names())}")
    if path is None:
        click.echo(recipes.to_copy(recipe), nl=False)
        return
    if os.path.exists(path) and not force:
        raise click.BadParameter(f"{path} exists; give --force to overwrite it", param_hint="--output")
    with open(path, "w", encoding="utf-8") as file:
        file.write(recipes.to_copy(recipe))
    output.note(f"wrote {path}; next: edit it, then `mm1 check {path}`")


@command(
    examples="""
mm1 check web.yaml
mm1 check web.yaml --set score.min=0.25
mm1 check web.yaml --plan
mm1 check train.yaml
"""
)
@click.argument("file", type=click.Path())
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="Where it is to run.")
@click.option("--master", help="Spark or Flink cluster.")
@set_option
@click.option("--plan", is_flag=True, help="Count a recipe's input and say what each job would take.")
@json_option
def check(*, file: str, engine: str, master: str | None, overrides: tuple[str, ...], plan: bool, as_json: bool) -> int:
    """Finds everything that can be known before running FILE, a recipe or training settings.

    Exit code 2: FILE has mistakes. 3: FILE is right, but something that it needs is not there.
    """
    try:
        kind = _check_file(file, overrides, engine, master)
    except SettingsError as error:
        if not as_json:
            raise
        output.json_result({"ok": False, "problems": [_as_json(problem) for problem in error.problems]})
        return Exit.OUTSIDE if all(problem.outside for problem in error.problems) else Exit.USAGE
    if plan and kind != "recipe":
        raise click.BadParameter(f"{file} holds {kind}; only a recipe has jobs to plan", param_hint="--plan")
    planned = plan_recipe(file, overrides) if plan else {}
    if as_json:
        output.json_result({"ok": True, "problems": [], **planned})
        return Exit.DONE
    output.result(f"{file}: the {kind} is right, and what it needs is there")
    if plan:
        show_plan(planned["input"], planned["jobs"])
    return Exit.DONE


def _check_file(file: str, overrides: Sequence[str], engine: str, master: str | None) -> str:
    from settings.source import read_file

    data = read_file(file).data
    if "shards" in data and "input" not in data:
        check_training(file, overrides)
        return "training settings"
    check_recipe(file, overrides, engine, master)
    return "recipe"


def check_recipe(file: str, overrides: Sequence[str], engine: str = "local", master: str | None = None) -> None:
    """Raises SettingsError with everything that is wrong with a recipe, what it needs and what the engine needs."""
    from pipelines.engines.preflight import engine_problems
    from pipelines.preflight import missing_inputs, paths_of, preflight
    from pipelines.recipe import ADVICE, load_recipe

    loaded = load_recipe(file, overrides)
    settings = engine_settings(engine, master=master)
    needs = [Problem(message=text, outside=True) for text in engine_problems(settings, paths_of(loaded.recipe))]
    problems = list(dict.fromkeys([*missing_inputs(loaded), *preflight(loaded), *needs]))
    if problems:
        raise SettingsError(problems, ADVICE)


def check_training(file: str, overrides: Sequence[str]) -> None:
    """Raises SettingsError with everything that is wrong with training settings and what they need."""
    import importlib.util

    from mm1_model.presets import PRESETS
    from mm1_model.train.settings_file import ADVICE, load_train_config
    from settings.source import override, read_file

    config = load_train_config(file, overrides)
    source = read_file(file)
    override(source, overrides)
    problems = []
    if config.model.preset not in PRESETS:
        close = difflib.get_close_matches(config.model.preset.lower(), [name.lower() for name in PRESETS], n=1)
        hint = f". Did you mean {next(n for n in PRESETS if n.lower() == close[0])!r}?" if close else ""
        message = f"must be one of {', '.join(PRESETS)}, got {config.model.preset!r}{hint}"
        path: Path = ("model", "preset")
        problems.append(Problem(message=message, path=path, place=source.place(path)))
    if importlib.util.find_spec("torch") is None:
        problems.append(Problem(message="training needs torch: pip install 'mm1[models]'", outside=True))
    manifest = os.path.join(config.shards, "manifest.json")
    if "://" not in manifest and not os.path.isfile(manifest):
        message = f"{manifest} is not there: run the recipe that makes these shards first"
        problems.append(Problem(message=message, path=("shards",), place=source.place(("shards",)), outside=True))
    if problems:
        raise SettingsError(problems, ADVICE)


def _as_json(problem: Problem) -> dict[str, object]:
    from settings.problems import dotted

    place = problem.place
    return {
        "message": problem.message,
        "path": dotted(problem.path) or None,
        "origin": place.origin if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "outside": problem.outside,
    }


@command(
    examples="""
mm1 schema > mm1.schema.json     # for editors: # yaml-language-server: $schema=./mm1.schema.json
mm1 schema --format markdown
mm1 schema --of training
"""
)
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True)
@click.option("--of", "kind", type=click.Choice(["recipe", "training"]), default="recipe", show_default=True)
def schema(form: str, kind: str) -> None:
    """Prints every key of a recipe with its type, default and meaning."""
    from settings.schema import json_schema, markdown

    settings_type = _settings_type(kind)
    if form == "json":
        click.echo(json_schema(settings_type))
    else:
        click.echo(markdown(settings_type), nl=False)


def _settings_type(kind: str) -> type:
    if kind == "recipe":
        from schemas.recipe import Recipe

        return Recipe
    from mm1_model.train.config import TrainConfig

    return TrainConfig
