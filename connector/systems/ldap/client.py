"""The client of an external system that is an LDAP server."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, Self

from connector.call import Call
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import reason_of
from connector.systems.guard import Guard, Progress
from connector.systems.idle import Idle
from connector.systems.judge import judge
from connector.systems.ldap.call import LdapCall
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.outcomes import SUCCESS, of_code
from connector.systems.ldap.place import Login, Place, login_of, place_of
from connector.systems.ldap.result import BadEntry, LdapFailure, LdapResult, shown
from connector.systems.renewal import send_renewed


class LdapConnection(Protocol):
    """A connection for one request at a time. `connector.systems.ldap.wire` has the real one."""

    async def ask(self, call: LdapCall) -> LdapResult:
        """Send the request of a call; returns its result."""

    @property
    def reusable(self) -> bool:
        """True if another request may be sent."""

    def close(self) -> None:
        """Close the connection."""


Connect = Callable[[Place, Login | None], Awaitable[LdapConnection]]
"""Opens a connection that has begun TLS and is bound."""


class LdapSystem:
    """A `System` over LDAP; tests of mapping files pass another `connect` than that of the wire."""

    def __init__(
        self,
        entry: LdapSystemEntry,
        settings: Mapping[str, Any],
        connect: Connect,
        renewal: Renewal | None = None,
    ) -> None:
        self._entry = entry
        self._place = place_of(entry.ldap, settings)
        self._guard = Guard(entry.ldap, settings, self._place.timeout)
        self._settings = settings
        self._connect = connect
        self._renewal = renewal
        self._idle: Idle[LdapConnection] = Idle()

    async def __aenter__(self) -> Self:
        """Return itself; the first call opens a connection."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        self._idle.close()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System` and `send_renewed`."""
        send = partial(self._guard.send, self._attempt, call, turn)
        return await send_renewed(send, self._renewal, turn.deadline, self._idle.clear)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._guard.leave(turn)

    async def _attempt(self, call: Call, progress: Progress) -> Reply:
        """Send one request, as `connector.systems.guard.Attempt`."""
        assert isinstance(call, LdapCall)  # noqa: S101 - the mapping's check refuses others
        try:
            return self._judged(call, await self._ask(call, progress))
        except LdapFailure as failure:
            return _failed(failure)
        except BadSettings as error:  # of a secret that was rotated
            return Reply(Outcome.FAILED, cause=str(error), end=End.NOT_SENT)

    async def _ask(self, call: LdapCall, progress: Progress) -> LdapResult:
        progress.end = End.NOT_SENT  # if time is over before the bind has ended
        connection = self._idle.take() or await self._open()
        progress.end = End.PENDING
        try:
            result = await connection.ask(call)
        except BaseException as error:
            connection.close()  # the reply may still come, so the connection cannot be reused
            if isinstance(error, LdapFailure):
                self._idle.clear()
            raise
        self._idle.keep(connection)
        return result

    async def _open(self) -> LdapConnection:
        return await self._connect(self._place, login_of(self._entry.ldap, self._settings))

    def _judged(self, call: LdapCall, result: LdapResult) -> Reply:
        """The reply of a result, with its final outcome."""
        means = of_code(result.code)
        entries = None  # an empty list says that there are none, which only a success proves
        try:
            if call.read_only and result.code == SUCCESS:
                entries = [shown(entry, call.texts, call.lists) for entry in result.entries]
        except BadEntry as error:
            reason = "API Core's reply is not what the mapping expects"
            return Reply(Outcome.FAILED, reason, str(error))
        seen = {
            "code": result.code,
            "name": means.name,
            "message": result.message,
            "entry": entries[0] if entries and len(entries) == 1 else None,
            "entries": entries,
        }
        cause = f"LDAP {result.code} {means.name}" if result.code != SUCCESS else None
        reply = Reply(
            means.outcome, means.reason, cause, end=means.end, refused=means.refused, seen=seen
        )
        accepted = result.code in call.accept
        return judge(reply, call, self._entry.replies, self._settings, accepted=accepted)


def _failed(failure: LdapFailure) -> Reply:
    """The reply that stands for one that did not come."""
    end = End.UNKNOWN if failure.sent else End.NOT_SENT
    if failure.code is None:
        cause = str(failure)
        return Reply(Outcome.UNAVAILABLE, reason_of(cause), cause, end=end)
    means = of_code(failure.code)
    cause = f"{failure}: LDAP {failure.code} {means.name}"
    reason = means.reason or reason_of(f"{failure}: {means.name}")
    return Reply(means.outcome, reason, cause, end=end, refused=means.refused)
