"""The connections of one client: as many as calls at once, each with one command at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from connector.outcome import Outcome
from connector.system import Reply
from connector.systems.causes import reason_of
from connector.systems.idle import LONGEST, Idle
from connector.systems.line.login import NotReady
from connector.systems.line.wire import LineFailure

_TURNS = 3  # of the event loop, in which it notices that the system has closed a connection
_LEAVE = 2.0  # seconds at most for the logouts at the stop


class Connection(Protocol):
    """A connection that is logged in. `connector.systems.line.wire` has the real one."""

    @property
    def reusable(self) -> bool:
        """True if another command may be sent."""

    async def ask(self, command: str, ends: str | None, prompt: str | None) -> list[str]:
        """Send a command; returns the lines of its reply."""

    async def leave(self, within: float) -> None:
        """Log out and close the connection, in `within` seconds."""

    def close(self) -> None:
        """Close the connection."""


Open = Callable[[], Awaitable[Connection]]
"""Opens a connection and logs in; raises NotReady."""


class Pool:
    """At most `most` connections; each is opened within `within` seconds."""

    def __init__(self, open_one: Open, most: int, within: float, every: float | None) -> None:
        """Keep connections for `every` seconds and some more; None: for those of `Idle`."""
        self._open = open_one
        self._places = asyncio.Semaphore(most)
        self._within = within
        self._idle: Idle[Connection] = Idle(LONGEST if every is None else every + LONGEST)

    async def take(self) -> Connection:
        """An idle connection, or a new one; then call `keep` or `drop`.

        Raises:
            NotReady: there is none.
        """
        try:
            async with asyncio.timeout(self._within):
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                await self._places.acquire()
                try:
                    return self._idle.take() or await self._open()
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError:
            cause = f"no connection and login within {self._within:g} s"
            raise NotReady(Reply(Outcome.UNAVAILABLE, reason_of(cause), cause)) from None

    def keep(self, connection: Connection) -> None:
        """Keep a connection after a whole reply; close it if it cannot be reused."""
        self._places.release()
        self._idle.keep(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection after any failure: a reply may still come."""
        self._places.release()
        connection.close()

    def clear(self) -> None:
        """Close all idle connections: the session of one has ended, so those of all may have."""
        self._idle.clear()

    async def close(self) -> None:
        """Log out on all idle connections, and close them."""
        left = []
        while connection := self._idle.take():
            left.append(connection.leave(_LEAVE))
        await asyncio.gather(*left)
        self._idle.close()

    async def keep_alive(
        self, every: float, command: Callable[[Connection], Awaitable[None]]
    ) -> None:
        """Send a command on each connection that was idle for half of `every` seconds; endless."""
        while True:
            await asyncio.sleep(every / 2)
            while not self._places.locked() and (old := self._idle.take_old(every / 2)):
                await self._places.acquire()
                try:
                    async with asyncio.timeout(self._within):
                        await command(old)
                except (LineFailure, TimeoutError, ValueError):
                    self.drop(old)
                except BaseException:
                    self.drop(old)
                    raise
                else:
                    self.keep(old)
