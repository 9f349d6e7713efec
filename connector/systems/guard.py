"""What stands around each request to an external system, whatever its protocol.

Limits and a breaker keep it from being overrun. Seconds are retried here, only what is safe to
repeat; minutes to weeks are NSPS's.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from logging import WARNING
from typing import Any

from connector import log
from connector.call import Call
from connector.mapping.expression import Scope
from connector.mapping.schema import Limits, seconds
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.limits import Breaker, Throttle
from connector.systems.system import Reply

_ATTEMPTS = 3
_BACKOFF = 0.2  # seconds; doubled each time, full jitter
_SHORT = 2.0  # seconds; a longer Retry-After is handed on to NSPS

Attempt = Callable[[Call, float], Awaitable[tuple[Reply, bool]]]
"""One request, with the seconds that are left for it: the reply, and whether it is safe and of use
to repeat it. It never raises."""


class Guard:
    """The guard of one system."""

    def __init__(self, limits: Limits, settings: Mapping[str, Any]) -> None:
        """Compute what the mapping says.

        Raises:
            BadSettings: a pause that cannot be used.
        """
        try:
            pause = seconds(limits.breaker.pause.evaluate(Scope(settings=settings)))
        except ValueError as error:
            raise BadSettings([f"system: breaker.pause {error}"]) from None
        self._breaker = Breaker(limits.breaker.after, pause, _now)
        rate = int(limits.rate_limit[:-2]) if limits.rate_limit else None
        self._throttle = Throttle(limits.concurrency, rate)

    async def send(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """Carry out a call, as `System.send`."""
        started = _now()
        wait = self._breaker.refusal()
        if wait is not None:
            reason = "Circuit open: API Core did not answer repeatedly, it is probed again soon"
            return Reply(Outcome.UNAVAILABLE, reason, "circuit open", wait)
        if not await self._throttle.enter():
            return Reply(Outcome.THROTTLED, cause="the connector's own limit", retry_after=1)
        try:
            reply = await _repeat(attempt, call, deadline, started)
        finally:
            self._throttle.leave()
        available = reply.outcome is not Outcome.UNAVAILABLE
        if self._breaker.note(available=available):
            state = "closed" if available else "open"
            log.write(WARNING, f"circuit {state}", circuit=state)
        return reply


async def _repeat(attempt: Attempt, call: Call, deadline: float, started: float) -> Reply:
    unknown = False
    for number in range(1, _ATTEMPTS + 1):
        reply, repeatable = await attempt(call, deadline - _now())
        unknown = unknown or reply.unknown
        reply = replace(reply, attempts=number, unknown=unknown, took=_now() - started)
        if not repeatable or number == _ATTEMPTS:
            break
        pause = reply.retry_after
        if pause is None:
            pause = random.uniform(0, _BACKOFF * 2 ** (number - 1))  # noqa: S311 - jitter
        if pause > _SHORT or _now() + pause >= deadline:
            break
        await asyncio.sleep(pause)
    return reply


def _now() -> float:
    return asyncio.get_running_loop().time()
