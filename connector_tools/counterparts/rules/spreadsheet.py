"""One sheet of a spreadsheet as Google's API writes and reads it; no I/O.

With `RAW` a value is stored as it is. With `USER_ENTERED` it is read as if a person typed it:
digits become a number, and text that begins with `=` runs as a formula.
"""

import re
from collections.abc import Sequence
from typing import Any

Row = list[Any]
_LONGEST = 50_000  # characters of a cell
_RANGE = re.compile(r"(?:'((?:[^']|'')+)'|(\w+))!([A-Z])([1-9][0-9]*)?:([A-Z])([1-9][0-9]*)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


class BadRange(ValueError):  # noqa: N818 - an answer to the caller, not an error of ours
    """The API refuses a range or a value; the text is its message, without the value."""


class Formula(str):
    """A cell that runs as a formula."""

    __slots__ = ()


def cell(value: Any, option: str) -> Any:
    """The value of a cell for a value that was given; None is a cell that is left as it is.

    Raises:
        BadRange: a cell cannot have this value.
    """
    if isinstance(value, dict | list):
        raise BadRange("Invalid values: list_value or struct_value")
    if isinstance(value, str) and len(value) > _LONGEST:
        raise BadRange(f"Your input contains more than the maximum of {_LONGEST} characters")
    if option == "RAW" or not isinstance(value, str):
        return value
    if value.startswith("="):
        return Formula(value)
    if _NUMBER.fullmatch(value):
        return float(value)
    return value.removeprefix("'")


class Sheet:
    """The cells of a sheet, row by row; an empty cell is None."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[Row] = []

    def append(self, range_name: str, rows: Sequence[Row]) -> None:
        """Add rows below the table that a range finds.

        Raises:
            BadRange: the range is not one of this sheet.
        """
        first, _, _ = self._found(range_name)
        self.rows += [[None] * first + row for row in rows]

    def read(self, range_name: str, *, columns: bool) -> list[Row]:
        """The values of a range by row or by column, without empty ones at the end.

        Raises:
            BadRange: the range is not one of this sheet.
        """
        first, last, top = self._found(range_name)
        rows = [_cut(row[first : last + 1]) for row in self.rows[top:]]
        if not columns:
            return _cut(rows)
        wide = range(last - first + 1)
        return _cut([_cut([row[n] if n < len(row) else None for row in rows]) for n in wide])

    def _found(self, range_name: str) -> tuple[int, int, int]:
        """The first and the last column and the first row of a range, from 0."""
        found = _RANGE.fullmatch(range_name)
        name = found and (found[1] or found[2]).replace("''", "'")
        if not found or name != self.name:
            raise BadRange(f"Unable to parse range: {range_name}")
        return ord(found[3]) - ord("A"), ord(found[5]) - ord("A"), int(found[4] or 1) - 1


def _cut(values: list[Any]) -> list[Any]:
    """The values without the empty ones at the end; an empty one before them is empty text."""
    while values and values[-1] in (None, "", []):
        values.pop()
    return ["" if value is None else value for value in values]
