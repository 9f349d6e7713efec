"""Values as numbers: the filters `int`, `float` and `round`, which never invent a number.

Text is a number if it is one in JSON; spaces around it and zeros in front are allowed. Other text,
and a conversion that would lose a part of the number, is refused (contract 6.7).
"""

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Any

from connector.mapping.text import BadValue, kind_of

_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?"
_INTEGER = r"[+-]?[0-9]+"
_IN_BASE = r"[+-]?[0-9A-Za-z]+"
_LONGEST = 4_300  # digits that Python converts; the conversion takes quadratic time
_LARGEST = 308  # decimal exponent of a 64-bit float
_MOST_PLACES = 15  # decimal places that a float has
_ABSENT = object()
_METHODS = {"ceil": ROUND_CEILING, "floor": ROUND_FLOOR}


class NotANumber(BadValue):
    """A value that is not a number at all; a filter's default replaces it."""


def whole_number(value: object, default: Any = _ABSENT, base: Any = 10) -> Any:
    """Filter `int`: a whole number; `default` if the value is not a number.

    Raises:
        BadValue: the value is not a number and there is no default; or it is a number that is not
            whole, or has too many digits.
    """
    try:
        if not isinstance(base, int) or not 2 <= base <= 36:
            raise BadValue("the base of `int` must be 2 to 36")
        if base != 10 and isinstance(value, str):
            return _in_base(value, base)
        return _whole(value)
    except NotANumber:
        if default is _ABSENT:
            raise
        return default


def decimal_number(value: object, default: Any = _ABSENT) -> Any:
    """Filter `float`: a number that can have a fraction; `default` if the value is not a number.

    Raises:
        BadValue: the value is not a number and there is no default; or it is a number that a
            64-bit float cannot hold.
    """
    try:
        return _decimal(value)
    except NotANumber:
        if default is _ABSENT:
            raise
        return default


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Filter `round`: to `precision` places; `method` is `common`, `ceil` or `floor`.

    A whole number stays exact. A billion places would take hours, so there are at most 15.

    Raises:
        BadValue: the value is not a number, or an argument is wrong.
    """
    if not isinstance(value, int | float) or not isinstance(precision, int):
        raise BadValue(f"`round` takes numbers only, not {kind_of(value)}")
    if abs(precision) > _MOST_PLACES:
        raise BadValue(f"`round` takes at most {_MOST_PLACES} places")
    if method == "common":
        return round(value, precision)
    if method not in _METHODS:
        raise BadValue("the method of `round` must be common, ceil or floor")
    if isinstance(value, int) and precision >= 0:
        return int(value)
    if not math.isfinite(value):
        raise BadValue("an infinite number, or NaN, cannot be rounded")
    # With floats, 0.29 rounded down to two places would be 0.28.
    with localcontext(prec=_LONGEST):
        found = Decimal(repr(value)).quantize(Decimal(1).scaleb(-precision), _METHODS[method])
    return int(found) if isinstance(value, int) else float(found)


def _whole(value: object) -> int:
    if isinstance(value, int):
        return int(value)  # a boolean is 1 or 0
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotANumber("an infinite number, or NaN, is not a number")
        return _without_fraction(Decimal(repr(value)))
    text = _checked(value)
    return int(text) if re.fullmatch(_INTEGER, text) else _without_fraction(_exact(text))


def _decimal(value: object) -> float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    found = _exact(str(_whole(value)) if isinstance(value, int | float) else _checked(value))
    number = float(found)
    whole = found == found.to_integral_value()
    if (whole and Decimal(repr(number)) != found) or (found and not number):
        raise BadValue("a number that a 64-bit float cannot hold")
    return number


def _in_base(value: str, base: int) -> int:
    text = value.strip()
    if len(text) > _LONGEST or not re.fullmatch(_IN_BASE, text):
        raise NotANumber("text that is not a number")
    try:
        return int(text, base)
    except ValueError:
        raise NotANumber("text that is not a number") from None


def _checked(value: object) -> str:
    """The text of a number without the spaces around it."""
    text = value.strip(" \t\r\n") if isinstance(value, str) else ""
    if not re.fullmatch(_NUMBER, text):
        raise NotANumber(f"{kind_of(value)} that is not a number")
    if len(text) > _LONGEST:
        raise BadValue(f"a number of more than {_LONGEST:,} digits")
    return text


def _exact(text: str) -> Decimal:
    """The number of a text; one with a huge exponent is refused, as it would fill the memory."""
    found = Decimal(text)
    if found.adjusted() > _LARGEST:
        raise BadValue("a number that is too large")
    return found


def _without_fraction(found: Decimal) -> int:
    if found != found.to_integral_value():
        raise BadValue("a number that is not whole: use `round` first")
    return int(found)
