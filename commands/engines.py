"""Engines as options of commands."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING

from commands.errors import CommandError, Exit

if TYPE_CHECKING:
    from pipelines.engines.settings import EngineSettings

ENGINES = ("local", "inproc", "spark", "flink", "dataflow")


def engine_settings(
    name: str,
    *,
    master: str | None = None,
    workers: int | None = None,
    beam_flags: Sequence[str] = (),
    wait: bool = True,
) -> EngineSettings:
    """Returns checked engine settings.

    Raises:
        CommandError: A flag of Beam is unknown to it, or the engine cannot be used.
    """
    from pipelines.engines.settings import EngineName, EngineSettings

    try:
        settings = EngineSettings(
            name=typing.cast(EngineName, name),
            master=master,
            workers=workers,
            beam_flags=tuple(beam_flags),
            wait=wait,
        )
        if beam_flags:
            from pipelines.engines.beam_options import check_beam_flags

            check_beam_flags(beam_flags)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    return settings
