"""The client of an external system that speaks Osmocom's control interface, such as osmo-hlr.

If the reply to a SET is lost, the client reads the variable over a new connection. If the variable
has the value, the SET counts as applied; else the guard may repeat it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol, Self

from connector.call import Call
from connector.mapping.expression import Scope
from connector.mapping.system_entry import accepted, host, port, seconds
from connector.outcome import Outcome
from connector.system import End, Reply, Turn
from connector.systems.causes import reason_of
from connector.systems.connect import CONNECT_SHARE
from connector.systems.ctrl.call import CtrlCall
from connector.systems.ctrl.entry import Ctrl, CtrlSystemEntry
from connector.systems.ctrl.wire import CtrlFailure, CtrlReply, fields, open_connection
from connector.systems.guard import Guard, Progress
from connector.systems.idle import Idle
from connector.systems.judge import judge


class CtrlConnection(Protocol):
    """A connection for one request at a time. `connector.systems.ctrl.wire` has the real one."""

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """GET the variable if `value` is None, else SET it."""

    @property
    def reusable(self) -> bool:
        """True if another request may be sent."""

    def close(self) -> None:
        """Close the connection."""


Connect = Callable[[str, int, float], Awaitable[CtrlConnection]]
"""Opens a connection to a host and a port within a number of seconds."""


class CtrlConfig(NamedTuple):
    """The values of `system.ctrl` in this deployment; times are in seconds."""

    host: str
    port: int
    timeout: float
    connect_timeout: float


def configure(ctrl: Ctrl, settings: Mapping[str, Any]) -> CtrlConfig:
    """Compute `system.ctrl` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a timeout, the host or the port cannot be used.
    """
    scope = Scope(settings=settings)
    timeout = accepted("system.ctrl.timeout", seconds, ctrl.timeout, scope)
    connect = accepted("system.ctrl.connect_timeout", seconds, ctrl.connect_timeout, scope)
    return CtrlConfig(
        host=accepted("system.ctrl.host", host, ctrl.host, scope),
        port=accepted("system.ctrl.port", port, ctrl.port, scope),
        timeout=timeout,
        connect_timeout=min(connect, CONNECT_SHARE * timeout),
    )


class CtrlSystem:
    """A `System` over the control interface; tests of mapping files pass another `connect`."""

    def __init__(
        self,
        entry: CtrlSystemEntry,
        settings: Mapping[str, Any],
        connect: Connect = open_connection,
    ) -> None:
        self._config = configure(entry.ctrl, settings)
        self._guard = Guard(entry.ctrl, settings, self._config.timeout)
        self._settings = settings
        self._replies = entry.replies
        self._connect = connect
        self._idle: Idle[CtrlConnection] = Idle()

    async def __aenter__(self) -> Self:
        """Return itself; the first call opens a connection."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        self._idle.close()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`."""
        return await self._guard.send(self._attempt, call, turn)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._guard.leave(turn)

    async def _attempt(self, call: Call, _: Progress) -> Reply:
        """Send one request, as `connector.systems.guard.Attempt`."""
        assert isinstance(call, CtrlCall)  # noqa: S101 - the mapping's check refuses others
        try:
            said = await self._exchange(call)
        except CtrlFailure as failure:
            end = End.UNKNOWN if failure.sent else End.NOT_SENT
            cause = str(failure)
            return Reply(Outcome.UNAVAILABLE, reason_of(cause), cause, end=end)
        except ValueError:  # of `frame`
            cause = "a message that cannot be sent"
            return Reply(Outcome.FAILED, cause=cause, end=End.NOT_SENT)
        seen = {"value": said.value, "error": said.error, "fields": fields(said.value or "")}
        outcome = Outcome.FAILED if said.error else Outcome.APPLIED
        reply = Reply(outcome, cause=said.error, seen=seen)
        return judge(reply, call, self._replies, self._settings, accepted=said.error in call.accept)

    async def _exchange(self, call: CtrlCall) -> CtrlReply:
        """Send the GET or SET; if the reply to a SET is lost, read the variable."""
        try:
            return await self._ask(call.variable, call.value)
        except CtrlFailure as failure:
            if call.value is None or not failure.sent:
                raise
            self._idle.clear()
            found = await self._ask(call.variable, None)
            if found.value != call.value:
                raise
            return found

    async def _ask(self, variable: str, value: str | None) -> CtrlReply:
        connection = self._idle.take() or await self._open()
        try:
            reply = await connection.ask(variable, value)
        except BaseException:
            connection.close()  # the reply may still come, so the connection cannot be reused
            raise
        self._idle.keep(connection)
        return reply

    async def _open(self) -> CtrlConnection:
        config = self._config
        return await self._connect(config.host, config.port, config.connect_timeout)
