"""Compares what the external system holds with what it shall hold, field by field.

Only the fields that the mapping owns are compared; `fields` of the resource says how
(docs/mapping.md, `resources.fields`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from connector.mapping.json_value import json_value
from connector.mapping.number import decimal_number
from connector.mapping.resource import OwnedField
from connector.mapping.text import text_of

Object = Mapping[str, Any]
_NAIVE = OwnedField()


def difference(found: Object, wanted: Object, fields: Mapping[str, OwnedField]) -> dict[str, Any]:
    """The wanted fields that differ from those found, with their wanted values."""
    return {
        name: value
        for name, value in wanted.items()
        if not _same(found.get(name), value, fields.get(name, _NAIVE))
    }


def is_off(name: str, value: Any, fields: Mapping[str, OwnedField]) -> bool:
    """True if a field with this value takes service or a number away."""
    field = fields.get(name, _NAIVE)
    return (
        value is None
        or value in ("", [], {})
        or (field.off is not None and _same(field.off, value, field))
    )


def _same(found: Any, wanted: Any, field: OwnedField) -> bool:
    found = field.default if found is None else found
    try:
        return _COMPARISONS[field.compare](found, wanted)
    except (TypeError, ValueError):  # e.g. text that is no number: it is something else
        return False


def _exact(found: Any, wanted: Any) -> bool:
    """True if both are equal as JSON; of an object only the wanted keys are compared."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_exact(found.get(key), value) for key, value in wanted.items())
    return _canonical(found) == _canonical(wanted)


def _canonical(value: Any) -> str:
    """JSON text that is equal for equal values: 1 and 1.0 are equal, true and 1 are not."""
    return json.dumps(json_value(value), sort_keys=True)


def _text(found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return text_of(found) == text_of(wanted)


def _number(found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return bool(decimal_number(found) == decimal_number(wanted))


def _set(found: Any, wanted: Any) -> bool:
    return _members(found) == _members(wanted)


def _members(value: Any) -> list[str]:
    """The items in an order of their own; none is no item, a single value one item."""
    items = [] if value is None else value if isinstance(value, list | tuple) else [value]
    return sorted(map(_canonical, items))


def _never(found: Any, wanted: Any) -> bool:
    return True


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": _exact,
    "text": _text,
    "number": _number,
    "set": _set,
    "never": _never,
}
