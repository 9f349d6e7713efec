"""How fast an audit reads: slowly, and more slowly while the system has too much to do."""

import asyncio

from connector.mapping.schema import MappingFile

_SHARE = 10  # the audit takes this part of `rate_limit`
_UNLIMITED = 5.0  # reads per second if the mapping has no `rate_limit`
_SLOWEST = 16.0  # times slower than asked
_CALM = 20  # reads without a complaint after which it is twice as fast again
_LATE = 0.05  # seconds that are made up for: timers of the event loop are not exact


def usual_rate(mapping: MappingFile) -> float:
    """Reads per second unless the operator says another number: a tenth of `rate_limit`."""
    limits = getattr(mapping.system, mapping.system.protocol, None)
    limit: str | None = getattr(limits, "rate_limit", None)
    return float(limit.removesuffix("/s")) / _SHARE if limit else _UNLIMITED


class Pace:
    """Lets `rate` reads per second go, evenly.

    If the system refuses a read because it has too much to do, or does not answer, the audit gives
    way to the events: it waits, and goes on at half of its speed.
    """

    def __init__(self, rate: float) -> None:
        self._seconds = 1 / rate
        self._slower = 1.0
        self._calm = 0
        self._next = 0.0

    async def turn(self, *, wait: bool = True) -> None:
        """Wait for the turn of the next read; without `wait`, those after it come later."""
        now = asyncio.get_running_loop().time()
        at = max(self._next, now - _LATE)
        self._next = at + self._seconds * self._slower
        if wait and at > now:
            await asyncio.sleep(at - now)

    def note(self, *, busy: bool, wait: float = 0) -> None:
        """Note the reply to a read; `busy` if the system has too much to do, or is away.

        `wait` is how many seconds the system asks to wait.
        """
        if not busy:
            self._calm += 1
            if self._calm >= _CALM:
                self._slower, self._calm = max(1.0, self._slower / 2), 0
            return
        self._slower, self._calm = min(_SLOWEST, self._slower * 2), 0
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now + wait)
