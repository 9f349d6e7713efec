"""Limits, circuit breaker and retries around each request to an external system.

They are the same for every protocol. Retries here take seconds, and only requests that are safe to
repeat are repeated. NSPS and Pub/Sub repeat events for minutes to weeks.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from logging import ERROR, WARNING
from typing import Any

from connector import log
from connector.call import Call
from connector.mapping.expression import Scope
from connector.mapping.system_entry import Limits, accepted, seconds
from connector.outcome import Outcome
from connector.system import End, Reply, Turn
from connector.systems.causes import reason_of
from connector.systems.limits import Breaker, FailureCount, Throttle

_ATTEMPTS = 3
_BACKOFF = 0.2  # seconds; doubled each time, full jitter
_FAILURES = 20  # calls in a row that fail before the log says that the system fails all
_SHORT = 2.0  # seconds; a longer Retry-After is passed on to NSPS

_REFUSALS = (Outcome.REJECTED, Outcome.UNKNOWN_RESOURCE, Outcome.FAILED)
_REPEATED = "API Core refused a repeated request; its first attempt may have been carried out"
_NO_PLACE = Reply(
    Outcome.THROTTLED, cause="the connector's own limit", retry_after=1, end=End.NOT_SENT
)
_NO_TIME = Reply(Outcome.UNAVAILABLE, cause="no time left for this call", end=End.NOT_SENT)


@dataclass(slots=True)
class Progress:
    """How far a request has come: `status` is that of its reply, once it was read.

    An attempt that is cancelled notes it here, so that a reply that stops is not taken for silence.
    `end` is what is known of the request if the attempt is cancelled now: a client that can tell
    that the system has not got the request yet says `NOT_SENT`.
    """

    status: int | None = None
    end: End = End.PENDING


Attempt = Callable[[Call, Progress], Awaitable[Reply]]
"""Sends one request of a call. It never raises, and may be cancelled when its time is over."""


class Guard:
    """Protects one system; each client has one `Guard`."""

    def __init__(self, limits: Limits, settings: Mapping[str, Any], timeout: float) -> None:
        """Read the limits of the mapping; `timeout` is the seconds for one attempt.

        Raises:
            BadSettings: the breaker's pause is not a duration.
        """
        pause = accepted(
            "system: breaker.pause", seconds, limits.breaker.pause, Scope(settings=settings)
        )
        self._timeout = timeout
        self._breaker = Breaker(limits.breaker.after, pause, _now)
        rate = int(limits.rate_limit[:-2]) if limits.rate_limit else None
        self._failures = FailureCount(_FAILURES)
        self._throttle = Throttle(limits.concurrency, rate)

    async def send(self, attempt: Attempt, call: Call, turn: Turn) -> Reply:
        """Carry out a call as `System.send` does; `attempt` sends each of its requests."""
        if (wait := self._breaker.opened()) is not None:
            return _refused_by_circuit(wait)
        if not await self._let_in(turn):
            return _NO_TIME if turn.begun else _NO_PLACE
        if (wait := self._breaker.refusal()) is not None:
            return _refused_by_circuit(wait)
        reply = await self._repeat(attempt, call, turn.deadline)
        available = reply.outcome is not Outcome.UNAVAILABLE or reply.broken  # not silent
        if self._breaker.note(available=available):
            state = "closed" if available else "open"
            log.write(WARNING, f"circuit {state}", circuit=state)
        self._note_failure(call, reply)
        return _as_carried_out(reply) if call.once and reply.unknown else reply

    def _note_failure(self, call: Call, reply: Reply) -> None:
        """Log when the system answers call after call with an error, and when that ends."""
        failed = reply.outcome is Outcome.FAILED
        if not failed and reply.outcome is not Outcome.APPLIED:
            return
        count = self._failures.note(failed=failed, reads=call.read_only)
        if count:
            text = "external system fails every call"
            log.write(
                ERROR, text, failing="open", count=count, status=reply.status, cause=reply.cause
            )
        elif count == 0:
            log.write(WARNING, "external system answers again", failing="closed")

    def leave(self, turn: Turn) -> None:
        """End a turn, as `System.leave` does."""
        if turn.begun:
            turn.begun = False
            self._throttle.leave()

    async def _let_in(self, turn: Turn) -> bool:
        """Wait until the call may be sent; False if that takes too long."""
        if turn.begun:
            return await self._throttle.next(turn.deadline)
        turn.begun = await self._throttle.enter(turn.patience)
        return turn.begun

    async def _repeat(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """Send the request, up to three times while that is safe and useful."""
        started, unknown = _now(), False
        for number in range(1, _ATTEMPTS + 1):
            reply = await self._in_time(attempt, call, deadline)
            if number == _ATTEMPTS or not _is_repeatable(call, reply):
                break
            pause = reply.retry_after
            if pause is None:
                pause = random.uniform(0, _BACKOFF * 2 ** (number - 1))  # noqa: S311 - jitter
            if pause > _SHORT or _now() + pause >= deadline:
                break
            await asyncio.sleep(pause)
            if not await self._throttle.next(deadline):
                break
            unknown = unknown or reply.unknown
        if unknown:
            reply = _after_unknown(reply)
        return replace(reply, attempts=number, took=_now() - started)

    async def _in_time(self, attempt: Attempt, call: Call, deadline: float) -> Reply:
        """One attempt; it ends after the timeout of the system, or at the deadline."""
        within = min(self._timeout, max(deadline - _now(), 0.001))
        progress = Progress()
        try:
            async with asyncio.timeout(within):
                return await attempt(call, progress)
        except TimeoutError:
            return _too_late(within, progress)


def _too_late(within: float, progress: Progress) -> Reply:
    """The reply that stands for one that did not come, or did not end, within these seconds."""
    status, end = progress.status, progress.end
    begun = status is not None
    cause = f"no {'end of the reply' if begun else 'reply'} within {within:.3g} s"
    reason, late = reason_of(cause), Outcome.UNAVAILABLE
    return Reply(late, reason, cause, status=status, end=end, broken=begun)


def _refused_by_circuit(wait: float) -> Reply:
    reason = "Circuit open: API Core did not answer repeatedly, it is probed again soon"
    return Reply(Outcome.UNAVAILABLE, reason, "circuit open", wait, end=End.NOT_SENT)


def _after_unknown(reply: Reply) -> Reply:
    """The reply to a repeated request whose earlier attempt may have been carried out.

    If the system refuses it ("exists already", "not found"), it may have met the connector's own
    earlier success. Then the refusal is not final: the event comes again and finds what is there.
    """
    end = reply.end if reply.unknown else End.UNKNOWN
    if reply.outcome not in _REFUSALS:
        return replace(reply, end=end)
    reason = ": ".join(filter(None, (_REPEATED, reply.reason)))
    outcome = Outcome.FAILED if reply.outcome is Outcome.REJECTED else reply.outcome
    return replace(reply, outcome=outcome, reason=reason, end=end)


def _as_carried_out(reply: Reply) -> Reply:
    """The reply to a call that must not be made twice, and whose end is unknown."""
    cause = f"{reply.cause}: counts as carried out, because the call must not be made twice"
    return replace(reply, outcome=Outcome.APPLIED, reason=None, cause=cause)


def _is_repeatable(call: Call, reply: Reply) -> bool:
    """True if sending the request again is safe and may help.

    It does not help after a timeout: the system is slow, and more requests make it slower.
    """
    if reply.outcome not in (Outcome.UNAVAILABLE, Outcome.THROTTLED) or reply.end is End.PENDING:
        return False
    return call.idempotent or reply.end is End.NOT_SENT


def _now() -> float:
    return asyncio.get_running_loop().time()
