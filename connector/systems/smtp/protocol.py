"""The interface of this room: `connector.mapping.protocol` imports `PROTOCOL` from here."""

from collections.abc import Mapping
from typing import Any

from connector.mapping.protocol import Preview, Protocol
from connector.mapping.script import Script
from connector.settings import BadSettings
from connector.system import Renewal, System
from connector.systems import trust
from connector.systems.smtp.call import METHODS, MailCall, MailCallEntry
from connector.systems.smtp.client import SmtpSystem, configure, login
from connector.systems.smtp.entry import SmtpSystemEntry
from connector.systems.smtp.message import message
from connector.systems.smtp.script import ExpectedMail, ScriptedMailReply, ScriptedMailServer

_MISSING = "system.smtp: a library is missing: install nsps-connector[smtp]"


class SmtpProtocol(Protocol[SmtpSystemEntry, MailCall]):
    """See `Protocol`."""

    name = "smtp"
    methods = METHODS
    system_entry = SmtpSystemEntry
    call_entry = MailCallEntry
    scripted_reply = ScriptedMailReply
    expected_call = ExpectedMail

    def client(
        self, entry: SmtpSystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """See `Protocol`."""
        try:
            from connector.systems.smtp.wire import open_connection  # noqa: PLC0415 - an extra
        except ImportError:
            raise BadSettings([_MISSING]) from None
        login(entry.smtp, settings)
        trust.check(entry.smtp.tls, settings, "system.smtp.tls")
        return SmtpSystem(entry, settings, open_connection, renewal)

    def scripted(
        self, entry: SmtpSystemEntry, settings: Mapping[str, Any], script: Script
    ) -> System:
        """See `Protocol`."""
        return SmtpSystem(entry, settings, ScriptedMailServer(script).connect)

    def preview(
        self, call: MailCall, entry: SmtpSystemEntry, settings: Mapping[str, Any]
    ) -> Preview:
        """See `Protocol`; the text of the mail, without its HTML."""
        made = message(call, configure(entry.smtp, settings).sender)
        shown = {name: str(made[name]) for name in made if name not in _INNER}
        return Preview(f"MAIL {call.to}", tuple(shown.items()), call.text)


_INNER = ("MIME-Version", "Content-Type", "Content-Transfer-Encoding")
PROTOCOL = SmtpProtocol()
