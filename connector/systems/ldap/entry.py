"""The entry `system.ldap` of a mapping file."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.mapping.entry import TEXT, AnyText, Compiled, text_value
from connector.mapping.expression import Constant, Value
from connector.mapping.system_entry import HostText, Limits, Port, SystemEntry
from connector.mapping.text import text_of
from connector.systems.ldap.names import check_name

TLS = ("none", "starttls", "ldaps")
PORTS = {"none": 389, "starttls": 389, "ldaps": 636}


def tls(value: object) -> Literal["none", "starttls", "ldaps"]:
    """How the connection is encrypted.

    Raises:
        ValueError: it is not one of the known ways.
    """
    if value == "none" or value is None:
        return "none"
    if value == "starttls":
        return "starttls"
    if value == "ldaps":
        return "ldaps"
    raise ValueError(f"must be one of {', '.join(TLS)}")


def name(value: object) -> str:
    """The name of an entry.

    Raises:
        ValueError: it is not one.
    """
    return check_name(text_of(value))


Tls = Annotated[Value, Compiled(text_value, TEXT, tls)]
NameText = Annotated[Value, Compiled(text_value, TEXT, name)]


class Ldap(Limits):
    """An external system that is an LDAP server."""

    host: HostText
    port: Port | None = None
    tls: Tls = Field(default_factory=lambda: Constant("none"))
    ca: AnyText | None = None
    bind_dn: AnyText | None = None
    password: AnyText | None = None
    base: NameText | None = None

    @model_validator(mode="after")
    def _both(self) -> "Ldap":
        if (self.bind_dn is None) != (self.password is None):
            raise ValueError("needs both of `bind_dn` and `password`, or neither")
        return self


class LdapSystemEntry(SystemEntry):
    """An LDAP server, and what its replies mean."""

    protocol = "ldap"

    ldap: Ldap
