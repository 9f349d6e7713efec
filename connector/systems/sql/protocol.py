"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from json import dumps
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.system import Renewal, System
from connector.systems.sql.call import SqlCall, SqlCallEntry
from connector.systems.sql.client import SqlSystem
from connector.systems.sql.entry import SqlSystemEntry
from connector.systems.sql.script import ExpectedSqlCall, ScriptedConnection, ScriptedSqlReply


class SqlProtocol(Protocol[SqlSystemEntry, SqlCall]):
    """See `Protocol`."""

    name = "sql"
    methods = ("sql",)
    system_entry = SqlSystemEntry
    call_entry = SqlCallEntry
    scripted_reply = ScriptedSqlReply
    expected_call = ExpectedSqlCall

    def client(
        self, entry: SqlSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        return SqlSystem(entry, settings, renewal)

    def scripted(
        self, entry: SqlSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        return SqlSystem(entry, settings, connect=ScriptedConnection(script).connect)

    def preview(self, call: SqlCall, entry: SqlSystemEntry, settings: Mapping[str, Any]) -> Preview:
        """See `Protocol`: the statement in one line, and its parameters."""
        line = " ".join(call.statement.text(lambda name: f":{name}").split())
        params = dumps(call.values, ensure_ascii=False, indent=2) if call.values else ""
        return Preview(line, body=params)


PROTOCOL = SqlProtocol()
