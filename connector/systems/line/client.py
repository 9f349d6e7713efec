"""The client of an external system that answers commands of one line."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

from connector.call import Call
from connector.mapping.expression import EvaluationError, Scope
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import CREDENTIALS, reason_of
from connector.systems.guard import Guard, Progress
from connector.systems.judge import judge
from connector.systems.line.call import LineCall
from connector.systems.line.config import configure, own_command
from connector.systems.line.entry import LineSystemEntry
from connector.systems.line.login import Login, NotReady
from connector.systems.line.pool import Connection, Open, Pool
from connector.systems.line.reply import own_reply
from connector.systems.line.wire import LineFailure
from connector.systems.renewal import send_renewed
from connector.systems.trust import Trust, trust_problems

_ENDED = Reply(Outcome.FAILED, CREDENTIALS, "the session has ended", refused=True)


class LineSystem:
    """A `System` over lines of text; tests of mapping files pass another `open_one`."""

    def __init__(
        self,
        entry: LineSystemEntry,
        settings: Mapping[str, Any],
        renewal: Renewal | None = None,
        open_one: Open | None = None,
    ) -> None:
        self._entry = entry
        self._line = entry.line
        self._settings = settings
        self._renewal = renewal
        self._config = configure(entry.line, settings)
        self._guard = Guard(entry.line, settings, self._config.timeout)
        tls = None if isinstance(entry.line.tls, bool) else entry.line.tls
        self._trust = Trust(tls, settings, "system.line.tls")
        self._open = open_one
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Make the pool; the first call opens a connection.

        Raises:
            BadSettings: the certificates of `tls` or of the environment cannot be used.
        """
        if self._line.tls and not self._trust.own_authorities and (found := list(trust_problems())):
            raise BadSettings(found)
        self._tls()
        config = self._config
        login = Login(self._entry, config, self._settings, self._tls, self._renewal)
        self._pool = Pool(
            self._open or login.connection,
            self._line.concurrency,
            config.connect_timeout,
            config.every,
        )
        if config.every is not None:
            self._task = asyncio.create_task(self._pool.keep_alive(config.every, self._keep_alive))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Log out, and close the connections."""
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self._pool.close()

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System` and `send_renewed`."""
        send = partial(self._guard.send, self._attempt, call, turn)
        return await send_renewed(send, self._renewal, turn.deadline)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self._guard.leave(turn)

    def _tls(self) -> ssl.SSLContext | None:
        """The TLS context for a connection that is opened now."""
        return self._trust.context() if self._line.tls else None

    async def _attempt(self, call: Call, progress: Progress) -> Reply:
        """Send one command, as `connector.systems.guard.Attempt`.

        If the system says that the session has ended, it did nothing: log in and send once more.
        """
        assert isinstance(call, LineCall)  # noqa: S101 - the mapping's check refuses others
        try:
            reply = await self._asked(call)
            if reply is None:
                self._pool.clear()
                reply = await self._asked(call)
        except NotReady as error:
            return error.reply
        except LineFailure as failure:
            return _of_failure(failure)
        if reply is None:
            return _ENDED
        accepted = reply.seen["status"] in call.accept
        return judge(reply, call, self._entry.replies, self._settings, accepted=accepted)

    async def _asked(self, call: LineCall) -> Reply | None:
        """The reply to a command, by the protocol's own rule; None if the session has ended."""
        form = self._line.reply
        connection = await self._pool.take()
        try:
            lines = await connection.ask(call.command, form.ends, form.prompt)
        except BaseException:
            self._pool.drop(connection)
            raise
        reply = own_reply(lines, call.command, form)
        if self._expired(reply):
            self._pool.drop(connection)
            return None
        if reply.unknown:  # it has no status: perhaps it is not the reply to this command
            self._pool.drop(connection)
        else:
            self._pool.keep(connection)
        return reply

    def _expired(self, reply: Reply) -> bool:
        """Whether a reply says that the session has ended."""
        if self._line.expired_when is None:
            return False
        scope = Scope(settings=self._settings, reply=reply.seen)
        try:
            return bool(self._line.expired_when.evaluate(scope))
        except EvaluationError:  # the reply has not the fields; the mapping's `replies` judge it
            return False

    async def _keep_alive(self, connection: Connection) -> None:
        """Send the command that keeps a connection open."""
        entry, form = self._line.keep_alive, self._line.reply
        assert entry  # noqa: S101 - there is a time for it
        await connection.ask(own_command(entry.send, self._settings), form.ends, form.prompt)


def _of_failure(failure: LineFailure) -> Reply:
    """The reply that stands for one that did not come, or not as a whole."""
    cause = str(failure)
    end = End.UNKNOWN if failure.sent else End.NOT_SENT
    outcome = Outcome.FAILED if failure.too_large or failure.refused else Outcome.UNAVAILABLE
    reply = Reply(outcome, reason_of(cause), cause, end=end, broken=failure.broken)
    return replace(reply, refused=failure.refused)
