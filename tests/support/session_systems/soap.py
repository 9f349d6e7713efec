"""SOAP 1.1 envelopes: what a system reads from one, and writes into one."""

from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"


class Envelope(NamedTuple):
    """The elements in the header, and the one element in the body."""

    header: ElementTree.Element | None
    content: ElementTree.Element


def opened(body: bytes) -> Envelope | None:
    """The envelope of a request; None if it is not one."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - the requests are those of the tests
    except ElementTree.ParseError:
        return None
    content = root.find(f"{{{NAMESPACE}}}Body/*")
    if root.tag != f"{{{NAMESPACE}}}Envelope" or content is None:
        return None
    return Envelope(root.find(f"{{{NAMESPACE}}}Header"), content)


def sealed(content: str, header: str = "") -> bytes:
    """An envelope with this XML in its body."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<S:Envelope xmlns:S='{NAMESPACE}'><S:Header>{header}</S:Header>"
        f"<S:Body>{content}</S:Body></S:Envelope>"
    ).encode()


def local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[0].lstrip("{")


def fields(element: ElementTree.Element) -> dict[str, str]:
    """The texts of an element's children, by their names."""
    return {local(child): (child.text or "").strip() for child in element}


def elements(values: dict[str, str]) -> str:
    """XML with an element for each value."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
