"""XML in a mapping file: the body of a call, and the header of all calls.

It is checked when the file is read, with a character in place of each `{{ }}`. So data can be the
text of an element or the value of an attribute, and nothing else.
"""

from collections.abc import Iterator
from typing import Annotated

from connector.mapping.entry import TEXT, Compiled
from connector.mapping.expression import Scope, Text, Value, compile_value
from connector.mapping.text import in_xml
from connector.mapping.xml_element import Element, NoXml, read_xml, unbound_prefixes

_MARK = "\ue001"  # a character for private use
_REFERENCE = f"&#{ord(_MARK)};"  # XML reads it only where data may stand


def _fragment(raw: object) -> Value:
    if not isinstance(raw, str) or raw.startswith("="):
        raise ValueError("must be XML, with {{ }} for data")
    value = compile_value(raw, in_xml)
    try:
        found = read_xml(_sample(value), {})
    except NoXml as error:
        raise ValueError(f"is not well-formed XML: {error}") from None
    wanted = len(value.expressions) if isinstance(value, Text) else 0
    if "".join(_data(found)).count(_MARK) != wanted:
        raise ValueError("{{ }} must stand in an element's text or in an attribute's value")
    return value


def _sample(value: Value) -> str:
    """The XML with a character in place of each `{{ }}`, in an element that holds it together."""
    parts = value.parts if isinstance(value, Text) else (str(value.evaluate(Scope())),)
    inside = "".join(part if isinstance(part, str) else _REFERENCE for part in parts)
    return f"<x>{inside}</x>"


def _data(document: Element) -> Iterator[str]:
    """Yield the texts and the values of attributes in a document."""
    yield from document.texts
    for found in document.inside():
        yield from found.attributes.values()


def prefixes_in(value: Value) -> frozenset[str]:
    """The prefixes in a fragment that it does not declare itself."""
    return unbound_prefixes(_sample(value))


def name_in(value: Value) -> str:
    """The name of the first element in a fragment, without its prefix; empty if there is none."""
    root = next(read_xml(_sample(value), {}).children)
    return next((child.name.local for child in root.children), "")


XmlFragment = Annotated[Value, Compiled(_fragment, TEXT)]
