"""A SOAP call: its entry in a mapping file, and its request."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from connector.mapping.call_entry import Convention
from connector.mapping.entry import TEXT, Compiled
from connector.mapping.expression import Constant, Scope, Text, Value, compile_value, formed
from connector.mapping.text import BadValue, text_of
from connector.systems.http.call import (
    AcceptedStatuses,
    HttpCall,
    LateCallEntry,
    PathText,
    RequestEntry,
    path_of,
)
from connector.systems.soap.fragment import XmlFragment, name_in, prefixes_in


@dataclass(frozen=True, slots=True)
class SoapCall(HttpCall):
    """A SOAP request; `body` is the XML in the body of its envelope.

    `connector.systems.soap.entry` makes the HTTP request of it, because the envelope's header and
    namespaces are those of the system.
    """

    action: str = ""


def in_action(text: str) -> str:
    """Check text that goes into the header SOAPAction.

    Raises:
        BadValue: it has another character than printable ASCII, or a quote.
    """
    if not re.fullmatch(r"[ !#-\[\]-~]*", text):
        raise BadValue("an action takes printable ASCII without quotes and backslashes only")
    return text


def _action(raw: object) -> Value:
    if not isinstance(raw, str) or raw.startswith("="):
        raise ValueError("must be text")
    value = compile_value(raw, in_action)
    for part in value.parts if isinstance(value, Text) else (raw,):
        if isinstance(part, str):
            in_action(part)
    return value


ActionText = Annotated[Value, Compiled(_action, TEXT)]


class SoapRequestEntry(RequestEntry):
    """A SOAP request: the part that calls share with the requests of a login."""

    soap: ActionText = Field(description="The SOAPAction; it may be empty.")
    body: XmlFragment = Field(description="XML in the body of the envelope.")
    path: PathText | None = Field(None, description="What is appended to `base_url`.")
    accept: AcceptedStatuses = ()

    @property
    def method(self) -> str:
        """`soap`."""
        return "soap"

    @property
    def address(self) -> Value:
        """The SOAPAction; the name of the element in the body if it is empty."""
        return Constant(name_in(self.body)) if self.soap == Constant("") else self.soap

    @property
    def prefixes(self) -> frozenset[str]:
        """See `Entry`: those of `body`."""
        return prefixes_in(self.body)

    def request(
        self, scope: Scope, name: str = "", target: str = "", *, repeatable: bool = False
    ) -> SoapCall:
        """See `RequestEntry`."""
        return SoapCall(
            id=name,
            method="SOAP",
            target=target,
            idempotent=repeatable,
            path=path_of(self.path, scope) if self.path is not None else "",
            body=formed(self.body, scope, text_of).encode(),
            accept=frozenset(self.accept),
            action=formed(self.soap, scope, text_of),
        )


class SoapCallEntry(SoapRequestEntry, LateCallEntry):
    """One SOAP request."""

    protocol = "soap"
    reply_fields = ("status", "headers", "text", "body", "fault")
    reply_numbers = ("status",)
    convention = Convention(found="")

    idempotent: bool | None = Field(
        None, description="True if sending the call twice has the same effect as sending it once."
    )
    read_only: bool = Field(False, description="True if the call changes nothing at the system.")

    @property
    def repeatable(self) -> bool:
        """See `CallEntry`; SOAP itself says nothing about it."""
        return self.read_only or bool(self.idempotent)

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return self.read_only

    @property
    def undeclared(self) -> bool:
        """See `CallEntry`."""
        return not self.read_only and self.idempotent is None
