"""The filters and tests of a mapping's expressions: Jinja's, changed where they guess, and our own.

Missing data is None, and filters for text and numbers return None for it. Each filter and test
pays to `connector.mapping.meter` before it works. `connector.mapping.language` installs them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_title, do_trim, ignore_case, make_attrgetter
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import pass_context, pass_environment

from connector.mapping import digests, json_filters, text_filters, times
from connector.mapping.meter import (
    Price,
    for_all_inside,
    for_each_character,
    for_items,
    for_order,
    for_reading,
    for_search,
    for_some_steps,
    for_two_objects,
    for_words,
    paid,
)
from connector.mapping.number import decimal_number, rounded, whole_number
from connector.mapping.pattern import compiled
from connector.mapping.text import BadValue, kind_of, text_of
from connector.mapping.xml_element import element, elements
from connector.portabilling import AccessPolicyInfo

Filter = Callable[..., Any]

# Filters and tests of Jinja that have no side effects and are useful in a mapping.
_FILTERS = frozenset(
    "abs default first float int items join last length list lower map max min reject rejectattr "
    "replace round select selectattr sort string sum title trim unique upper".split()
)
_TEXT_AND_NUMBER = frozenset("abs float int lower replace round string title trim upper".split())
_LAZY = frozenset("items map reject rejectattr select selectattr unique".split())
_TESTS = frozenset(
    "boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer "
    "iterable le lessthan lower lt mapping ne none number odd sequence string true upper".split()
)

# What filters and tests cost. Those that are not here take the same time for every value, or pay in
# their own functions.
_FILTER_PRICES: dict[str, Price] = {
    **dict.fromkeys("items list map reject rejectattr select selectattr".split(), for_items),
    **dict.fromkeys("join max min sum unique".split(), for_all_inside),
    "sort": for_order,
    **dict.fromkeys("_concat abs float int lower round string trim upper".split(), for_reading),
    "replace": for_search,
    "title": for_words,
    **dict.fromkeys((*times.FILTERS, *digests.FILTERS), for_some_steps),
    **dict.fromkeys(("pad_left", "pad_right", "groups", "to_json"), for_reading),
    **dict.fromkeys(("from_json", "url_encode", "dn_encode", "split"), for_each_character),
    "merged": for_two_objects,
}
_TEST_PRICES: dict[str, Price] = {
    **dict.fromkeys("eq equalto ge greaterthan gt le lessthan lt ne".split(), for_reading),
    **dict.fromkeys("digits lower upper".split(), for_reading),
    "in": for_search,
}
_FEW = 100  # characters or items that are copied in a step
_PLACES = 64  # places of a pattern that its engine follows in a step
_UNSAFE = 2**61 - 1  # from here on, whole numbers can be chosen that all have the same hash

_IMSI = re.compile("[0-9]{15}")
_DIGITS = re.compile("[0-9]+")


@pass_context
def attribute(scope: Any, policy: object, name: str, group: str | None = None) -> str | None:
    """Filter: the value of an access policy's attribute; None if the policy does not have it."""
    if not isinstance(policy, AccessPolicyInfo):
        return None
    scope.meter.spend(len(policy.attributes or ()))
    for item in policy.attributes or ():
        if item.name == name and (group is None or item.group_name == group):
            return item.value or None
    return None


def is_imsi(value: object) -> bool:
    """Test: text of exactly 15 digits, as HLR and HSS interfaces require (contract 5)."""
    return isinstance(value, str) and _IMSI.fullmatch(value) is not None


def is_digits(value: object) -> bool:
    """Test: text of one or more digits only."""
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


@pass_context
def is_matching(scope: Any, value: object, pattern: str) -> bool:
    """Test: the regular expression matches the whole text (`connector.mapping.pattern`)."""
    if not isinstance(value, str):
        return False
    matches, size = compiled(pattern)
    scope.meter.spend(len(value) * size // _PLACES)
    return matches(value)


def is_lower(value: object) -> bool:
    """Test: text in lower case; Jinja's also accepts the text that Python shows for a list."""
    return isinstance(value, str) and value.islower()


def is_upper(value: object) -> bool:
    """Test: text in upper case."""
    return isinstance(value, str) and value.isupper()


def _keeps_none(filtered: Filter) -> Filter:
    """Wrap a filter so that it returns None for None; Jinja's returns "None" or 0."""

    @wraps(filtered)
    def kept(*args: Any, **options: Any) -> Any:
        subject = args[1] if hasattr(filtered, "jinja_pass_arg") else args[0]
        return None if subject is None else filtered(*args, **options)

    return kept


def _listed(filtered: Filter) -> Filter:
    """Wrap a filter so that it returns a list; Jinja's returns a generator, readable only once."""

    @wraps(filtered)
    def listed(*args: Any, **options: Any) -> list[Any]:
        return list(filtered(*args, **options))

    return listed


def _of_text(filtered: Callable[..., str]) -> Filter:
    """Wrap a filter for text so that numbers, booleans and date-times get their one spelling."""

    @wraps(filtered)
    def of_text(value: object, *args: Any, **options: Any) -> str:
        return filtered(text_of(value), *args, **options)

    return of_text


@pass_context
def _replace(scope: Any, value: object, old: object, new: object, count: int = -1) -> str:
    """Filter: Jinja's `replace`, which also pays for the length that it adds."""
    text, out, put = text_of(value), text_of(old), text_of(new)
    scope.meter.spend(text.count(out) * len(put) // _FEW)
    return text.replace(out, put, count)


def _trim(value: str, chars: str | None = None) -> str:
    """Filter: Jinja's `trim`; it searches all of `chars` for each character of the text."""
    if chars and len(chars) > _FEW:
        raise BadValue(f"`trim` takes at most {_FEW} characters")
    return do_trim(value, chars)


@pass_environment
def _join(
    environment: Any, value: object, d: object = "", attribute: str | int | None = None
) -> str:
    """Filter: Jinja's `join`; each item needs a text."""
    if not isinstance(value, list | tuple | str):
        raise BadValue(f"`join` takes a list, not {kind_of(value)}")
    between = text_of(d)
    return between.join(map(text_of, map(make_attrgetter(environment, attribute), value)))


def _of_number(test: Any) -> Filter:
    """Wrap a test for numbers; Jinja's would format text, because `%` does that for text."""

    @wraps(test)
    def of_number(value: object, *args: object) -> Any:
        if not isinstance(value, int | float):
            raise BadValue(f"the test takes a number, not {kind_of(value)}")
        return test(value, *args)

    return of_number


@pass_environment
def _sum(environment: Any, value: Any, attribute: Any = None, start: float = 0) -> Any:
    """Filter: Jinja's `sum`, for numbers only: it copies a list of lists again for each list."""
    return sum(map(make_attrgetter(environment, attribute), value), +start)


@pass_environment
def _unique(
    environment: Any, value: Any, case_sensitive: bool = False, attribute: Any = None
) -> Iterator[Any]:
    """Filter: Jinja's `unique`, for text and numbers.

    It keeps them in a set, and an event could send numbers that have the same hash.
    """
    seen: set[Any] = set()
    key_of = make_attrgetter(environment, attribute, None if case_sensitive else ignore_case)
    for item in value:
        key = key_of(item)
        if isinstance(key, int) and abs(key) >= _UNSAFE:
            key = ("", str(key))  # the hash of a text cannot be chosen
        elif not isinstance(key, str | int | float | datetime | None):
            raise TypeError
        if key not in seen:
            seen.add(key)
            yield item


def _default(value: Any, default: Any = None, boolean: bool = False) -> Any:
    """Filter: `default` if the value is missing or, with `boolean`, counts as false."""
    return default if value is None or (boolean and not value) else value


def _concat(parts: list[Any]) -> str:
    """The operator `~`: joins values as text, and refuses missing data."""
    return "".join(map(text_of, parts))


_TEXT_FILTERS: dict[str, Callable[..., str]] = {
    "lower": str.lower,
    "title": do_title,
    "trim": _trim,
    "upper": str.upper,
}


def _paid(functions: Mapping[str, Any], prices: Mapping[str, Price]) -> dict[str, Filter]:
    return {name: paid(functions[name], price) for name, price in prices.items()}


def _filters() -> dict[str, Filter]:
    found: dict[str, Filter] = {name: JINJA_FILTERS[name] for name in _FILTERS}
    found |= {name: _of_text(function) for name, function in _TEXT_FILTERS.items()}
    found |= {"join": _join, "replace": _replace, "string": text_of}
    found |= {"int": whole_number, "float": decimal_number, "round": rounded}
    found |= {"sum": _sum, "unique": _unique}
    found |= {name: _keeps_none(found[name]) for name in _TEXT_AND_NUMBER}
    found |= {name: _listed(found[name]) for name in _LAZY}
    own = times.FILTERS | digests.FILTERS | text_filters.FILTERS | json_filters.FILTERS
    found |= {name: _keeps_none(function) for name, function in own.items()}
    found["element"], found["elements"] = element, elements
    found |= {"attribute": attribute, "default": _default, "_concat": _concat}
    return found | _paid(found, _FILTER_PRICES)


def _tests() -> dict[str, Filter]:
    jinja: Mapping[str, Any] = JINJA_TESTS
    found: dict[str, Filter] = {name: jinja[name] for name in _TESTS}
    found |= {"imsi": is_imsi, "digits": is_digits, "matching": is_matching}
    found |= {"lower": is_lower, "upper": is_upper}
    found |= _paid(found, _TEST_PRICES)
    return found | {name: _of_number(found[name]) for name in ("odd", "even", "divisibleby")}


FILTERS = _filters()
TESTS = _tests()
