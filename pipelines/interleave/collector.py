"""Python's cyclic garbage collector, kept from work that it cannot do."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Keeps the collector out of a block of code that makes many objects and no cycles: there is nothing to collect.

    Taking a page apart makes thousands of objects, which the collector would pass over some dozen times: a tenth of the
    time. What other threads leave meanwhile is collected afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
