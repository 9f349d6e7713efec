"""SOAP envelopes: that of a request, and what the one of a reply has.

SOAP 1.1 is https://www.w3.org/TR/2000/NOTE-SOAP-20000508/, SOAP 1.2 is
https://www.w3.org/TR/soap12-part1/. A reply of either version is read, whatever was asked.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.mapping.text import in_xml
from connector.mapping.xml_element import Element, NoXml, read_xml

PREFIX = "soap"
NAMESPACES = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_CODES_OF_1_1 = {"Sender": "Client", "Receiver": "Server"}


class Message(NamedTuple):
    """What the envelope of a reply has; `fault` is None if its body is not a fault."""

    body: Element
    fault: Mapping[str, Any] | None


def envelope(version: str, namespaces: Mapping[str, str], header: str, body: str) -> str:
    """The envelope with this XML in its header, if there is some, and in its body."""
    declared = {PREFIX: NAMESPACES[version], **namespaces}
    spelt = "".join(f' xmlns:{prefix}="{in_xml(uri)}"' for prefix, uri in declared.items())
    headed = f"<soap:Header>{header}</soap:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope{spelt}>{headed}'
        f"<soap:Body>{body}</soap:Body></soap:Envelope>"
    )


def message(text: str, prefixes: Mapping[str, str]) -> Message | None:
    """What the envelope in a text has; None if there is no envelope.

    `prefixes` are the namespaces by the prefixes that expressions use.
    """
    try:
        root = next(read_xml(text, prefixes).children)
    except NoXml:
        return None
    space = root.name.namespace or ""
    body = root.child(space, "Body")
    if root.name.local != "Envelope" or space not in NAMESPACES.values() or body is None:
        return None
    fault = body.child(space, "Fault")
    return Message(body, None if fault is None else _fault(fault))


def _fault(fault: Element) -> Mapping[str, Any]:
    """The fields of a fault, the same for both versions."""
    parts = {child.name.local.lower(): child for child in reversed(list(fault.children))}
    code = parts.get("faultcode") or _first(parts.get("code"), "Value")
    string = parts.get("faultstring") or _first(parts.get("reason"), "Text")
    name = ((code.text if code else None) or "").rpartition(":")[2]
    return {
        "code": _CODES_OF_1_1.get(name, name),
        "string": (string.text if string else None) or "",
        "detail": parts.get("detail"),
    }


def _first(parent: Element | None, local: str) -> Element | None:
    """The first element of this name directly inside."""
    inside = parent.children if parent else ()
    return next((child for child in inside if child.name.local == local), None)
