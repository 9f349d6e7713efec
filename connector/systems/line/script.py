"""The entries `tests.replies` and `tests.calls` over line, and the connection that replays them."""

from collections.abc import Iterator, Mapping

from pydantic import Field, model_validator

from connector.mapping.entry import Entry
from connector.mapping.script import ExpectedCall, Fault, Script, SentRequest
from connector.systems.line.wire import LineFailure

_FAULTS: Mapping[Fault, Exception] = {
    "timeout": TimeoutError(),  # as when the guard ends an attempt
    "refused": LineFailure("connection refused"),
    "reset": LineFailure("connection reset before the end of the reply", sent=True),
}


class ScriptedLineReply(Entry):
    """A reply of the external system in a test; by default one with a status of success."""

    text: str | None = None
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> "ScriptedLineReply":
        if self.fault and self.text is not None:
            raise ValueError("has a `fault`, so it has no other key")
        return self


class ExpectedLineCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    line: str | None = None

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return self.line is not None


class ScriptedConnection:
    """A connection that is logged in, and answers commands from a script.

    `success` is the text of a reply that means success.
    """

    reusable = True

    def __init__(self, script: Script, success: str) -> None:
        self._script = script
        self._success = success

    async def open(self) -> "ScriptedConnection":
        """Return itself; the pool calls it in place of a login."""
        return self

    async def ask(self, command: str, ends: str | None, prompt: str | None) -> list[str]:
        """The lines of the scripted reply to a command."""
        reply: ScriptedLineReply = self._script.reply_to(_SentCommand(command))
        if reply.fault:
            raise _FAULTS[reply.fault]
        return (self._success if reply.text is None else reply.text).splitlines()

    async def leave(self, within: float) -> None:
        """Do nothing: no connection is open."""

    def close(self) -> None:
        """Do nothing, as `leave`."""


class _SentCommand(SentRequest):
    wild = r".*"

    def __init__(self, command: str) -> None:
        self.name = command

    def differences(self, expected: ExpectedLineCall) -> Iterator[str]:
        """See `SentRequest`."""
        if expected.line is not None and expected.line != self.name:
            yield f"{self.name} instead of {expected.line}"
