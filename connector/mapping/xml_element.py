"""The filter `element`: the text of an element of an XML document, such as a SOAP reply."""

from typing import Any

from jinja2.utils import pass_context

_FEW = 20  # characters that are parsed in a step of the meter


class _Found(Exception):  # noqa: N818 - ends the parsing
    """The element has ended."""


class _Dtd(Exception):  # noqa: N818 - as above
    """The document has a DTD."""


@pass_context
def element(scope: Any, text: object, name: str) -> str | None:
    """Filter: the text of the first element of this name, in any namespace; blanks are trimmed.

    None if there is no such element, or if the text is not XML. A document with a DTD counts as
    not XML, because its entities could make the text grow without end.
    """
    if not isinstance(text, str):
        return None
    scope.meter.spend(len(text) // _FEW)
    return _Search(name).of(text)


class _Search:
    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = 0  # 0 outside of the element
        self._parts: list[str] = []

    def of(self, text: str) -> str | None:
        from xml.parsers.expat import ExpatError, ParserCreate  # noqa: PLC0415 - rarely needed

        parser = ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(text.encode(errors="replace"), True)
        except _Found:
            return "".join(self._parts).strip()
        except (ExpatError, _Dtd):
            return None
        return None

    def _start(self, name: str, _: object) -> None:
        if self._depth or name.rpartition(":")[2] == self._name:
            self._depth += 1

    def _end(self, _: str) -> None:
        if self._depth:
            self._depth -= 1
            if not self._depth:
                raise _Found

    def _characters(self, text: str) -> None:
        if self._depth:
            self._parts.append(text)

    def _doctype(self, *_: object) -> None:
        raise _Dtd
