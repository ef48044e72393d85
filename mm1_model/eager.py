"""A mark for functions that compilers must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

Function = TypeVar("Function", bound=Callable[..., Any])


def uncompiled(function: Function) -> Function:
    """Makes ``torch.compile`` call ``function`` as it is instead of tracing it."""
    disable = cast(Callable[[Function], Function], torch.compiler.disable)
    return disable(function)
