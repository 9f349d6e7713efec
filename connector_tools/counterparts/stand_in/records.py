"""What an external system holds."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class Exists(Exception):  # noqa: N818 - an answer to the caller
    """A record has the key, or one of the unique fields; the text is the field's name."""


class Missing(Exception):  # noqa: N818 - an answer to the caller
    """No record has the key."""


@dataclass(frozen=True)
class Write:
    """A write that was carried out."""

    what: str
    key: str
    fields: dict[str, Any]


@dataclass
class Records:
    """Records by key. `unique` are the fields that no two records may share."""

    unique: tuple[str, ...] = ()
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)

    def times(self, what: str) -> Counter[str]:
        """How often each key was written in this way; a write that is sent twice shows here."""
        return Counter(write.key for write in self.writes if write.what == what)

    def create(self, key: str, fields: dict[str, Any]) -> None:
        """Add a record.

        Raises:
            Exists: a record has the key, or one of the unique fields.
        """
        if key in self.rows:
            raise Exists("key")
        self._check(key, fields)
        self.rows[key] = dict(fields)
        self.writes.append(Write("create", key, fields))

    def change(self, key: str, fields: dict[str, Any]) -> None:
        """Set these fields and keep the others.

        Raises:
            Missing: no record has the key.
            Exists: another record has one of the unique fields.
        """
        self._check(key, fields)
        self.get(key).update(fields)
        self.writes.append(Write("change", key, fields))

    def remove(self, key: str) -> None:
        """Remove a record.

        Raises:
            Missing: no record has the key.
        """
        self.get(key)
        del self.rows[key]
        self.writes.append(Write("remove", key, {}))

    def remove_all(self) -> None:
        """Remove all records."""
        self.rows.clear()
        self.writes.append(Write("remove all", "", {}))

    def get(self, key: str) -> dict[str, Any]:
        """The record itself, not a copy.

        Raises:
            Missing: no record has the key.
        """
        if key not in self.rows:
            raise Missing
        return self.rows[key]

    def find(self, name: str, value: str) -> str:
        """The key of the record with this value in a field."""
        for key, row in self.rows.items():
            if row.get(name) == value:
                return key
        raise Missing

    def _check(self, key: str, fields: dict[str, Any]) -> None:
        for name in self.unique:
            value = fields.get(name)
            others = (row for other, row in self.rows.items() if other != key)
            if value is not None and any(row.get(name) == value for row in others):
                raise Exists(name)
