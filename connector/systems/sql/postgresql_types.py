"""Values in the types of PostgreSQL. What does not fit is refused as the server would refuse it."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connector.mapping.text import text_of

_CLOCK = re.compile(r"(-)?(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)
_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


def typed(value: Any, kind: str) -> Any:
    """The value in the type that asyncpg wants for a type of PostgreSQL.

    Raises:
        ValueError, ArithmeticError: the value has no such form.
    """
    if value is None:
        return None
    if kind.endswith("[]"):
        items = value if isinstance(value, list) else [value]
        return [typed(item, kind.removesuffix("[]")) for item in items]
    if isinstance(value, list):
        raise ValueError("a list")
    return _TYPES.get(kind, text_of)(value)


def _digits(value: Any) -> str:
    """The text of a number. Python would also read `1_000` and the digits of other scripts."""
    text = text_of(value)
    if not text.isascii() or "_" in text:
        raise ValueError("not a number")
    return text


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, bool) else int(_digits(value))


def _truth(value: Any) -> bool:
    text = text_of(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError("not a boolean")
    return text in _TRUE


def _length_of_time(value: Any) -> timedelta:
    """Of seconds, or of the text `HH:MM:SS` that expressions read."""
    clock = _CLOCK.fullmatch(text_of(value))
    if clock is None:
        return timedelta(seconds=float(_digits(value)))
    hours, minutes, seconds = (float(part) for part in clock.groups()[1:])
    found = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -found if clock[1] else found


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(text_of(value))


def _number(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: parse(_digits(value))


def _time(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Python would also read a number of many digits as a time."""

    def parsed(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError("not the text of a time")
        return parse(value)

    return parsed


def _zoned(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("without an offset")
    return found


def _plain(text: str) -> datetime:
    """A time without an offset; one with an offset is taken in UTC."""
    found = datetime.fromisoformat(text)
    offset = found.utcoffset()
    return found if offset is None else (found - offset).replace(tzinfo=None)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "int2": _whole,
    "int4": _whole,
    "int8": _whole,
    "oid": _whole,
    "numeric": _number(Decimal),
    "float4": _number(float),
    "float8": _number(float),
    "bool": _truth,
    "date": _time(date.fromisoformat),
    "time": _time(time.fromisoformat),
    "timestamp": _time(_plain),
    "timestamptz": _time(_zoned),
    "interval": _length_of_time,
    "bytea": _bytes,
}
"""What asyncpg wants, by the type of PostgreSQL; it takes text for all others."""
