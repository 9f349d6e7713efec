"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.system import Renewal, System
from connector.systems import trust
from connector.systems.line import config
from connector.systems.line.call import METHODS, LineCall, LineCallEntry
from connector.systems.line.client import LineSystem
from connector.systems.line.entry import LineSystemEntry
from connector.systems.line.script import ExpectedLineCall, ScriptedConnection, ScriptedLineReply


class LineProtocol(Protocol[LineSystemEntry, LineCall]):
    """See `Protocol`."""

    name = "line"
    methods = METHODS
    system_entry = LineSystemEntry
    call_entry = LineCallEntry
    scripted_reply = ScriptedLineReply
    expected_call = ExpectedLineCall

    def client(
        self, entry: LineSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        system = LineSystem(entry, settings, renewal)
        config.check(entry.line, settings)
        if not isinstance(entry.line.tls, bool):
            trust.check(entry.line.tls, settings, "system.line.tls")
        return system

    def scripted(
        self, entry: LineSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`; there is no login."""
        scripted = ScriptedConnection(script, entry.line.reply.example or "")
        return LineSystem(entry, settings, None, scripted.open)

    def preview(
        self, call: LineCall, entry: LineSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        return Preview(call.command)


PROTOCOL = LineProtocol()
