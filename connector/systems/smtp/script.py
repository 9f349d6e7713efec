"""The entries `tests.replies` and `tests.calls` over SMTP, and the server that replays them."""

from collections.abc import Iterator, Mapping

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Fault, Script, SentRequest
from connector.system import End
from connector.systems.connect import NoConnection
from connector.systems.guard import Progress
from connector.systems.smtp.call import MailCall
from connector.systems.smtp.outcomes import Answer, Stage
from connector.systems.smtp.server import Lost, Server

_COMPARED = ("title", "text", "html", "thread")


class ScriptedMailReply(Entry):
    """A reply of the mail server in a test; by default it accepts the mail."""

    code: int = Field(250, ge=200, le=599)
    text: str = "2.0.0 OK"
    at: Stage = Field("message", description="What it answers, or where the fault happens.")
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> "ScriptedMailReply":
        if self.fault and self.model_fields_set - {"fault", "at"}:
            raise ValueError("has a `fault`, so it has no other key than `at`")
        return self


class ExpectedMail(ExpectedCall):
    """A mail that a test expects; keys that are left out are not compared."""

    mail: str | None = None
    title: str | None = None
    text: str | None = None
    html: str | None = None
    thread: str | None = None

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return self.mail is not None

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`."""
        sent = [name for name in _COMPARED if getattr(call, name) is not None]
        return {name: getattr(self, name) is not None for name in sent}


class ScriptedMailServer:
    """A `Connection` whose mails a script answers."""

    def __init__(self, script: Script) -> None:
        self._script = script

    reusable = True

    async def connect(self, server: Server) -> "ScriptedMailServer":
        """Return itself; the client calls it in place of `wire.open_connection`."""
        return self

    async def deliver(
        self, sender: str, call: MailCall, content: bytes, progress: Progress
    ) -> Answer:
        """The scripted reply to a mail."""
        reply: ScriptedMailReply = self._script.reply_to(_SentMail(call))
        ended = reply.at == "message"
        if ended and reply.fault != "refused":
            progress.end = End.PENDING
        match reply.fault:
            case "timeout":
                raise TimeoutError  # as when the guard ends an attempt
            case "refused":
                raise NoConnection("connection refused", in_time=True)
            case "reset":
                raise Lost(f"connection reset before the reply to {reply.at}", sent=ended)
        return Answer(reply.at, reply.code, reply.text)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class _SentMail(SentRequest):
    def __init__(self, call: MailCall) -> None:
        self.name = f"MAIL {call.to}"
        self._call = call

    def differences(self, expected: ExpectedMail) -> Iterator[str | Different]:
        """See `SentRequest`."""
        if expected.mail is not None and expected.mail != self._call.to:
            yield f"{self.name} instead of MAIL {expected.mail}"
        for name in _COMPARED:
            wanted, sent = getattr(expected, name), getattr(self._call, name)
            if wanted is not None and wanted != sent:
                yield Different(name, sent, wanted)
