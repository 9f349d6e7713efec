"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.settings import BadSettings
from connector.system import Renewal, System
from connector.systems.http import protocol as http
from connector.systems.soap.call import SoapCall, SoapCallEntry
from connector.systems.soap.entry import SoapSystemEntry
from connector.systems.soap.script import ExpectedSoapCall, ScriptedSoapReply, SoapTransport


class SoapProtocol(Protocol[SoapSystemEntry, SoapCall]):
    """See `Protocol`."""

    name = "soap"
    methods = ("soap",)
    system_entry = SoapSystemEntry
    call_entry = SoapCallEntry
    scripted_reply = ScriptedSoapReply
    expected_call = ExpectedSoapCall

    def client(
        self, entry: SoapSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        try:
            return http.client(entry, settings, renewal)
        except BadSettings as error:  # it names the entries of the other room
            problems = [text.replace("system.http", "system.soap") for text in error.problems]
            raise BadSettings(problems) from None

    def scripted(
        self, entry: SoapSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        return http.scripted(entry, settings, SoapTransport(script, entry.soap))

    def preview(
        self, call: SoapCall, entry: SoapSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`."""
        from connector.systems.http.preview import preview  # noqa: PLC0415 - for tools only

        return preview(call, entry, settings)


PROTOCOL = SoapProtocol()
