"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.system import Renewal, System
from connector.systems import trust
from connector.systems.http import credentials
from connector.systems.http.call import METHODS, HttpCall, HttpCallEntry
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry, ServerEntry
from connector.systems.http.script import ExpectedHttpCall, ScriptedHttpReply, ScriptedTransport


def client(
    entry: ServerEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
) -> HttpSystem:
    """A client for a system that is reached over HTTP, as `Protocol.client`.

    Raises:
        BadSettings: a value of the entry, computed with these settings, cannot be used.
    """
    if entry.session:
        from connector.systems.http.session import client as session  # noqa: PLC0415 - rarely needed

        system = session.session_system(entry, settings, renewal)
        session.check(entry, settings)
    else:
        system = HttpSystem(entry, settings, renewal)
    credentials.check(entry.server, settings)
    trust.check(entry.server.tls, settings)
    return system


def scripted(
    entry: ServerEntry, settings: Mapping[str, Any], transport: ScriptedTransport
) -> HttpSystem:
    """A client that gets its replies from a transport without a network."""
    if entry.session:
        from connector.systems.http.session import script  # noqa: PLC0415 - as above

        return script.scripted(entry, settings, transport)
    return HttpSystem(entry, settings, transport=transport)


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
        return client(entry, settings, renewal)

    def scripted(
        self, entry: HttpSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        return scripted(entry, settings, ScriptedTransport(script))

    def preview(
        self, call: HttpCall, entry: HttpSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        from connector.systems.http.preview import preview  # noqa: PLC0415 - for tools only

        return preview(call, entry, settings)


PROTOCOL = HttpProtocol()
