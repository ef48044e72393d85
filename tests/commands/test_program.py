"""The program around the commands: help, wrong usage, exit codes, and what it may not import."""

import errno
import os
import pathlib
import select
import signal
import subprocess
import sys

import click
import pytest

from beam_runner import SECTIONS, main, program
from commands.errors import CommandError, Exit
from commands.output import escaped
from commands.program import LazyGroup, run_program
from schemas.errors import SchemaError
from settings.problems import Problem, SettingsError

NAMES = [name for commands in SECTIONS.values() for name in commands]
RECIPE = "version: 1\nrun: run\ninput: {text: [t.txt]}\nfetch: {source: {folder: .}}\nscore: {model: null}\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0

    assert capsys.readouterr().out.startswith(f"Usage: mm1 {name}")


def test_help_lists_every_command_without_importing_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    listed = capsys.readouterr().out
    assert [name for name in NAMES if f"\n  {name} " not in listed] == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", "r.yaml"], ["status", "run"], ["schema"], ["init", "--list"], ["run", "--help"]]
)
def test_looking_imports_neither_beam_nor_torch(tmp_path: pathlib.Path, arguments: list[str]) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "t.txt").write_text("text")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    script = (
        "import sys, beam_runner\n"
        f"code = beam_runner.main({arguments!r})\n"
        "heavy = {name.partition('.')[0] for name in sys.modules} & {'apache_beam', 'torch', 'open_clip'}\n"
        "print(code, sorted(heavy), file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stderr.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rn"], "No such command 'rn'. Did you mean 'run'?"),
        (["run", "r.yaml", "--dry-rn"], "No such option '--dry-rn'. Did you mean '--dry-run'?"),
        (["run"], "Missing argument 'RECIPE'"),
        (["run", "r.yaml", "--engine", "spork"], "'spork' is not one of"),
        (["run", "r.yaml", "--workers", "0"], "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_suggestion(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def failing(error: BaseException) -> click.Group:
    @click.command()
    def command() -> None:
        raise error

    group = click.Group("mm1")
    group.add_command(command, "fail")
    return group


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CommandError("two jobs failed", Exit.UNFINISHED), 4, "error: two jobs failed"),
        (SchemaError("counts do not add up"), 1, "error: counts do not add up"),
        (SettingsError([Problem(message="bad value")]), 2, "bad value\n1 problem."),
        (SettingsError([Problem(message="no model", outside=True)]), 3, "no model\n1 problem."),
        (OSError(errno.ENOSPC, "No space left on device", "runs/a"), 3, "runs/a: No space left on device; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/a"), 3, "check the permissions"),
        (KeyboardInterrupt(), 130, "stopped; what was finished is kept"),
    ],
)
def test_an_expected_error_is_one_message_and_its_exit_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_program(failing(error), ["fail"]) == code

    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_a_bug_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(failing(ZeroDivisionError("oh")), ["fail"]) == 1

    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "this is a bug in mm1" in printed


def has_ended(process: int) -> bool:
    """Returns whether the process of a file descriptor (``os.pidfd_open``) ends within half a minute.

    A killed process closes its files before it counts as ended, so a reader of its output may be a moment early.
    """
    return bool(select.select([process], [], [], 30)[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_and_its_processes_with_130(number: signal.Signals) -> None:
    # The grandchild ignores signals that can be ignored, as a worker in a system call may.
    script = (
        "import sys, click, subprocess, threading\n"
        "from commands.program import run_program\n"
        "@click.command()\n"
        "def wait():\n"
        "    child = subprocess.Popen(['sh', '-c', 'trap \"\" TERM INT; sleep 600; true'])\n"
        "    print(child.pid, flush=True)\n"
        "    threading.Thread(target=child.wait).start()\n"
        "    threading.Event().wait(600)\n"
        "group = click.Group('mm1'); group.add_command(wait)\n"
        "sys.exit(run_program(group, ['wait']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    child = os.pidfd_open(int(process.stdout.readline()))

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert has_ended(child)
    os.close(child)


def test_the_program_is_a_module_and_a_function() -> None:
    done = subprocess.run(
        [sys.executable, "beam_runner.py", "--version"],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("mm1 0.")


def test_text_from_outside_stays_one_line_without_control_sequences() -> None:
    assert escaped("a\x1b[31mb\nc") == r"a\x1b[31mb\nc"


def test_every_entry_of_the_list_is_a_command() -> None:
    assert isinstance(program, LazyGroup)
    context = click.Context(program)

    assert [name for name in NAMES if program.get_command(context, name) is None] == []
