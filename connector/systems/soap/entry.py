"""The entry `system.soap` of a mapping file."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from connector.mapping.document import Loc
from connector.mapping.expression import Scope, expressions, formed
from connector.mapping.session import SESSION
from connector.mapping.text import text_of
from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.http.call import HttpCall
from connector.systems.http.entry import Auth, HttpServer, LazyKind, ServerEntry, SessionKind
from connector.systems.http.outcomes import SUCCESS
from connector.systems.soap.call import SoapCall
from connector.systems.soap.envelope import PREFIX, envelope, message
from connector.systems.soap.fragment import XmlFragment, prefixes_in

_LONGEST_CAUSE = 200  # characters of a fault's text


def _prefix(name: str) -> str:
    if name.lower().startswith("xml") or name == PREFIX:
        raise ValueError(f"must not be `{PREFIX}`, and must not begin with `xml`")
    return name


Prefix = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$"), AfterValidator(_prefix)]
Namespace = Annotated[str, Field(min_length=1)]


class SoapAuth(Auth):
    """How the connector authenticates to the external system; exactly one kind."""

    model_config = ConfigDict(title="SoapAuth")

    login: Annotated[SessionKind, LazyKind("SoapLogin", "connector.systems.soap.login")] | None = (
        Field(None, description="A session that login requests begin.")
    )


class Soap(HttpServer):
    """An external system that speaks SOAP."""

    auth: SoapAuth | None = None
    version: Literal["1.1", "1.2"] = "1.1"
    namespaces: dict[Prefix, Namespace] = Field(
        {}, description="Namespaces by prefix, for all XML and all paths of the file."
    )
    header: XmlFragment | None = Field(
        None, description="XML in the header of each call; it can read `session`."
    )
    quoted: bool = Field(
        True, description="False if the system wants the SOAPAction without quotes."
    )

    def outgoing(self, call: HttpCall, scope: Scope) -> HttpCall:
        """See `HttpServer`: the call with its envelope."""
        if not isinstance(call, SoapCall):
            return call
        body = envelope(self.version, self.namespaces, self._header(scope), _body(call))
        kind, headers = self._kind(call.action)
        return replace(call, method="POST", body=body.encode(), content_type=kind, headers=headers)

    @property
    def prefixes(self) -> frozenset[str]:
        """See `Entry`: those of `header`."""
        return prefixes_in(self.header) if self.header else frozenset()

    def _kind(self, action: str) -> tuple[str, dict[str, str]]:
        """The content type and the headers that name the action."""
        if self.version == "1.1":
            spelt = f'"{action}"' if self.quoted else action
            return "text/xml; charset=utf-8", {"SOAPAction": spelt}
        named = f'; action="{action}"' if action else ""
        return f"application/soap+xml; charset=utf-8{named}", {}

    def _header(self, scope: Scope) -> str:
        """The XML in the header; without `header` while a login has not given what it reads."""
        session = scope.get(SESSION, {})
        token = session.get("security", "") if self.auth and self.auth.wsse else ""
        known = all(session.get(name) is not None for name in self._session_names)
        own = formed(self.header, scope, text_of) if self.header and known else ""
        return f"{token}{own}"

    @cached_property
    def _session_names(self) -> frozenset[str]:
        """The values of the session that `header` reads."""
        found = expressions(self.header) if self.header else ()
        paths = {path for one in found for path in one.paths}
        return frozenset(path[1] for path in paths if path[0] == SESSION and path[1:])


def _body(call: SoapCall) -> str:
    return (call.body or b"").decode()


class SoapSystemEntry(ServerEntry):
    """An external system that speaks SOAP, and what its replies mean."""

    protocol = "soap"

    soap: Soap

    def understood(self, reply: Reply, *, is_json: bool) -> tuple[Reply, str | None]:
        """See `ServerEntry`. A fault counts as failed, also with a status of success."""
        text = reply.seen["text"]
        found = message(text, self.soap.namespaces)
        fault = found.fault if found else None
        seen = {**reply.seen, "body": found.body if found else None, "fault": fault}
        reply = replace(reply, seen=seen)
        if fault:
            return _failed(reply, fault), None
        silent = reply.status == 202 and not text.strip()  # the reply to a one-way message
        foreign = reply.outcome is Outcome.APPLIED and not found and not silent
        return reply, "API Core's reply is not SOAP" if foreign else None

    def names_at(self, loc: Loc) -> dict[str, tuple[str, ...]]:
        """See `SystemEntry`."""
        if loc[:3] == ("system", "soap", "header") and self.session:
            return {SESSION: self.session.gives}
        return super().names_at(loc)

    @property
    def namespaces(self) -> Mapping[str, str]:
        """See `SystemEntry`."""
        return self.soap.namespaces


def _failed(reply: Reply, fault: Mapping[str, Any]) -> Reply:
    """The reply with a fault: the system says that it did not carry out the request.

    A fault with a status of success and one with 500 are the same; with 503 and its like, a program
    in between may have answered.
    """
    cause = f"{reply.cause}: fault {fault['code']}: {fault['string']}"[:_LONGEST_CAUSE]
    outcome = Outcome.FAILED if reply.outcome is Outcome.APPLIED else reply.outcome
    end = End.ANSWERED if reply.status in (*SUCCESS, 500) else reply.end
    return replace(reply, outcome=outcome, cause=cause, end=end)
