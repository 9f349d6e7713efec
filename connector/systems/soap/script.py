"""The entries `tests.replies` and `tests.calls` over SOAP, and the transport that replays them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Script, SentRequest, fits
from connector.mapping.text import in_xml
from connector.mapping.xml_element import Element, NoXml, read_xml
from connector.systems.http.script import AnyScriptedHttpReply, ScriptedTransport, content
from connector.systems.soap.entry import Soap
from connector.systems.soap.envelope import envelope

_ACTION = re.compile(r'action="([^"]*)"')


class ScriptedFault(Entry):
    """A fault in the body of a reply."""

    code: str = "Server"
    string: str = ""
    detail: str = Field("", description="XML in the detail.")


class ScriptedSoapReply(AnyScriptedHttpReply):
    """A reply of the external system in a test; by default status 200 with an empty body."""

    body: str | None = Field(None, description="XML in the body of the envelope.")
    soap_fault: ScriptedFault | None = Field(None, description="A fault in the body.")

    @model_validator(mode="after")
    def _one_body(self) -> "ScriptedSoapReply":
        if sum(given is not None for given in (self.text, self.body, self.soap_fault)) > 1:
            raise ValueError("has more than one of `text`, `body` and `soap_fault`")
        return self


class ExpectedSoapCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    soap: str | None = Field(
        None, description="The SOAPAction, alone or with the data of the body."
    )
    body: str | None = Field(None, description="The XML in the body; blanks do not count.")
    header: str | None = Field(None, description="The XML in the header; blanks do not count.")
    path: str | None = Field(None, description="The path of the URL.")

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return self.soap is not None

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`."""
        named = call.read_only and " " in (self.soap or "")  # with the texts of the body
        return {"body": self.body is not None or named}


class SoapTransport(ScriptedTransport):
    """A transport that answers SOAP requests from a script; `soap` is the entry of the system."""

    reply = ScriptedSoapReply

    def __init__(self, script: Script, soap: Soap) -> None:
        super().__init__(script)
        self._soap = soap

    def sent(self, request: httpx.Request) -> SentRequest:
        """See `ScriptedTransport`."""
        return _SentSoapRequest(request, self._soap)

    def content(self, reply: Any) -> tuple[bytes, str]:
        """See `ScriptedTransport`."""
        if reply.text is not None:
            return content(reply.text), "text/plain; charset=utf-8"
        body = _fault(reply.soap_fault) if reply.soap_fault else reply.body or ""
        whole = envelope("1.1", self._soap.namespaces, "", body)
        return content(whole), "text/xml; charset=utf-8"


def _fault(fault: ScriptedFault) -> str:
    return (
        f"<soap:Fault><faultcode>soap:{in_xml(fault.code)}</faultcode>"
        f"<faultstring>{in_xml(fault.string)}</faultstring>"
        f"<detail>{fault.detail}</detail></soap:Fault>"
    )


class _SentSoapRequest(SentRequest):
    wild = r".*"

    def __init__(self, request: httpx.Request, soap: Soap) -> None:
        self._request = request
        self._soap = soap
        text = request.content.decode()
        self._root = next(read_xml(text, {}).children)
        self.name = _action(request) or next(self._part("Body").children).name.local

    @property
    def lines(self) -> tuple[str, ...]:
        """See `SentRequest`: the name alone, and with the data of the body behind it."""
        found = (" ".join(text.split()) for text in _data(self._part("Body")))
        return (self.name, " ".join((self.name, *filter(None, found))))

    def differences(self, expected: ExpectedSoapCall) -> Iterator[str | Different]:
        """See `SentRequest`."""
        if expected.soap is not None and not fits(expected.soap, self):
            yield f"{self.lines[' ' in expected.soap]} instead of {expected.soap}"
        path = self._request.url.path
        if expected.path is not None and expected.path != path:
            yield Different("path", path, expected.path)
        for name, wanted in (("Header", expected.header), ("Body", expected.body)):
            if wanted is not None:
                yield from self._difference(name, wanted)

    def _part(self, name: str) -> Element:
        """The header or the body that was sent; one without content if there is none."""
        found = self._root.child(self._root.name.namespace or "", name)
        return found or Element(self._root.name, {})

    def _difference(self, name: str, wanted: str) -> Iterator[str | Different]:
        """Yield the difference of a part that must have this XML."""
        declared = "".join(
            f' xmlns:{prefix}="{in_xml(uri)}"' for prefix, uri in self._soap.namespaces.items()
        )
        try:
            root = next(read_xml(f"<x{declared}>{wanted}</x>", {}).children)
        except NoXml as error:
            yield f"{name.lower()} of the test is not XML: {error}"
            return
        sent = self._part(name)
        if comparable(sent)[2] != comparable(root)[2]:
            yield Different(name.lower(), spelt(sent), spelt(root))


def _data(element: Element) -> Iterator[str]:
    """Yield the values of attributes and the texts inside an element, in their order."""
    for item in element.content:
        if isinstance(item, str):
            yield item
        else:
            yield from item.attributes.values()
            yield from _data(item)


def comparable(element: Element) -> tuple[Any, ...]:
    """An element as it is compared: its name, its attributes, and what it holds without blanks."""
    held = (item.strip() if isinstance(item, str) else comparable(item) for item in element.content)
    return element.name, dict(element.attributes), [item for item in held if item]


def spelt(element: Element) -> str:
    """The XML inside an element for people to read, without prefixes."""
    return "".join(_spelt(item) for item in element.content)


def _spelt(item: Element | str) -> str:
    if isinstance(item, str):
        return in_xml(item.strip())
    name = item.name.local
    given = "".join(f' {key.local}="{in_xml(text)}"' for key, text in item.attributes.items())
    inside = spelt(item)
    return f"<{name}{given}>{inside}</{name}>" if inside else f"<{name}{given}/>"


def _action(request: httpx.Request) -> str:
    """The action of a request, from the header of its version."""
    if "soapaction" in request.headers:
        return str(request.headers["soapaction"]).strip('"')
    found = _ACTION.search(request.headers.get("content-type", ""))
    return found[1] if found else ""
