"""What every test is protected from."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """Lets no test switch off the log of the next: a program that is stopped switches off its own."""
    yield
    logging.disable(logging.NOTSET)
