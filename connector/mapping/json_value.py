"""Values as JSON: what an expression yields, as the plain JSON that a request carries."""

from datetime import datetime
from math import isfinite
from typing import Any

from connector.mapping.omit import OMIT
from connector.mapping.text import BadValue, kind_of, text_of
from connector.portabilling import Part

_EXPONENT_FROM = 10**21
_EXACT = 2**53  # up to here a float holds every whole number


class Omitted(BadValue):
    """The value is `omit`; the object or list around it leaves it out."""


_TEXTS, _NUMBERS = (str, datetime), (int, float)  # tuples: a union would be made for each value


def json_value(value: Any) -> Any:
    """The value in types that JSON has.

    Text, booleans and whole numbers stay; so does a number with a fraction. A float that is a whole
    number below 10^21 becomes one, because many systems refuse `5.0` where they want 5; above, the
    JSON has an exponent (as in RFC 8785). A date-time becomes text. A part of the event becomes an
    object with the fields that NSPS sent. `omit` leaves out its key or its item.

    Raises:
        BadValue: JSON cannot represent the value.
    """
    if isinstance(value, _TEXTS):
        return value if isinstance(value, str) and value.isascii() else text_of(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, _NUMBERS):
        return _number(value)
    if isinstance(value, list | tuple):
        return _list(value)
    if isinstance(value, Part):
        value = _sent_fields(value)
    if isinstance(value, dict):
        return _object(value)
    if value is OMIT:
        raise Omitted("`omit` leaves out a key or an item; here it would be the whole value")
    raise BadValue(f"{kind_of(value)} cannot be sent as JSON")


def _number(value: float) -> float:
    if isinstance(value, int):
        return value if abs(value) < _EXPONENT_FROM else int(text_of(value))  # refuses huge ones
    if not value.is_integer():
        return value if isfinite(value) else float(text_of(value))  # refuses it
    if abs(value) < _EXACT:
        return int(value)
    return value if abs(value) >= _EXPONENT_FROM else int(text_of(value))


def _list(found: list[Any] | tuple[Any, ...]) -> list[Any]:
    try:
        return [json_value(item) for item in found]
    except Omitted:
        return [json_value(item) for item in found if item is not OMIT]


def _object(found: dict[Any, Any]) -> dict[str, Any]:
    try:
        named = {_name(name): json_value(value) for name, value in found.items()}
    except Omitted:
        return _object({name: value for name, value in found.items() if value is not OMIT})
    if len(named) < len(found):
        raise BadValue("two keys of an object have the same text")
    return named


def _name(name: Any) -> str:
    return name if isinstance(name, str) and name.isascii() else text_of(name)


def _sent_fields(part: Part) -> dict[str, Any]:
    """The fields that NSPS sent, and those that the connector derived from them."""
    fields = part.__dict__ | (part.__pydantic_extra__ or {})
    sent = part.model_fields_set
    return {name: value for name, value in fields.items() if name in sent or value is not None}
