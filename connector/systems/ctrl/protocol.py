"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.system import Renewal, System
from connector.systems.ctrl.call import METHODS, CtrlCall, CtrlCallEntry
from connector.systems.ctrl.client import CtrlSystem
from connector.systems.ctrl.entry import CtrlSystemEntry
from connector.systems.ctrl.script import ExpectedCtrlCall, ScriptedConnection, ScriptedCtrlReply


class CtrlProtocol(Protocol[CtrlSystemEntry, CtrlCall]):
    """See `Protocol`."""

    name = "ctrl"
    methods = METHODS
    system_entry = CtrlSystemEntry
    call_entry = CtrlCallEntry
    scripted_reply = ScriptedCtrlReply
    expected_call = ExpectedCtrlCall

    def client(
        self, entry: CtrlSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`; the control interface has no credentials to renew."""
        return CtrlSystem(entry, settings)

    def scripted(
        self, entry: CtrlSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        return CtrlSystem(entry, settings, ScriptedConnection(script).connect)

    def preview(
        self, call: CtrlCall, entry: CtrlSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        value = "" if call.value is None else f" {call.value}"
        return Preview(f"{call.method} {call.variable}{value}")


PROTOCOL = CtrlProtocol()
