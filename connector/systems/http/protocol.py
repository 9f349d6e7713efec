"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.system import Renewal, System
from connector.systems.http import credentials, trust
from connector.systems.http.call import METHODS, HttpCall, HttpCallEntry
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector.systems.http.script import ExpectedHttpCall, ScriptedHttpReply, ScriptedTransport


class HttpProtocol(Protocol[HttpSystemEntry, HttpCall]):
    """See `Protocol`."""

    name = "http"
    methods = METHODS
    system_entry = HttpSystemEntry
    call_entry = HttpCallEntry
    scripted_reply = ScriptedHttpReply
    expected_call = ExpectedHttpCall

    def client(
        self, entry: HttpSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        if entry.session:
            from connector.systems.http.session import client  # noqa: PLC0415 - rarely needed

            system = client.session_system(entry, settings, renewal)
            client.check(entry, settings)
        else:
            system = HttpSystem(entry, settings, renewal)
        credentials.check(entry.http, settings)
        trust.check(entry.http.tls, settings)
        return system

    def scripted(
        self, entry: HttpSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        transport = ScriptedTransport(script)
        if entry.session:
            from connector.systems.http.session.script import scripted  # noqa: PLC0415 - as above

            return scripted(entry, settings, transport)
        return HttpSystem(entry, settings, transport=transport)

    def preview(
        self, call: HttpCall, entry: HttpSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        from connector.systems.http.preview import preview  # noqa: PLC0415 - for tools only

        return preview(call, entry, settings)


PROTOCOL = HttpProtocol()
