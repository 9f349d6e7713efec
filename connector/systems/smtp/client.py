"""The client of a mail server.

A mail counts as sent from the moment its end was written, unless the server says otherwise: nobody
can ask whether it was accepted, and none may come twice
(docs/decisions/0041-smtp.md).
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Self

from connector.call import Call
from connector.mapping.expression import Scope, Value, formed
from connector.mapping.system_entry import accepted, host, port, seconds
from connector.mapping.text import text_of
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply, Turn
from connector.systems.causes import CREDENTIALS, reason_of
from connector.systems.connect import CONNECT_SHARE, NoConnection
from connector.systems.guard import Guard, Progress
from connector.systems.idle import Idle
from connector.systems.judge import judge
from connector.systems.renewal import send_renewed
from connector.systems.smtp.address import address, domain
from connector.systems.smtp.call import MailCall, line
from connector.systems.smtp.entry import PORTS, Smtp, SmtpSystemEntry
from connector.systems.smtp.message import Sender, content
from connector.systems.smtp.outcomes import Answer
from connector.systems.smtp.server import Connection, Login, Lost, NotOffered, Refused, Server
from connector.systems.trust import Trust

Connect = Callable[[Server], Awaitable[Connection]]
"""Opens a connection that is ready for a mail; raises as `wire.open_connection`."""


class SmtpConfig(NamedTuple):
    """The values of `system.smtp` in this deployment; times are in seconds."""

    host: str
    port: int
    hello: str
    sender: Sender
    timeout: float
    connect_timeout: float


def configure(smtp: Smtp, settings: Mapping[str, Any]) -> SmtpConfig:
    """Compute `system.smtp` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a value cannot be used.
    """
    scope = Scope(settings=settings)

    def value(key: str, accepts: Callable[[Any], Any], given: Value | None, otherwise: Any) -> Any:
        return accepted(f"system.smtp.{key}", accepts, given, scope) if given else otherwise

    sender = Sender(
        value("from", address, smtp.from_, ""),
        value("name", line, smtp.name, ""),
        value("reply_to", address, smtp.reply_to, None),
    )
    timeout = value("timeout", seconds, smtp.timeout, 0)
    return SmtpConfig(
        host=value("host", host, smtp.host, ""),
        port=value("port", port, smtp.port, PORTS[smtp.encryption]),
        hello=value("hello", domain, smtp.hello, sender.address.rpartition("@")[2]),
        sender=sender,
        timeout=timeout,
        connect_timeout=min(
            value("connect_timeout", seconds, smtp.connect_timeout, 0), CONNECT_SHARE * timeout
        ),
    )


class SmtpSystem:
    """A `System` over SMTP; tests of mapping files pass another `connect`."""

    def __init__(
        self,
        entry: SmtpSystemEntry,
        settings: Mapping[str, Any],
        connect: Connect,
        renewal: Renewal | None = None,
    ) -> None:
        self._smtp = entry.smtp
        self._replies = entry.replies
        self._settings = settings
        self._config = configure(entry.smtp, settings)
        self._guard = Guard(entry.smtp, settings, self._config.timeout)
        self._renewal = renewal
        self._connect = connect
        self._trust = Trust(entry.smtp.tls, settings, "system.smtp.tls")
        self._idle: Idle[Connection] = Idle()

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
        """Send one mail, as `connector.systems.guard.Attempt`."""
        assert isinstance(call, MailCall)  # noqa: S101 - the mapping's check refuses others
        progress.end = End.NOT_SENT
        try:
            answer = await self._deliver(call, progress)
        except (NoConnection, Lost) as error:
            self._idle.clear()
            cause, sent = str(error), isinstance(error, Lost) and error.sent
            end = End.UNKNOWN if sent else End.NOT_SENT
            return Reply(Outcome.UNAVAILABLE, reason_of(cause), cause, end=end)
        except NotOffered as error:
            return Reply(Outcome.FAILED, reason_of(str(error)), str(error), end=End.NOT_SENT)
        except BadSettings as error:  # the certificate of a secret that was rotated
            return Reply(Outcome.FAILED, cause=str(error), end=End.NOT_SENT)
        except Refused as error:
            answer = error.answer
        return judge(_reply(answer), call, self._replies, self._settings, accepted=False)

    async def _deliver(self, call: MailCall, progress: Progress) -> Answer:
        sender = self._config.sender
        made = content(call, sender)
        connection = self._idle.take() or await self._connect(self._server())
        try:
            answer = await connection.deliver(sender.address, call, made, progress)
        except BaseException:
            connection.close()
            raise
        self._idle.keep(connection)
        return answer

    def _server(self) -> Server:
        """Where to connect now: secrets may have changed since the last connection."""
        config, encryption = self._config, self._smtp.encryption
        return Server(
            config.host,
            config.port,
            config.hello,
            config.connect_timeout,
            None if encryption == "none" else self._trust.context(),
            at_once=encryption == "tls",
            login=login(self._smtp, self._settings),
        )


def login(smtp: Smtp, settings: Mapping[str, Any]) -> Login | None:
    """User name and password of this deployment; None if the server needs none.

    Raises:
        BadSettings: one of them is missing.
    """
    if smtp.auth is None:
        return None
    scope, found = Scope(settings=settings), {}
    for key in ("username", "password"):
        try:
            found[key] = formed(getattr(smtp.auth, key), scope, text_of)
        except ValueError:
            found[key] = ""
    missing = [
        f"system.smtp.auth.{key}: is missing: check its secret" for key in found if not found[key]
    ]
    if missing:
        raise BadSettings(missing)
    return Login(**found)


def _reply(answer: Answer) -> Reply:
    """The reply by the protocol's own rule."""
    seen = {**answer._asdict(), "status": answer.status}
    refused, outcome = answer.refuses_login, answer.outcome
    end = End.ANSWERED
    if answer.stage != "message" and answer.code == 421:
        end = End.NOT_SENT  # it closes the connection, perhaps only because that was idle
    if answer.stage == "message" and answer.code // 100 not in (2, 4, 5):
        end = End.UNKNOWN
    reason = (
        CREDENTIALS if refused else None if outcome is Outcome.APPLIED else reason_of(str(answer))
    )
    return Reply(outcome, reason, str(answer), end=end, refused=refused, seen=seen)
