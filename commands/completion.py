"""``mm1 completion``: completion of commands, options and choices in the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from commands.program import command


@command(
    examples="""
mm1 completion bash >> ~/.bashrc
mm1 completion fish > ~/.config/fish/completions/mm1.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Prints the completion script for SHELL."""
    maker = get_completion_class(shell)
    assert maker is not None  # Click has all three
    click.echo(maker(context.find_root().command, {}, "mm1", "_MM1_COMPLETE").source())
