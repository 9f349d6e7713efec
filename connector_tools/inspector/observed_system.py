"""A system whose calls and attempts are noted, and whose replies the page can pin.

The client is the real one of the protocol. Only its guard is wrapped, because every attempt of
every protocol passes there: after limits, circuit breaker and retries, before the wire. What an
attempt returns goes back to the guard, whether the system gave it or a pin
(docs/decisions/0064-inspector.md).
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, Self

from connector.call import Call
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.script import InOrder, Script
from connector.system import Reply, System, Turn
from connector.systems.guard import Attempt as Send
from connector.systems.guard import Guard, Progress
from connector_tools.inspector.judged import deciding_line
from connector_tools.inspector.observed import Attempt, Observed, ObservedCall, current
from connector_tools.inspector.pins import Pin, Pins

_GUARD = "_guard"  # the attribute of each protocol's client
_sending: ContextVar[ObservedCall | None] = ContextVar("sending", default=None)


class Deployed(NamedTuple):
    """A mapping file with its settings by name; in `shown`, `***` stands for each secret."""

    mapping: MappingFile
    settings: Mapping[str, Any]
    shown: Mapping[str, Any]


class ObservedSystem:
    """A `System` that notes its calls in the event of the present task.

    `client` is the client of the protocol in it, which has the guard. The caller opens and closes
    both.
    """

    def __init__(
        self,
        system: System,
        client: System,
        file: Deployed,
        pins: Pins,
    ) -> None:
        self._system = system
        self._mapping, self._settings, self._shown = file
        self._pins = pins
        guard: Guard = vars(client)[_GUARD]
        vars(client)[_GUARD] = _WatchedGuard(guard, self)

    async def __aenter__(self) -> Self:
        """Return itself: `connector_tools.inspector.serving` opens the system."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Do nothing, as `__aenter__`."""

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`."""
        event = current.get()
        if event is None:
            return await self._system.send(call, turn)
        noted = ObservedCall(call, self._line(call), self._preview(call), _since(event))
        event.calls.append(noted)
        token = _sending.set(noted)
        try:
            noted.reply = await self._system.send(call, turn)
            return noted.reply
        finally:
            noted.took = _since(event) - noted.began
            _sending.reset(token)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._system.leave(turn)

    async def attempt(self, send: Send, call: Call, progress: Progress) -> Reply:
        """Carry out an attempt, or give it the reply of a pin; the guard calls it."""
        event, noted = current.get(), _sending.get()
        if event is None or noted is None:
            return await send(call, progress)
        pin = self._pins.take(noted.line)
        made = Attempt(_since(event), pinned=pin is not None)
        noted.attempts.append(made)
        try:
            made.reply = await (self._pinned(pin, call, progress) if pin else send(call, progress))
            made.line = deciding_line(self._mapping, self._settings, call, made.reply)
            return made.reply
        finally:
            made.took = _since(event) - made.began

    async def _pinned(self, pin: Pin, call: Call, progress: Progress) -> Reply:
        """The reply that a scripted client of the protocol makes of a pin, judged as any other.

        Raises:
            TimeoutError: the pin is a reply that does not come; the guard turns it into one.
        """
        script = Script(self._mapping.protocol.scripted_reply())
        script.begin(InOrder((pin.reply,)))
        script.next_call()
        client = self._mapping.protocol.scripted(self._mapping.system, self._settings, script)
        vars(client)[_GUARD] = _NoGuard(progress)
        deadline = asyncio.get_running_loop().time() + 3600
        turn = Turn(deadline, deadline)
        async with client:
            try:
                return await client.send(call, turn)
            finally:
                client.leave(turn)

    def _line(self, call: Call) -> int:
        return self._mapping.document.place(call.loc).line if call.loc else 0

    def _preview(self, call: Call) -> Preview:
        return self._mapping.protocol.preview(call, self._mapping.system, self._shown)


class _WatchedGuard:
    """The guard of a client; `watch` carries out its attempts."""

    def __init__(self, guard: Guard, watch: ObservedSystem) -> None:
        self._guard = guard
        self._watch = watch

    async def send(self, attempt: Send, call: Call, turn: Turn) -> Reply:
        """See `Guard`."""
        return await self._guard.send(partial(self._watch.attempt, attempt), call, turn)

    def leave(self, turn: Turn) -> None:
        """See `Guard`."""
        self._guard.leave(turn)


class _NoGuard:
    """Carries out one attempt for a guard elsewhere, whose `progress` it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    async def send(self, attempt: Send, call: Call, _: Turn) -> Reply:
        """Carry out the attempt once."""
        return await attempt(call, self._progress)

    def leave(self, turn: Turn) -> None:
        """Do nothing: nobody waits."""


def _since(event: Observed) -> float:
    return asyncio.get_running_loop().time() - event.began
