"""Limits that protect an external system: calls at once, calls per second, circuit breaker.

A call over the limit is refused, not queued: NSPS has a queue and sends the event again.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported only where a mapping limits the rate (cold start)
    from aiolimiter import AsyncLimiter

_PATIENCE = 1.0  # seconds that a call may wait for its turn, to smooth a burst


class Throttle:
    """At most `concurrency` calls at once and, if `rate` is given, `rate` calls per second."""

    def __init__(self, concurrency: int, rate: int | None) -> None:
        self._free = concurrency
        self._rate = _limiter(rate) if rate else None

    async def enter(self) -> bool:
        """Take a place; False if none is free within a second. Each True needs a `leave`."""
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
    """A limiter for `rate` calls per second, of which a twentieth may come at once.

    If a whole second's calls could come at once, the second after a rest would have twice the
    rate, and a system that counts refuses that. One by one, timers are too coarse above some
    hundred per second.
    """
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - see above

    at_once = max(1, rate // 20)
    return AsyncLimiter(at_once, at_once / rate)


class Breaker:
    """Open after `after` failures in a row; closed again by one success of a probe.

    While open, calls are refused at once. After `pause` seconds one call at a time is let through
    to see (half-open); if it fails the pause begins again.
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
        """Seconds until a call may be tried, None if this one may.

        A call that is let through while half-open is the probe: until its end is noted, or
        another pause is over, no other is.
        """
        if self._failures < self._after:
            return None
        now = self._clock()
        if now < self._probe_at:
            return self._probe_at - now
        self._probe_at = now + self._pause
        return None

    def note(self, *, available: bool) -> bool:
        """Note the end of a call; True if that opened or closed the breaker."""
        was_open = self._failures >= self._after
        if available:
            self._failures = 0
            return was_open
        self._failures += 1
        if self._failures >= self._after:
            self._probe_at = self._clock() + self._pause
        return not was_open and self._failures >= self._after
