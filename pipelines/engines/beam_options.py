"""Beam's own flags, checked: Beam itself only logs those that it does not know, and runs without them."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
from collections.abc import Sequence

from pipelines.engines.settings import EngineError


def check_beam_flags(flags: Sequence[str]) -> None:
    """Raises EngineError for flags that Beam does not know, all at once, or whose value it refuses."""
    parser = _beam_parser()
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            _, unknown = parser.parse_known_args(list(flags))
    except SystemExit as error:
        message = errors.getvalue().strip().splitlines()[-1].rpartition("error: ")[2]
        raise EngineError(f"Beam refuses its flags: {message}") from error
    if unknown:
        known = [option for action in parser._actions for option in action.option_strings]
        named = ", ".join(f"{flag}{_similar(flag, known)}" for flag in unknown)
        raise EngineError(f"Beam does not know {named}")


def _similar(flag: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(flag.split("=", 1)[0], known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _beam_parser() -> argparse.ArgumentParser:
    """Returns a parser of all options of Beam, as ``PipelineOptions.get_all_options`` makes it."""
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    parser: argparse.ArgumentParser = _BeamArgumentParser(allow_abbrev=False)
    for options in {str(cls): cls for cls in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    return parser
