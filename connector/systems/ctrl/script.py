"""The entries `tests.replies` and `tests.calls` over ctrl, and the connection that replays them."""

from collections.abc import Iterator

from connector.mapping.entry import Entry
from connector.mapping.protocol import Script, SentRequest
from connector.systems.ctrl.wire import CtrlReply


class ScriptedCtrlReply(Entry):
    """A reply of the external system in a test; by default the value `OK`."""

    value: str | None = None
    error: str | None = None


class ExpectedCtrlCall(Entry):
    """A call that a test expects; keys that are left out are not compared."""

    ctrl_get: str | None = None
    ctrl_set: str | None = None
    value: str | None = None


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
        return CtrlReply(None if reply.error else reply.value or "OK", reply.error)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class _SentCtrlRequest(SentRequest):
    def __init__(self, variable: str, value: str | None) -> None:
        self.name = f"{'GET' if value is None else 'SET'} {variable}"
        self._variable = variable
        self._value = value

    def differences(self, expected: ExpectedCtrlCall) -> Iterator[str]:
        """See `SentRequest`."""
        named = expected.ctrl_get if self._value is None else expected.ctrl_set
        other = expected.ctrl_get or expected.ctrl_set
        if other is not None and named != self._variable:
            yield f"{self.name} instead of {other}"
        if expected.value is not None and expected.value != self._value:
            yield f"value is {self._value}, not {expected.value}"
