"""The connector's own log lines, left out where its pipeline runs within a command."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from connector.log import OURS


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing below critical is logged meanwhile: the command prints what became of the events."""
    before = OURS.level
    OURS.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        OURS.setLevel(before)
