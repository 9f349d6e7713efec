"""An external system that speaks Osmocom's control interface, such as osmo-hlr.

A SET whose reply was lost is an unknown end: the variable is read over a new connection, and only
set again if it does not hold the value.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, Self

from connector.call import Call
from connector.mapping.ctrl_call import CtrlCall
from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.schema import Ctrl, seconds
from connector.mapping.schema import System as SystemEntry
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.ctrl.wire import CtrlFailure, CtrlReply, connect, fields
from connector.systems.guard import Guard
from connector.systems.system import Reply


class Wire(Protocol):
    """What it needs of a connection; see `connector.systems.ctrl.wire.Connection`."""

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """GET or SET."""

    def close(self) -> None:
        """Close it."""


Connect = Callable[[str, int], Awaitable[Wire]]


class CtrlConfig(NamedTuple):
    """The `system.ctrl` of a mapping, computed with the settings of this deployment."""

    host: str
    port: int
    timeout: float
    connect_timeout: float


def configure(ctrl: Ctrl, settings: Mapping[str, Any]) -> CtrlConfig:
    """Compute what the mapping says about the system.

    Raises:
        BadSettings: a timeout, a host or a port that cannot be used.
    """
    scope = Scope(settings=settings)
    try:
        host, port = str(ctrl.host.evaluate(scope)), ctrl.port.evaluate(scope)
        if not host or any(char.isspace() for char in host):
            raise ValueError("host must be a name or an address")
        if isinstance(port, bool) or not isinstance(port, int | float) or not 0 < port < 65_536:
            raise ValueError("port must be a number from 1 to 65535")
        return CtrlConfig(
            host=host,
            port=int(port),
            timeout=seconds(ctrl.timeout.evaluate(scope)),
            connect_timeout=seconds(ctrl.connect_timeout.evaluate(scope)),
        )
    except ValueError as error:
        raise BadSettings([f"system.ctrl: {error}"]) from None


class CtrlSystem:
    """See `System`; `connect` stands in for the network in a mapping's own tests."""

    def __init__(
        self, entry: SystemEntry, settings: Mapping[str, Any], connect: Connect = connect
    ) -> None:
        if entry.ctrl is None:
            raise ValueError("a system of another protocol")
        self._config = configure(entry.ctrl, settings)
        self._guard = Guard(entry.ctrl, settings)
        self._settings = settings
        self._replies = entry.replies
        self._connect = connect
        self._idle: list[Wire] = []

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.close()

    async def send(self, call: Call, deadline: float) -> Reply:
        """See `System`."""
        return await self._guard.send(self._attempt, call, deadline)

    async def _attempt(self, call: Call, left: float) -> tuple[Reply, bool]:
        """One request, see `connector.systems.guard.Attempt`."""
        assert isinstance(call, CtrlCall)  # noqa: S101 - `lint` lets no other pass
        try:
            async with asyncio.timeout(min(self._config.timeout, max(left, 0.001))):
                said = await self._exchange(call)
        except TimeoutError:
            # Not repeated: the time is gone, and a system that is slow needs no more requests.
            lost = Reply(Outcome.UNAVAILABLE, cause="no reply in time", unknown=not call.reads)
            return replace(lost, unanswered=True), False
        except CtrlFailure as failure:
            unknown = failure.sent and not call.reads
            lost = Reply(Outcome.UNAVAILABLE, cause=str(failure), unknown=unknown)
            return lost, True
        return self._judge(call, said), False

    async def _exchange(self, call: CtrlCall) -> CtrlReply:
        """Ask; if the answer to a SET is lost, read what the variable holds."""
        try:
            return await self._ask(call.variable, call.value)
        except CtrlFailure as failure:
            if call.value is None or not failure.sent:
                raise
            self._forget()
            found = await self._ask(call.variable, None)
            if found.value != call.value:
                raise
            return found

    async def _ask(self, variable: str, value: str | None) -> CtrlReply:
        connection = self._idle.pop() if self._idle else await self._open()
        try:
            reply = await connection.ask(variable, value)
        except BaseException:
            connection.close()  # never used again: its reply may come yet
            raise
        self._idle.append(connection)
        return reply

    async def _open(self) -> Wire:
        try:
            async with asyncio.timeout(self._config.connect_timeout):
                return await self._connect(self._config.host, self._config.port)
        except TimeoutError:
            raise CtrlFailure("no connection in time", sent=False) from None

    def _forget(self) -> None:
        """Let go of connections that are probably as dead as the one that failed."""
        while self._idle:
            self._idle.pop().close()

    def _judge(self, call: CtrlCall, said: CtrlReply) -> Reply:
        """What the system said: the mapping's `replies` first, else whether it is an error."""
        seen = {"value": said.value, "error": said.error, "fields": fields(said.value or "")}
        plain = Reply(Outcome.APPLIED, cause=said.error, seen=seen)
        scope = Scope(reply=seen, settings=self._settings)
        if said.error in call.accept:
            return plain
        try:
            for rule in self._replies:
                if rule.if_.evaluate(scope):
                    return replace(plain, outcome=rule.outcome, reason=rule.reason(scope))
        except EvaluationError as error:
            reason = "API Core's reply is not what the mapping expects"
            return replace(plain, outcome=Outcome.FAILED, reason=reason, cause=str(error))
        return replace(plain, outcome=Outcome.FAILED) if said.error else plain
