"""The client of a database: all calls of an event are one transaction.

Nothing lasts before the commit. So a connection that breaks leaves no doubt, and the first call of
an event can be repeated, whatever it does. Only the end of a commit can be unknown.
"""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Self

from connector.call import Call
from connector.mapping.expression import Scope
from connector.mapping.system_entry import accepted, port, seconds
from connector.mapping.text import text_of
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.connect import CONNECT_SHARE
from connector.systems.guard import Guard, Progress
from connector.systems.idle import Idle
from connector.systems.judge import judge
from connector.systems.renewal import send_renewed
from connector.systems.sql.call import SqlCall
from connector.systems.sql.connection import Connect, Connection, Lost, Place, Refused
from connector.systems.sql.entry import PORTS, Sql, SqlSystemEntry, word
from connector.systems.sql.outcomes import reply_to, seen, unavailable
from connector.systems.sql.transaction import SqlTransaction


def driver(name: str) -> Connect:
    """The function of a driver that connects; only this driver is imported.

    Raises:
        BadSettings: its library is not installed.
    """
    try:
        connect: Connect = import_module(f"connector.systems.sql.{name}").connect
    except ModuleNotFoundError as error:
        mend = "pip install 'nsps-connector[sql]'"
        raise BadSettings([f"system.sql: {name} needs `{error.name}`: {mend}"]) from None
    return connect


def place(sql: Sql, settings: Mapping[str, Any]) -> Place:
    """Compute `system.sql` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a value cannot be used.
    """
    scope = Scope(settings=settings)
    timeout = accepted("system.sql.timeout", seconds, sql.timeout, scope)
    connect = accepted("system.sql.connect_timeout", seconds, sql.connect_timeout, scope)
    at = PORTS[sql.driver]
    password = sql.password and accepted("system.sql.password", _password, sql.password, scope)
    return Place(
        host=accepted("system.sql.host", word, sql.host, scope),
        port=at if sql.port is None else accepted("system.sql.port", port, sql.port, scope),
        database=accepted("system.sql.database", word, sql.database, scope),
        user=accepted("system.sql.user", word, sql.user, scope),
        password=password or "",
        tls=_tls(sql, scope),
        connect_timeout=min(connect, CONNECT_SHARE * timeout),
        timeout=timeout,
    )


def _password(value: object) -> str:
    text = text_of(value)
    if "\0" in text:
        raise ValueError("must have no NUL")
    return text


def _tls(sql: Sql, scope: Scope) -> ssl.SSLContext | None:
    if sql.tls is None:
        return None
    return accepted("system.sql.tls.ca", _context, sql.tls.ca, scope) if sql.tls.ca else _context()


def _context(ca: object = None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=None if ca is None else text_of(ca))
    except (ssl.SSLError, ValueError):
        raise ValueError("must be certificates in PEM format") from None


class SqlSystem:
    """A `System` over SQL; tests of mapping files pass another `connect`."""

    def __init__(
        self,
        entry: SqlSystemEntry,
        settings: Mapping[str, Any],
        renewal: Renewal | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._sql = entry.sql
        self._settings = settings
        self._timeout = place(entry.sql, settings).timeout
        self._guard = Guard(entry.sql, settings, self._timeout)
        self._replies = entry.replies
        self._renewal = renewal
        self._connect = connect or driver(entry.sql.driver)
        self._idle: Idle[Connection] = Idle()

    async def __aenter__(self) -> Self:
        """Return itself; the first call opens a connection."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        self._idle.close()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System` and `send_renewed`."""
        return await send_renewed(
            partial(self._carry_out, call, turn), self._renewal, turn.deadline
        )

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        if isinstance(turn.transaction, SqlTransaction):
            turn.transaction.abandon()
        self._guard.leave(turn)

    async def _carry_out(self, call: Call, turn: Turn) -> Reply:
        """Carry out a call. Without a commit nothing lasts, so its end is never unknown.

        For the same reason the first call may be repeated. A later one may not: those before it
        are undone with it.
        """
        first = turn.transaction is None
        attempt = partial(self._attempt, turn, first)
        reply = await self._guard.send(attempt, replace(call, idempotent=first), turn)
        return replace(reply, end=End.NOT_SENT) if reply.unknown else reply

    async def _attempt(self, turn: Turn, first: bool, call: Call, _: Progress) -> Reply:
        """Send one statement, as `connector.systems.guard.Attempt`; the first one begins."""
        assert isinstance(call, SqlCall)  # noqa: S101 - the mapping's check refuses others
        try:
            if first:
                turn.transaction = await self._begin(turn)
            assert isinstance(turn.transaction, SqlTransaction)  # noqa: S101 - the first call made it
            result = await turn.transaction.run(call)
        except Lost as lost:
            self._idle.clear()
            return unavailable(str(lost), End.NOT_SENT if first else End.ANSWERED)
        except Refused as refused:
            return self._judged(call, reply_to(refused))
        return self._judged(call, Reply(Outcome.APPLIED, seen=seen(result, call.statement.verb)))

    def _judged(self, call: SqlCall, reply: Reply) -> Reply:
        """The reply with its final outcome; that of a transaction that is over stays."""
        if reply.outcome is Outcome.UNAVAILABLE or reply.refused:
            self._idle.clear()
            return reply
        accepted = not call.accept.isdisjoint((reply.seen["error"], reply.seen["sqlstate"]))
        return judge(reply, call, self._replies, self._settings, accepted=accepted)

    async def _begin(self, turn: Turn) -> SqlTransaction:
        """A transaction on an idle connection or a new one.

        Raises:
            Refused, Lost: see `Connection`.
        """
        connection = self._idle.take() or await self._connect(place(self._sql, self._settings))
        try:
            await connection.begin(read_only=turn.read_only)
        except BaseException:
            connection.close()
            raise
        keep = partial(self._idle.keep, connection)
        return SqlTransaction(connection, turn.deadline, self._timeout, keep)
