"""The limits of a request before the application has it, and one timer for all connections.

A timer for each connection would cost every event; the one here looks at all connections once a
second.
"""

import asyncio
import os
from collections.abc import Iterable
from logging import ERROR
from typing import NamedTuple, Protocol

from connector import log

_WARN_AGAIN = 60  # seconds between two lines about descriptors


class Limits(NamedTuple):
    """Sizes in bytes, times in seconds; docs/decisions/0029-bytes-before-an-event.md has reasons.

    `head` is for request line and headers together, also for the trailer and for the extensions
    of one chunk. `waiting` are requests on a connection whose turn has not come. `linger` is how
    long the server goes on reading after an answer of its own, so that the sender can read it.
    """

    head: int = 65_536
    lines: int = 100
    url: int = 8_192
    waiting: int = 16
    head_seconds: float = 10
    body_seconds: float = 30
    linger: float = 2
    every: float = 1


class Expiring(Protocol):
    """A connection that can be too slow."""

    def expire(self, now: float) -> None:
        """End it if its deadline, in the event loop's time, has passed."""


class Deadlines:
    """Ends connections that are too slow, and logs when descriptors run out; one a process.

    `connector` is the name in the log lines.
    """

    def __init__(self, connector: str, limits: Limits) -> None:
        self.connector = connector
        self.limits = limits
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warned = float("-inf")

    def watch(self, loop: asyncio.AbstractEventLoop, connections: Iterable[Expiring]) -> None:
        """Look at the server's `connections` from now on; each new connection calls this."""
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self.limits.every, self._sweep, loop, connections)

    def _sweep(self, loop: asyncio.AbstractEventLoop, connections: Iterable[Expiring]) -> None:
        loop.call_later(self.limits.every, self._sweep, loop, connections)
        now = loop.time()
        self._try_descriptor(now)
        for connection in tuple(connections):
            connection.expire(now)

    def _try_descriptor(self, now: float) -> None:
        """Log that no descriptor is left: libuv then closes new connections without a word."""
        try:
            os.close(os.dup(2))
        except OSError as error:
            if now - self._warned >= _WARN_AGAIN:
                self._warned = now
                cause = f"{type(error).__name__}: {error.strerror}"
                message = "no descriptor left: new connections are closed"
                log.write(ERROR, message, connector=self.connector, cause=cause)
