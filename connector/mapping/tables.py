"""The tables of a mapping while it serves: a value for each key, and what happens without one.

An expression looks a key up with `tables.speeds[product.name]`. `connector.mapping.table_entry`
reads the tables from the file.
"""

from collections.abc import Mapping
from typing import Any

from connector.mapping.text import BadValue, text_of


class Table:
    """The rows of a table, and its answer for a key that no row has.

    `missing` is the sentence with which such a key is refused; if it is None, `otherwise` is the
    value.
    """

    __slots__ = ("missing", "otherwise", "rows")

    def __init__(self, rows: Mapping[str, Any], otherwise: Any, missing: str | None) -> None:
        self.rows = rows
        self.otherwise = otherwise
        self.missing = missing

    def __repr__(self) -> str:
        return f"a table of {len(self.rows)} rows"

    def look_up(self, key: object) -> Any:
        """The value for a key; a number, a boolean and a time are looked up as their text.

        None is never in a table. A table with a value for other keys gives None for it, since
        missing data must not get a default by accident.

        Raises:
            BadValue: the key is not in the table, and the table refuses it; or it has no text.
        """
        if key in self:
            return self.rows[text_of(key)]
        if self.missing is not None:
            raise BadValue(self.missing)
        return None if key is None else self.otherwise

    def __contains__(self, key: object) -> bool:
        """Whether a row has the key: `product.name in tables.speeds`."""
        return key is not None and text_of(key) in self.rows


class Tables(dict[str, Table]):
    """The tables of a mapping by name."""

    def get(self, name: str, default: object = None) -> Table:
        """The table of this name.

        Raises:
            BadValue: there is none. The checks find that if the expression names the table.
        """
        if name not in self:
            raise BadValue("there is no table of this name")
        return self[name]
