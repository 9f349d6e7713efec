"""The bytes of a mail: its headers and its body.

Everything is ASCII on the wire, so the server needs no extension: other characters are encoded, in
headers as RFC 2047 says.
"""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import NamedTuple

from connector.systems.smtp.call import MailCall

_POLICY = SMTP.clone(cte_type="7bit")


class Sender(NamedTuple):
    """Who sends: an address, the name that is shown, and where replies go."""

    address: str
    name: str = ""
    reply_to: str | None = None


def message(call: MailCall, sender: Sender) -> EmailMessage:
    """The mail of a call, without its date."""
    made = EmailMessage(_POLICY)
    made["From"] = Address(sender.name, addr_spec=sender.address)
    made["To"] = Address(addr_spec=call.to)
    if sender.reply_to:
        made["Reply-To"] = Address(addr_spec=sender.reply_to)
    made["Subject"] = call.title
    made["Message-ID"] = _id("message", call.key, sender)
    if call.thread is not None:
        made["In-Reply-To"] = made["References"] = _id("thread", call.thread, sender)
    made["Auto-Submitted"] = "auto-generated"  # no "out of office" is sent back (RFC 3834)
    made.set_content(call.text)
    if call.html is not None:
        made.add_alternative(call.html, subtype="html")
    return made


def content(call: MailCall, sender: Sender) -> bytes:
    """The bytes of the mail of a call, dated now, with a line break at the end."""
    made = message(call, sender)
    made["Date"] = format_datetime(datetime.now(UTC))
    return made.as_bytes()


def _id(kind: str, text: str, sender: Sender) -> str:
    """An ID that is the same for the same text and says nothing about it."""
    digest = sha256(f"{kind}:{text}".encode()).hexdigest()[:32]
    return f"<{digest}@{sender.address.rpartition('@')[2]}>"
