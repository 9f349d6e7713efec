"""XML documents as expressions read them: the filters `element` and `elements`.

A path such as `c:Subscription/c:imsi` names elements, `Subscription/@imsi` an attribute. Its first
step is found at any depth, each other step is a child. A name with a prefix is looked for in the
namespace of the prefix, a name without one in any namespace. The path `.` is the element itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2.utils import pass_context

from connector.mapping.text import BadValue, kind_of

_FEW = 20  # characters that are parsed in a step of the meter
_DEEPEST = 100  # elements inside each other
_MOST = 50_000  # elements of a document
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_STEP = re.compile(r"(@?)(?:(\w[\w.-]*):)?(\w[\w.-]*)")


class NoXml(ValueError):  # noqa: N818 - found in data, not a bug
    """A text is not XML, or a document that is not read; the text says why."""


class Name(NamedTuple):
    """A name with its namespace; the namespace is None if the name has none."""

    namespace: str | None
    local: str


@dataclass(slots=True, eq=False)
class Element:
    """An element of a document. `content` has its texts and elements in their order.

    `prefixes` are the namespaces by the prefixes that paths use. `size` is how many elements there
    are inside, itself included.
    """

    name: Name
    prefixes: Mapping[str, str] = field(repr=False)
    attributes: Mapping[Name, str] = field(default_factory=dict, repr=False)
    content: list["Element | str"] = field(default_factory=list, repr=False)
    size: int = 1

    @property
    def children(self) -> Iterator["Element"]:
        """The elements directly inside."""
        return (item for item in self.content if isinstance(item, Element))

    @property
    def text(self) -> str | None:
        """All text inside, without the blanks around it; None if the element is `xsi:nil`."""
        nil = self.attributes.get(Name(_SCHEMA_INSTANCE, "nil"), "")
        if nil.strip() in ("true", "1"):
            return None
        return "".join(self.texts).strip()

    @property
    def texts(self) -> Iterator[str]:
        """The texts inside, in their order."""
        for item in self.content:
            if isinstance(item, str):
                yield item
            else:
                yield from item.texts

    def inside(self) -> Iterator["Element"]:
        """Yield all elements inside, in their order."""
        for child in self.children:
            yield child
            yield from child.inside()

    def child(self, namespace: str, local: str) -> "Element | None":
        """The first element of this name directly inside."""
        wanted = Name(namespace, local)
        return next((child for child in self.children if child.name == wanted), None)


def read_xml(text: str, prefixes: Mapping[str, str]) -> Element:
    """The document of a text: an element without a name that has the root inside.

    `prefixes` are the namespaces by the prefixes that paths use.

    Raises:
        NoXml: the text is not XML, has a DTD, or is too deep or too large. The entities of a DTD
            could make the text grow without end.
    """
    return _Reading(prefixes).of(text)


def unbound_prefixes(text: str) -> frozenset[str]:
    """The prefixes that a document uses and does not bind to a namespace.

    Raises:
        NoXml: as `read_xml`.
    """
    reading = _Reading({})
    reading.of(text)
    return frozenset(reading.unbound)


class _Reading:
    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        # By prefix, the namespaces that open elements bind it to, the innermost last; and the
        # prefixes of each open element.
        self._bound = {"xml": ["http://www.w3.org/XML/1998/namespace"]}
        self._declared: list[list[str]] = []
        self._open = [Element(Name(None, ""), prefixes)]
        self._count = 0
        self.unbound: set[str] = set()

    def of(self, text: str) -> Element:
        from xml.parsers.expat import ExpatError, ParserCreate  # noqa: PLC0415 - rarely needed

        parser = ParserCreate("utf-8")  # whatever encoding the declaration names
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(text.lstrip("\ufeff \t\r\n").encode(errors="replace"), True)
        except ExpatError as error:
            raise NoXml(str(error)) from None
        return self._open[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _DEEPEST or self._count > _MOST:
            raise NoXml("too many elements, or too many inside each other")
        self._declare({_declared(key): value for key, value in attributes.items()})
        own = {
            self._named(key, default=None): value
            for key, value in attributes.items()
            if _declared(key) is None
        }
        space = self._innermost("") or None
        found = Element(self._named(name, default=space), self._prefixes, own)
        self._open[-1].content.append(found)
        self._open.append(found)

    def _named(self, name: str, default: str | None) -> Name:
        """A name with its namespace; that of a prefix which the document does not bind is None."""
        prefix, _, local = name.rpartition(":")
        if not prefix:
            return Name(default, local)
        bound = self._innermost(prefix)
        if bound is None:
            self.unbound.add(prefix)
        return Name(bound, local)

    def _declare(self, given: Mapping[str | None, str]) -> None:
        """Note the namespaces that an element declares by prefix, until it ends."""
        declared = {prefix: uri for prefix, uri in given.items() if prefix is not None}
        for prefix, uri in declared.items():
            self._bound.setdefault(prefix, []).append(uri)
        self._declared.append(list(declared))

    def _innermost(self, prefix: str) -> str | None:
        """The namespace of a prefix; None if no open element declares it."""
        bound = self._bound.get(prefix)
        return bound[-1] if bound else None

    def _end(self, _: str) -> None:
        for prefix in self._declared.pop():
            self._bound[prefix].pop()
        closed = self._open.pop()
        self._open[-1].size += closed.size

    def _characters(self, text: str) -> None:
        self._open[-1].content.append(text)

    def _doctype(self, *_: object) -> None:
        raise NoXml("it has a DTD")


def _declared(key: str) -> str | None:
    """The prefix that an attribute declares, empty for the default; None if it declares none."""
    if key == "xmlns":
        return ""
    return key[6:] if key.startswith("xmlns:") else None


@pass_context
def element(scope: Any, value: object, path: str) -> str | None:
    """Filter: the text of the first element, or the attribute, at a path; blanks are trimmed.

    None if there is none, or if a text is not XML.

    Raises:
        BadValue: it is no path, or it has a prefix that the mapping file does not declare.
    """
    texts = (
        found.text if isinstance(found, Element) else found for found in _at(scope, value, path)
    )
    return next((text for text in texts if text is not None), None)


@pass_context
def elements(scope: Any, value: object, path: str) -> list["Element | str"]:
    """Filter: the elements at a path, or the texts of the attributes, as a list.

    Raises:
        BadValue: as `element`.
    """
    return list(_at(scope, value, path))


def _at(scope: Any, value: object, path: str) -> Iterator[Element | str]:
    if isinstance(value, str):
        scope.meter.spend(len(value) // _FEW)
        try:
            value = read_xml(value, {})
        except NoXml:
            return
    if isinstance(value, Element):
        scope.meter.spend(value.size)
        if path == ".":
            yield value
            return
        first, *rest = _steps(path)
        for found in value.inside():
            yield from _along(found, value.prefixes, first, rest)


class _Step(NamedTuple):
    attribute: bool
    prefix: str | None
    local: str


def _along(
    found: Element, prefixes: Mapping[str, str], step: _Step, rest: list[_Step]
) -> Iterator[Element | str]:
    """Yield what is at the end of a path that begins at an element."""
    if step.attribute:
        for name, text in found.attributes.items():
            if _fits(name, prefixes, step):
                yield text.strip()
    elif _fits(found.name, prefixes, step):
        if not rest:
            yield found
        elif rest[0].attribute:
            yield from _along(found, prefixes, rest[0], [])
        else:
            for child in found.children:
                yield from _along(child, prefixes, rest[0], rest[1:])


def _fits(name: Name, prefixes: Mapping[str, str], step: _Step) -> bool:
    if step.prefix is None or name.local != step.local:
        return name.local == step.local
    if prefixes and step.prefix not in prefixes:
        raise BadValue(f"the prefix `{step.prefix}` is not declared")
    return prefixes.get(step.prefix, "") == name.namespace


@lru_cache(256)
def _steps(path: object) -> tuple[_Step, ...]:
    """The steps of a path.

    Raises:
        BadValue: it is no path.
    """
    if not isinstance(path, str):
        raise BadValue(f"a path of an element must be text, not {kind_of(path)}")
    found = [_STEP.fullmatch(step) for step in path.split("/")]
    steps = [_Step(bool(step[1]), step[2], step[3]) for step in found if step]
    if len(steps) < len(found) or any(step.attribute for step in steps[:-1]):
        raise BadValue("a path of an element must be such as `a:b/c` or `a:b/@c`")
    return tuple(steps)
