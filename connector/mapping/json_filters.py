"""Filters for JSON: text from values, values from text, and one object from two."""

import json
from typing import Any

from connector.json_text import read_json
from connector.mapping.json_value import json_value
from connector.mapping.text import BadValue, kind_of

ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
"""Writes JSON as a request has it: without spaces, in UTF-8."""


def to_json(value: object) -> str:
    """Filter `to_json`: a value as JSON text, as a call's `json` would send it.

    Raises:
        BadValue: JSON cannot represent the value.
    """
    return ENCODER.encode(json_value(value))


def from_json(value: object) -> Any:
    """Filter `from_json`: the value that a JSON text has.

    Raises:
        BadValue: the value is not text, or the text is not JSON.
    """
    if not isinstance(value, str):
        raise BadValue(f"`from_json` takes text, not {kind_of(value)}")
    try:
        return read_json(value)
    except ValueError:
        raise BadValue("text that is not JSON") from None


def merged(value: object, other: object) -> dict[Any, Any]:
    """Filter `merged`: an object with the keys of two; those of the second win. It is not deep.

    Raises:
        BadValue: one of the two is not an object.
    """
    if not isinstance(value, dict) or not isinstance(other, dict):
        wrong = other if isinstance(value, dict) else value
        raise BadValue(f"`merged` takes two objects, not {kind_of(wrong)}")
    return value | other


FILTERS: dict[str, Any] = {"to_json": to_json, "from_json": from_json, "merged": merged}
"""The filters by the names that a mapping uses."""
