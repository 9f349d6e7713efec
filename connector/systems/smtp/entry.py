"""The entry `system.smtp` of a mapping file."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.mapping.entry import TEXT, AnyText, Compiled, Entry, text_value
from connector.mapping.expression import Value
from connector.mapping.system_entry import HostText, Limits, Port, SystemEntry, Tls
from connector.systems.smtp.address import domain
from connector.systems.smtp.call import AddressText, LineText

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""The usual port for each value of `encryption`."""

DomainText = Annotated[Value, Compiled(text_value, TEXT, domain)]


class SmtpLogin(Entry):
    """User name and password (RFC 4954)."""

    username: AnyText
    password: AnyText


class Smtp(Limits):
    """A mail server."""

    host: HostText
    port: Port | None = Field(None, description="587 for starttls, 465 for tls, 25 for none.")
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    tls: Tls | None = None
    auth: SmtpLogin | None = None
    from_: AddressText = Field(alias="from", description="Address of the sender.")
    name: LineText | None = Field(None, description="Name of the sender, shown to people.")
    reply_to: AddressText | None = None
    hello: DomainText | None = Field(
        None, description="Name of this host for EHLO; by default the domain of `from`."
    )

    @model_validator(mode="after")
    def _encrypted(self) -> "Smtp":
        if self.tls and self.encryption == "none":
            raise ValueError("has `tls`, but `encryption` is none")
        return self


class SmtpSystemEntry(SystemEntry):
    """A mail server, and what its replies mean."""

    protocol = "smtp"

    smtp: Smtp
