"""SOAP 1.1 messages, as stand-ins read and write them."""

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"


class Envelope(NamedTuple):
    """The elements in the header, and the one element in the body."""

    header: ElementTree.Element | None
    content: ElementTree.Element


def opened(body: bytes) -> Envelope | None:
    """The envelope of a request; None if it is not one, or has not one element in its body."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - the requests are those of the connector
    except ElementTree.ParseError:
        return None
    content = root.findall(f"{{{NAMESPACE}}}Body/*")
    if root.tag != f"{{{NAMESPACE}}}Envelope" or len(content) != 1:
        return None
    return Envelope(root.find(f"{{{NAMESPACE}}}Header"), content[0])


def sealed(content: str, header: str = "") -> bytes:
    """An envelope with this XML in its body."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<S:Envelope xmlns:S='{NAMESPACE}'><S:Header>{header}</S:Header>"
        f"<S:Body>{content}</S:Body></S:Envelope>"
    ).encode()


def sealed_fault(detail: str, string: str = "see the detail", code: str = "Server") -> bytes:
    """An envelope with a fault that has this XML in its detail."""
    return sealed(
        f"<S:Fault><faultcode>S:{code}</faultcode><faultstring>{escape(string)}</faultstring>"
        f"<detail>{detail}</detail></S:Fault>"
    )


def local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: ElementTree.Element) -> str:
    """The namespace of an element; empty if it has none."""
    return element.tag.rpartition("}")[0].lstrip("{")


def fields(element: ElementTree.Element) -> dict[str, str]:
    """The texts of an element's children, by their names."""
    return {local(child): (child.text or "").strip() for child in element}


def elements(values: Mapping[str, str], prefix: str = "") -> str:
    """XML with an element for each value; `prefix` ends with a colon."""
    return "".join(
        f"<{prefix}{name}>{escape(value)}</{prefix}{name}>" for name, value in values.items()
    )
