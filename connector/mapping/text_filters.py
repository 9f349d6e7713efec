"""Filters that cut, fill and encode text: split, groups of a pattern, padding, URL-encoding."""

from typing import Any
from urllib.parse import quote

from jinja2.utils import pass_context

from connector.mapping.groups import groups_of, price
from connector.mapping.text import BadValue, in_dn, kind_of, text_of

_WIDEST = 1000  # characters that padding fills a text to


@pass_context
def split(scope: Any, value: object, separator: object) -> list[str]:
    """Filter `split`: the parts of a text between separators; none of an empty text.

    Raises:
        BadValue: the value has no text, or the separator is empty.
    """
    text, between = text_of(value), text_of(separator)
    if not between:
        raise BadValue("the separator of `split` is empty")
    scope.meter.spend(text.count(between))
    return text.split(between) if text else []


@pass_context
def groups(scope: Any, value: object, pattern: str) -> list[str] | None:
    """Filter `groups`: what the groups of a pattern match; None if it does not match all the text.

    Raises:
        BadPattern: see `connector.mapping.groups.pieces`.
        BadValue: the value has no text.
    """
    text = text_of(value)
    scope.meter.spend(price(pattern, text))
    return groups_of(pattern, text)


def pad_left(value: object, width: object, fill: object = "0") -> str:
    """Filter `pad_left`: a text, filled to a width in front; a longer text stays as it is.

    Raises:
        BadValue: the value has no text, or an argument is wrong.
    """
    return text_of(value).rjust(*_padding("pad_left", width, fill))


def pad_right(value: object, width: object, fill: object = " ") -> str:
    """Filter `pad_right`: as `pad_left`, but filled at the end."""
    return text_of(value).ljust(*_padding("pad_right", width, fill))


def _padding(name: str, width: object, fill: object) -> tuple[int, str]:
    number = isinstance(width, int | float) and not isinstance(width, bool)
    if not number or width not in range(_WIDEST + 1):
        raise BadValue(f"the width of `{name}` must be a whole number from 0 to {_WIDEST}")
    if not isinstance(fill, str) or len(fill) != 1:
        raise BadValue(f"`{name}` fills with one character, not {kind_of(fill)}")
    return int(width), fill  # type: ignore[call-overload]  # a number, see above


def url_encode(value: object) -> str:
    """Filter `url_encode`: text for a query or a path, with `%20` for a space.

    Raises:
        BadValue: the value has no text.
    """
    return quote(text_of(value), safe="")


def dn_encode(value: object) -> str:
    """Filter `dn_encode`: text for a value in the name of an LDAP entry, such as of a member.

    Raises:
        BadValue: the value has no text.
    """
    return in_dn(text_of(value))


FILTERS: dict[str, Any] = {
    "split": split,
    "groups": groups,
    "pad_left": pad_left,
    "pad_right": pad_right,
    "url_encode": url_encode,
    "dn_encode": dn_encode,
}
"""The filters by the names that a mapping uses."""
