"""Opens connections and logs in on them.

After a login that the system refused, the next one is tried after a pause: many systems lock an
account after some wrong passwords. Until then every call gets the same reply. A login whose reply
does not end as the mapping says is perhaps a refusal, so it has a pause, too.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from logging import INFO, WARNING
from typing import Any

from connector import log
from connector.mapping.expression import EvaluationError
from connector.outcome import Outcome
from connector.system import End, Renewal, Reply
from connector.systems.causes import CREDENTIALS, reason_of
from connector.systems.judge import judge
from connector.systems.line.call import LineCall
from connector.systems.line.config import LineConfig, own_command
from connector.systems.line.entry import LineSystemEntry, LoginStep
from connector.systems.line.reply import own_reply
from connector.systems.line.wire import LineConnection, LineFailure, open_connection

_FIRST_PAUSE = 1.0  # seconds after a login that was refused; doubled each time
_LONGEST_PAUSE = 60.0
_CALL = LineCall("login", "LINE", "login")
_NO_REFUSALS = (Outcome.APPLIED, Outcome.UNAVAILABLE, Outcome.THROTTLED)
_ENDLESS = "a reply to the login does not end as the mapping says: perhaps it is a refusal"
_PERHAPS_REFUSED = Reply(Outcome.UNAVAILABLE, reason_of(_ENDLESS), _ENDLESS, broken=True)


class NotReady(Exception):  # noqa: N818 - a fact about the system, not a bug
    """There is no connection for a command; `reply` is that of the call. Nothing was sent."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.cause)
        self.reply = replace(reply, end=End.NOT_SENT, seen={})


class Login:
    """Makes the connections of one client; it never logs in on two at the same time."""

    def __init__(
        self,
        entry: LineSystemEntry,
        config: LineConfig,
        settings: Mapping[str, Any],
        tls: Callable[[], ssl.SSLContext | None],
        renewal: Renewal | None,
    ) -> None:
        self._line = entry.line
        self._replies = entry.replies
        self._config = config
        self._settings = settings
        self._tls = tls
        self._renewal = renewal
        self._turn = asyncio.Lock()
        self._refusal: Reply | None = None
        self._refusals = 0
        self._pause_ends = 0.0
        self._generation = 0  # of the secrets that were refused

    async def connection(self) -> LineConnection:
        """A new connection, logged in.

        Raises:
            NotReady: there is none, with the reply that the call gets.
        """
        async with self._turn:
            self._check_pause()
            try:
                return await self._opened()
            except LineFailure as failure:
                raise NotReady(_of_failure(failure)) from None

    async def _opened(self) -> LineConnection:
        config = self._config
        within = config.connect_timeout
        connection = await open_connection(self._made, config.place, within, self._tls())
        try:
            await self._log_in(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _made(self) -> LineConnection:
        line = self._line
        logout = None if line.logout is None else own_command(line.logout, self._settings)
        return LineConnection(
            encoding=line.reply.encoding,
            terminator=line.terminator,
            telnet=line.telnet,
            logout=logout,
        )

    async def _log_in(self, connection: LineConnection) -> None:
        if self._line.greeting is not None:
            await connection.greeting(self._line.greeting)
        for step in self._line.login:
            reply = await self._step(connection, step)
            if reply.outcome is not Outcome.APPLIED:
                self._refused(reply)
                raise NotReady(reply)
        self._refusal, self._refusals = None, 0
        connection.logged_in = True
        if self._line.login:
            log.write(INFO, "logged in")

    async def _step(self, connection: LineConnection, step: LoginStep) -> Reply:
        """Send a command of the login; returns its judged reply."""
        try:
            sent = own_command(step.send, self._settings)
        except EvaluationError:  # of a secret that was rotated
            return Reply(Outcome.FAILED, CREDENTIALS, "a command that cannot be sent", refused=True)
        form = self._line.reply
        ends, prompt = (step.until, step.until) if step.until else (form.ends, form.prompt)
        lines = await self._answered(connection, sent, ends, prompt)
        reply = own_reply(lines, sent, form, decides=step.until is None)
        judged = judge(reply, _CALL, self._replies, self._settings, accepted=False)
        if judged.outcome in _NO_REFUSALS:
            return judged
        reason = judged.reason or CREDENTIALS
        return replace(judged, outcome=Outcome.FAILED, reason=reason, refused=True)

    async def _answered(
        self, connection: LineConnection, sent: str, ends: str | None, prompt: str | None
    ) -> list[str]:
        """The lines of the reply to a command of the login; a pause begins if it has no end."""
        try:
            return await connection.ask(sent, ends, prompt)
        except (LineFailure, asyncio.CancelledError):
            if connection.heard:
                log.write(WARNING, "login failed", cause=_ENDLESS)
                self._pause(_PERHAPS_REFUSED)
            raise

    def _refused(self, reply: Reply) -> None:
        """Note a login that failed; a refusal begins a pause."""
        log.write(WARNING, "login failed", cause=reply.cause)
        if reply.outcome is Outcome.FAILED:
            self._pause(reply)

    def _pause(self, reply: Reply) -> None:
        """Give this reply to all calls until the pause ends."""
        self._refusal = reply
        self._refusals += 1
        self._generation = self._renewal.generation if self._renewal else 0
        pause = _FIRST_PAUSE * 2 ** min(self._refusals - 1, 10)
        self._pause_ends = _now() + min(pause, _LONGEST_PAUSE)

    def _check_pause(self) -> None:
        """Raise the last refusal while its pause lasts, unless there are newer secrets."""
        wait = self._pause_ends - _now()
        newer = self._renewal is not None and self._renewal.generation != self._generation
        if self._refusal and wait > 0 and not newer:
            raise NotReady(replace(self._refusal, retry_after=wait))


def _of_failure(failure: LineFailure) -> Reply:
    cause = str(failure)
    if failure.refused:
        return Reply(Outcome.FAILED, reason_of(cause), cause, refused=True)
    return Reply(Outcome.UNAVAILABLE, reason_of(cause), cause, broken=failure.broken)


def _now() -> float:
    return asyncio.get_running_loop().time()
