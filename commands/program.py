"""The program around the commands: lazy loading, options that all share, errors as exit codes."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.stopping import Stop, leave, stop_on_signals
from pipelines.runs.storage_errors import StorageError
from schemas.errors import SchemaError
from settings.problems import SettingsError

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Heading to command name to (``"module:attribute"``, one line of help)."""


class LazyGroup(click.Group):
    """A group whose commands are imported when one is called, so that ``--help`` needs none of them."""

    sections: ClassVar[Sections] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for commands in self.sections.values():
            if cmd_name in commands:
                module, _, attribute = commands[cmd_name][0].partition(":")
                command = getattr(importlib.import_module(module), attribute)
                assert isinstance(command, click.Command)  # a wrong entry in our own list
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise click.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.list_commands(ctx))
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in commands.items()])


def command(*, examples: str = "", **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a function a command of the program: with ``-q``, ``-v``, ``--no-color``, and examples beneath its help."""
    lines = (f"  {line}" for line in examples.strip().splitlines())
    epilog = "\b\nExamples:\n" + "\n".join(lines) if examples else None

    def decorate(function: Callable[..., Any]) -> click.Command:
        made = click.command(cls=click.Command, epilog=epilog, **attributes)(function)
        made.params.extend(_common_options())
        return made

    return decorate


def _set_quiet(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    output.Verbosity.quiet = value


def _set_verbose(ctx: click.Context, parameter: click.Parameter, value: int) -> None:
    output.Verbosity.verbose = value
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(value, 2)]
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)


def _set_color(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value or os.environ.get("NO_COLOR"):
        os.environ["NO_COLOR"] = "1"
        ctx.color = False


def _common_options() -> list[click.Option]:
    hidden: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        click.Option(["-q", "--quiet"], is_flag=True, callback=_set_quiet, help="No progress, only results.", **hidden),
        click.Option(["-v", "--verbose"], count=True, callback=_set_verbose, help="More log; -vv: all.", **hidden),
        click.Option(["--no-color"], is_flag=True, callback=_set_color, help="As NO_COLOR=1 does.", **hidden),
    ]


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
"""For commands that have a result to read by machine."""


def run_program(group: click.Group, arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code; every expected error becomes one message without a traceback."""
    try:
        stop_on_signals()
        value = group.main(args=arguments, prog_name="mm1", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return int(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        output.fail("stopped; what was finished is kept, and the same command goes on from there")
        sys.stdout.flush()
        return leave(Exit.STOPPED)
    except BrokenPipeError:
        # The reader of our output has gone (`mm1 stats RUN | head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:
        # What Beam says of workers that were ended by the stop is the stop itself.
        return leave(Exit.STOPPED) if Stop.asked else _ended(error)
    return value if isinstance(value, int) else Exit.DONE


def _ended(error: Exception) -> int:
    """Says why the program ends, and returns its exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return Exit.USAGE
    if isinstance(error, SettingsError):
        click.echo(str(error), err=True)
        return Exit.OUTSIDE if all(problem.outside for problem in error.problems) else Exit.USAGE
    if isinstance(error, SchemaError):
        output.fail(str(error))
        return Exit.FAILED_CHECK
    if isinstance(error, CommandError):
        output.fail(str(error))
        return error.code
    if isinstance(error, (OSError, StorageError)):
        output.fail(_outside(error) if isinstance(error, OSError) else str(error))
        return Exit.OUTSIDE
    traceback.print_exception(error)
    output.fail("this is a bug in mm1; please report it with the lines above and the output of `mm1 doctor`")
    return Exit.FAILED_CHECK


def _outside(error: OSError) -> str:
    advice = {
        errno.ENOSPC: "; make room and run the same command again: it goes on from what is there",
        errno.EDQUOT: "; the quota is used up: make room and run the same command again",
        errno.EACCES: "; check the permissions",
        errno.EROFS: "; the file system is read-only",
    }.get(error.errno or 0, "")
    named = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    return f"{named}{advice}"
