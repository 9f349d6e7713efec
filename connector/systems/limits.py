"""Limits that protect an external system: calls at once, calls per second, circuit breaker.

A call above a limit is refused, not queued: NSPS has a queue and sends the event again.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported at run time only if a mapping limits the rate: a faster cold start
    from aiolimiter import AsyncLimiter

_PATIENCE = 1.0  # seconds that a call may wait for its turn, to smooth a burst


class Throttle:
    """At most `concurrency` calls at once and, if `rate` is given, `rate` calls per second."""

    def __init__(self, concurrency: int, rate: int | None) -> None:
        self._free = concurrency
        self._rate = _limiter(rate) if rate else None

    async def enter(self) -> bool:
        """Take a place; False if the call is above a limit. After True, call `leave` once.

        It waits up to a second for the call's turn under the rate.
        """
        if self._free <= 0:
            return False
        self._free -= 1
        if self._rate is None:
            return True
        try:
            await asyncio.wait_for(self._rate.acquire(), _PATIENCE)
        except TimeoutError:
            self.leave()
            return False
        except asyncio.CancelledError:
            self.leave()
            raise
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._free += 1


def _limiter(rate: int) -> "AsyncLimiter":
    """A limiter for `rate` calls per second; a twentieth of them may go at the same moment.

    If all calls of a second could go at the same moment, the first second after a rest could have
    twice the rate, and the system may refuse calls above its own limit. If calls could only go one
    by one, the timers of the event loop would be too coarse above some hundred calls per second.
    """
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - see above

    at_once = max(1, rate // 20)
    return AsyncLimiter(at_once, at_once / rate)


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

    def refusal(self) -> float | None:
        """None if the call may be sent; else the seconds until the next probe.

        If the breaker is half-open, the call is the probe. No other call is let through until
        `note` has the result of the probe, or another `pause` is over.
        """
        if self._failures < self._after:
            return None
        now = self._clock()
        if now < self._probe_at:
            return self._probe_at - now
        self._probe_at = now + self._pause
        return None

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
