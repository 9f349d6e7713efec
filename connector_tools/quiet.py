"""Hides the connector's own log lines while a command runs its pipeline."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from connector.log import OURS


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing below CRITICAL meanwhile: the command prints the outcomes of events itself."""
    before = OURS.level
    OURS.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        OURS.setLevel(before)
