"""Values of columns, as expressions read them."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any


def shown(value: Any) -> Any:
    """The value of a column in types that expressions have.

    Numbers, booleans and none stay. A decimal number becomes a number. Dates and times become text
    in the form of ISO 8601, a length of time becomes `HH:MM:SS`, bytes become hexadecimal digits,
    lists keep their items; all other types become the text that Python has for them.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime | date | time | timedelta):
        return _time(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return str(value)


def row(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """A row as an object; of two columns with one name the last counts."""
    return {name: shown(value) for name, value in zip(names, values, strict=True)}


def _number(value: float | Decimal) -> float | str:
    """A number as JSON has it; whole numbers have no fraction, and NaN is text."""
    if not isfinite(value):
        return str(value)
    return int(value) if value == int(value) else float(value)


def _time(value: datetime | date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        return _clock(value)
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _clock(value: timedelta) -> str:
    """Hours, minutes and seconds, as MariaDB writes the type `time`; hours can be more than 24."""
    minutes, seconds = divmod(abs(value), timedelta(minutes=1))
    sign = "-" if value < timedelta() else ""
    rest = f".{seconds.microseconds:06}" if seconds.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds.seconds:02}{rest}"
