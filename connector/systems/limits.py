"""Limits that protect an external system: events at once, requests per second, circuit breaker.

An event waits for its place and its turn before its first request. Once it has begun, it is never
refused: half of a SIM swap is worse than a late one.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported at run time only if a mapping limits the rate: a faster cold start
    from aiolimiter import AsyncLimiter


class Throttle:
    """At most `concurrency` events at once and, if `rate` is given, `rate` requests per second.

    Requests of events that have begun go first. A new event begins only while none of them waits,
    so that those inside always finish, however many wait outside.
    """

    def __init__(self, concurrency: int, rate: int | None) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._rate = _limiter(rate) if rate else None
        self._door = asyncio.Lock()  # one new event at a time waits for its turn, in their order
        self._waiting = 0  # requests of events that have begun
        self._no_waiting = asyncio.Event()
        self._no_waiting.set()

    async def enter(self, until: float) -> bool:
        """Take a place and the turn of an event's first request; after True, `leave` once.

        False if there is none until `until`, in seconds of the event loop's clock.
        """
        if self._rate is None and not self._places.locked():
            return await self._places.acquire()  # at once, and without a timer
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
                try:
                    await self._first()
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError:
            return False
        return True

    async def next(self, until: float) -> bool:
        """Wait for the turn of a further request; False if it does not come until `until`."""
        if self._rate is None:
            return True
        self._waiting += 1
        self._no_waiting.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._rate.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._no_waiting.set()
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    async def _first(self) -> None:
        if self._rate is None:
            return
        async with self._door:
            await self._no_waiting.wait()
            await self._rate.acquire()


def _limiter(rate: int) -> "AsyncLimiter":
    """A limiter for `rate` calls per second; a twentieth of them may go at the same moment.

    If all calls of a second could go at the same moment, the first second after a rest could have
    twice the rate, and the system may refuse calls above its own limit. If calls could only go one
    by one, the timers of the event loop would be too coarse above some hundred calls per second.
    """
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - see above

    at_once = max(1, rate // 20)
    return AsyncLimiter(at_once, at_once / rate)


class FailureCount:
    """Counts the calls in a row that the system answered with an error.

    A system that answers every call so is as useless as one that is silent. But the circuit breaker
    must not stop the calls: each may fail for a reason of its own. Reads and other calls are
    counted apart, because a system that cannot write often still reads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._failures = {True: 0, False: 0}

    def note(self, *, failed: bool, reads: bool) -> int | None:
        """Note how a call ended; `reads` is true if it changes nothing.

        Returns the number of failures in a row when it reaches `most`, 0 when a call succeeds after
        that, and otherwise None.
        """
        before = self._failures[reads]
        now = self._failures[reads] = before + 1 if failed else 0
        if now == self._most:
            return now
        return 0 if before >= self._most and not failed else None


class Breaker:
    """A circuit breaker: it opens after `after` failures in a row.

    While it is open, calls are refused at once. After `pause` seconds it is half-open: one call is
    let through as a probe. A successful probe closes the breaker; after a failed one it is open for
    another `pause`.
    """

    def __init__(
        self, after: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._after = after
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    def opened(self) -> float | None:
        """The seconds until the next probe while the breaker is open; else None."""
        if self._failures < self._after:
            return None
        wait = self._probe_at - self._clock()
        return wait if wait > 0 else None

    def refusal(self) -> float | None:
        """None if the call may be sent; else the seconds until the next probe.

        If the breaker is half-open, the call is the probe. No other call is let through until
        `note` has the result of the probe, or another `pause` is over.
        """
        wait = self.opened()
        if wait is None and self._failures >= self._after:
            self._probe_at = self._clock() + self._pause
        return wait

    def note(self, *, available: bool) -> bool:
        """Note the result of a call; True if it opened or closed the breaker."""
        was_open = self._failures >= self._after
        if available:
            self._failures = 0
            return was_open
        self._failures += 1
        if self._failures >= self._after:
            self._probe_at = self._clock() + self._pause
        return not was_open and self._failures >= self._after
