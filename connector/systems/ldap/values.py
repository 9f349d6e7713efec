"""The values of attributes: how a value of an expression is sent."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from connector.mapping.expression import Scope, SourceText, Tree, Value, formed
from connector.mapping.omit import OMIT
from connector.mapping.text import BadValue, kind_of, text_of
from connector.systems.ldap.names import check_attribute


class Attribute(NamedTuple):
    """An attribute with its values."""

    name: str
    values: tuple[bytes, ...]


Pairs = tuple[tuple[str, tuple[bytes, ...] | None], ...]


def attributes(value: Value, scope: Scope, *, empty: bool) -> tuple[Attribute, ...]:
    """The attributes of an object of names and values.

    An attribute whose value is `omit` is left out; one that has no values only if `empty` is false.

    Raises:
        EvaluationError: a value cannot be sent; the text names its expression.
    """
    return tuple(
        Attribute(name, values)
        for name, values in _pairs(value, scope)
        if values is not None and (values or empty)
    )


def _pairs(value: Value, scope: Scope) -> Pairs:
    if isinstance(value, Tree) and value.keys is not None:  # an error names the one expression
        pairs = zip(value.keys, value.items, strict=True)
        return tuple((str(name), formed(item, scope, values_of)) for name, item in pairs)
    return formed(value, scope, _of_object)


def _of_object(value: object) -> Pairs:
    if isinstance(value, SourceText):
        return ((value, ()),)
    if not isinstance(value, Mapping):
        raise BadValue(f"{kind_of(value)} is not an object of attributes")
    return tuple((_attribute(name), values_of(item)) for name, item in value.items())


def _attribute(name: object) -> str:
    try:
        return check_attribute(text_of(name))
    except ValueError as error:
        raise BadValue(str(error)) from None


def values_of(value: object) -> tuple[bytes, ...] | None:
    """The values of an attribute, each once: an attribute is a set. None for `omit`.

    Raises:
        BadValue: a value cannot be sent.
    """
    if value is OMIT:
        return None
    items: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
    found = (_FORMS.get(type(item), _text)(item) for item in items if item is not None)
    return tuple(dict.fromkeys(found))


def _text(value: object) -> bytes:
    return text_of(value).encode()


def _time(value: object) -> bytes:
    """Generalized Time (RFC 4517, 3.3.13)."""
    assert isinstance(value, datetime)  # noqa: S101 - by the table below
    return f"{value.astimezone(UTC):%Y%m%d%H%M%SZ}".encode()


_FORMS: Mapping[type, Callable[[object], bytes]] = {
    bool: lambda value: b"TRUE" if value else b"FALSE",
    bytes: lambda value: bytes(value) if isinstance(value, bytes) else b"",
    datetime: _time,
}
