"""Connections that wait for the next request to an external system, for all protocols."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

LONGEST = 20.0  # seconds; a connection that is idle for longer may be dead without notice


class Reusable(Protocol):
    """A connection for one request at a time."""

    @property
    def reusable(self) -> bool:
        """True if another request may be sent."""

    def close(self) -> None:
        """Close the connection at once."""


C = TypeVar("C", bound=Reusable)


class Idle(Generic[C]):
    """The idle connections to one place; a timer closes each after `longest` seconds.

    Any number may be idle: the caller limits concurrency. An instance without CPU between events
    runs its timers late, so the age is checked again before a connection is used.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._waiting: deque[tuple[float, C]] = deque()  # most recently used at the right
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> C | None:
        """The most recently used connection; None if none can be reused."""
        while self._waiting:
            since, connection = self._waiting.pop()
            if connection.reusable and since > _now() - self._longest:
                return connection
            connection.close()
        return None

    def take_old(self, age: float) -> C | None:
        """The connection that has been idle for the longest time, if that is `age` seconds."""
        if not self._waiting or self._waiting[0][0] > _now() - age:
            return None
        connection = self._waiting.popleft()[1]
        if connection.reusable:
            return connection
        connection.close()
        return None

    def keep(self, connection: C) -> None:
        """Keep a connection after a request; close it if it cannot be reused."""
        if self._closed or not connection.reusable:
            connection.close()
            return
        self._waiting.append((_now(), connection))
        if self._timer is None:
            self._close_later()

    def clear(self) -> None:
        """Close all idle connections: one has failed, so the others are probably dead, too."""
        while self._waiting:
            self._waiting.pop()[1].close()

    def close(self) -> None:
        """Close all idle connections, and from now on those that `keep` gets."""
        self._closed = True
        self.clear()
        if self._timer:
            self._timer.cancel()

    def _close_later(self) -> None:
        """Set the one timer for the connection that has been idle for the longest time."""
        due = self._waiting[0][0] + self._longest
        self._timer = asyncio.get_running_loop().call_at(due, self._close_old)

    def _close_old(self) -> None:
        oldest = _now() - self._longest
        while self._waiting and self._waiting[0][0] <= oldest:
            self._waiting.popleft()[1].close()
        self._timer = None
        if self._waiting:
            self._close_later()


def _now() -> float:
    return asyncio.get_running_loop().time()
