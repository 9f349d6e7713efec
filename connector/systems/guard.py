"""Limits, circuit breaker and retries around each request to an external system.

They are the same for every protocol. Retries here take seconds, and only requests that are safe to
repeat are repeated. NSPS and Pub/Sub repeat events for minutes to weeks.
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
from connector.mapping.system_entry import Limits, seconds
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Reply
from connector.systems.limits import Breaker, Throttle

_ATTEMPTS = 3
_BACKOFF = 0.2  # seconds; doubled each time, full jitter
_SHORT = 2.0  # seconds; a longer Retry-After is passed on to NSPS

Attempt = Callable[[Call], Awaitable[Reply]]
"""Sends one request of a call. It never raises, and may be cancelled when its time is over."""


class Guard:
    """Protects one system; each client has one `Guard`."""

    def __init__(self, limits: Limits, settings: Mapping[str, Any], timeout: float) -> None:
        """Read the limits of the mapping; `timeout` is the seconds for one attempt.

        Raises:
            BadSettings: the breaker's pause is not a duration.
        """
        try:
            pause = seconds(limits.breaker.pause.evaluate(Scope(settings=settings)))
        except ValueError as error:
            raise BadSettings([f"system: breaker.pause {error}"]) from None
        self._timeout = timeout
        self._breaker = Breaker(limits.breaker.after, pause, _now)
        rate = int(limits.rate_limit[:-2]) if limits.rate_limit else None
        self._throttle = Throttle(limits.concurrency, rate)

    async def send(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """Carry out a call as `System.send` does; `attempt` sends each of its requests."""
        wait = self._breaker.refusal()
        if wait is not None:
            reason = "Circuit open: API Core did not answer repeatedly, it is probed again soon"
            return Reply(Outcome.UNAVAILABLE, reason, "circuit open", wait, end=End.NOT_SENT)
        if not await self._throttle.enter():
            cause = "the connector's own limit"
            return Reply(Outcome.THROTTLED, cause=cause, retry_after=1, end=End.NOT_SENT)
        try:
            reply = await self._repeat(attempt, call, deadline)
        finally:
            self._throttle.leave()
        available = reply.outcome is not Outcome.UNAVAILABLE or reply.broken  # not silent
        if self._breaker.note(available=available):
            state = "closed" if available else "open"
            log.write(WARNING, f"circuit {state}", circuit=state)
        return reply

    async def _repeat(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """Send the request, up to three times while that is safe and useful."""
        started, unknown = _now(), False
        for number in range(1, _ATTEMPTS + 1):
            reply = await self._in_time(attempt, call, deadline)
            unknown = unknown or reply.unknown
            if number == _ATTEMPTS or not _is_repeatable(call, reply):
                break
            pause = reply.retry_after
            if pause is None:
                pause = random.uniform(0, _BACKOFF * 2 ** (number - 1))  # noqa: S311 - jitter
            if pause > _SHORT or _now() + pause >= deadline:
                break
            await asyncio.sleep(pause)
        end = End.UNKNOWN if unknown and not reply.unknown else reply.end
        return replace(reply, attempts=number, end=end, took=_now() - started)

    async def _in_time(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """One attempt; it ends after the timeout of the system, or at the deadline."""
        try:
            async with asyncio.timeout(min(self._timeout, max(deadline - _now(), 0.001))):
                return await attempt(call)
        except TimeoutError:
            return Reply(Outcome.UNAVAILABLE, cause="no reply in time", end=End.PENDING)


def _is_repeatable(call: Call, reply: Reply) -> bool:
    """True if sending the request again is safe and may help.

    It does not help after a timeout: the system is slow, and more requests make it slower.
    """
    if reply.outcome not in (Outcome.UNAVAILABLE, Outcome.THROTTLED) or reply.end is End.PENDING:
        return False
    return call.idempotent or reply.end is End.NOT_SENT


def _now() -> float:
    return asyncio.get_running_loop().time()
