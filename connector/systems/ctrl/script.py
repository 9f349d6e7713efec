"""The entries `tests.replies` and `tests.calls` over ctrl, and the connection that replays them."""

from collections.abc import Iterator, Mapping

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Fault, Script, SentRequest
from connector.systems.ctrl.wire import CtrlFailure, CtrlReply

_FAULTS: Mapping[Fault, Exception] = {
    "timeout": TimeoutError(),  # as when the guard ends an attempt
    "refused": CtrlFailure("connection refused", sent=False),
    "reset": CtrlFailure("connection reset", sent=True),
}


class ScriptedCtrlReply(Entry):
    """A reply of the external system in a test; by default the value `OK`."""

    value: str | None = None
    error: str | None = None
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> "ScriptedCtrlReply":
        if self.fault and len(self.model_fields_set) > 1:
            raise ValueError("has a `fault`, so it has no other key")
        return self


class ExpectedCtrlCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    ctrl_get: str | None = None
    ctrl_set: str | None = None
    value: str | None = None

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return (self.ctrl_get or self.ctrl_set) is not None

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`."""
        return {} if call.read_only else {"value": self.value is not None}


class ScriptedConnection:
    """A `CtrlConnection` that answers requests from a script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    reusable = True

    async def connect(self, host: str, port: int, within: float) -> "ScriptedConnection":
        """Return itself; the client calls it in place of `open_connection` of the wire."""
        return self

    async def ask(self, variable: str, value: str | None) -> CtrlReply:
        """The scripted reply to a GET or a SET."""
        reply: ScriptedCtrlReply = self._script.reply_to(_SentCtrlRequest(variable, value))
        if reply.fault:
            raise _FAULTS[reply.fault]
        return CtrlReply(None if reply.error else reply.value or "OK", reply.error)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class _SentCtrlRequest(SentRequest):
    wild = r"[^.]*"

    def __init__(self, variable: str, value: str | None) -> None:
        self.name = f"{'GET' if value is None else 'SET'} {variable}"
        self._variable = variable
        self._value = value

    def differences(self, expected: ExpectedCtrlCall) -> Iterator[str | Different]:
        """See `SentRequest`."""
        named = expected.ctrl_get if self._value is None else expected.ctrl_set
        other = expected.ctrl_get or expected.ctrl_set
        if other is not None and named != self._variable:
            yield f"{self.name} instead of {other}"
        if expected.value is not None and expected.value != self._value:
            yield Different("value", self._value, expected.value)
