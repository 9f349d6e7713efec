"""The rules of Odoo's contacts (model `res.partner`) and of their External IDs; no I/O.

- A contact has no unique field: two can have the same `ref`. An External ID is unique.
- A contact wants a name. `x_service` is a selection; an unknown field is refused.
- A search does not show archived contacts, unless its context has `active_test: false`.
- An empty field is shown as `false`. Text with a NUL cannot be stored.
- `load` takes texts, like a CSV file. It refuses a row with a message in a reply with 200.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

_EMPTY: dict[str, Any] = {
    "ref": False,
    "name": False,
    "email": False,
    "phone": False,
    "active": True,
    "x_product": False,
    "x_service": False,
}
_SELECTION = ("active", "barred")
_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class Refused(Exception):  # noqa: N818 - an answer to the caller, not an error of ours
    """Odoo refuses a call with a status, the name of an exception, and its text."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


class Contacts:
    """All contacts by their id. `unlinked` counts those that were deleted."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.external_ids: dict[str, int] = {}
        self.unlinked = 0
        self._made = 0

    def doubles(self) -> list[str]:
        """The references that several contacts have."""
        found = Counter(vals["ref"] for vals in self.rows.values() if vals["ref"])
        return [ref for ref, times in found.items() if times > 1]

    def search_read(
        self,
        domain: Sequence[Any] = (),
        fields: Sequence[str] = (),
        limit: int | None = None,
        context: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Contacts for which all conditions hold, with these fields and their id."""
        _known([*fields, *(name for name, *_ in domain)])
        if any(operator not in ("=", "in") for _, operator, _ in domain):
            raise Refused(500, "builtins.ValueError", "Invalid operator")
        archived = (context or {}).get("active_test") is False
        found = [
            {"id": number} | {name: vals[name] for name in fields or _EMPTY}
            for number, vals in self.rows.items()
            if (archived or vals["active"]) and all(_holds(vals, *one) for one in domain)
        ]
        return found[:limit]

    def create(self, vals_list: Sequence[dict[str, Any]], context: Any = None) -> list[int]:
        """Create contacts, all or none; returns their ids."""
        made = [_EMPTY | _checked(vals) for vals in vals_list]
        for vals in made:
            _named(vals)
        return [self._add(vals) for vals in made]

    def write(self, ids: Sequence[int], vals: dict[str, Any], context: Any = None) -> bool:
        """Change contacts."""
        if any(number not in self.rows for number in ids):
            raise Refused(404, "odoo.exceptions.MissingError", "Record does not exist")
        changed = {number: _named(self.rows[number] | _checked(vals)) for number in ids}
        self.rows |= changed
        return True

    def unlink(self, ids: Sequence[int], context: Any = None) -> bool:
        """Delete contacts for good."""
        for number in ids:
            self.unlinked += self.rows.pop(number, None) is not None
        return True

    def load(
        self, fields: Sequence[str], data: Sequence[Sequence[str]], context: Any = None
    ) -> dict[str, Any]:
        """Create or change one contact for each row by its External ID, all or none."""
        try:
            rows = [_loaded(dict(zip(fields, row, strict=True))) for row in data]
            kept = [(name, _named(self._before(name) | vals)) for name, vals in rows]
        except (Refused, ValueError, KeyError) as refused:
            message = {"type": "error", "message": str(refused), "record": 0}
            return {"ids": False, "messages": [message], "nextrow": 0}
        return {"ids": [self._keep(*one) for one in kept], "messages": [], "nextrow": 0}

    def _before(self, name: str) -> dict[str, Any]:
        return self.rows.get(self.external_ids.get(name, 0), _EMPTY)

    def _keep(self, name: str, vals: dict[str, Any]) -> int:
        number = self.external_ids.get(name)
        if number in self.rows:
            self.rows[number] = vals
            return number
        number = self._add(vals)
        if name:
            self.external_ids[name] = number
        return number

    def _add(self, vals: dict[str, Any]) -> int:
        self._made += 1
        self.rows[self._made] = vals
        return self._made


def _holds(vals: dict[str, Any], name: str, operator: str, value: Any) -> bool:
    return bool(vals[name] == value if operator == "=" else vals[name] in value)


def _loaded(texts: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The External ID of a row, and its values; they are given as text."""
    if not all(isinstance(text, str) for text in texts.values()):
        raise Refused(200, "builtins.ValueError", "a value is not text")
    name = texts.pop("id", "")
    if name and "." not in name:
        name = f"__import__.{name}"
    if name.count(".") > 1 or " " in name:
        raise Refused(200, "builtins.ValueError", "the External ID has more than one dot")
    vals: dict[str, Any] = {field: text or False for field, text in texts.items()}
    if "active" in texts:
        vals["active"] = _BOOLEANS[texts["active"].lower()]
    return name, _checked(vals)


def _checked(vals: dict[str, Any]) -> dict[str, Any]:
    _known(vals)
    for name, value in vals.items():
        if name == "active":
            if not isinstance(value, bool):
                raise Refused(500, "builtins.ValueError", "active must be true or false")
        elif value is not False and not isinstance(value, str):
            raise Refused(500, "builtins.ValueError", f"Wrong value for res.partner.{name}")
        if isinstance(value, str) and "\0" in value:
            raise Refused(500, "builtins.ValueError", "A string literal cannot contain NUL")
    if vals.get("x_service", "active") not in (*_SELECTION, False):
        raise Refused(500, "builtins.ValueError", "Wrong value for res.partner.x_service")
    return dict(vals)


def _known(names: Any) -> None:
    for name in names:
        if name not in _EMPTY and name != "id":
            raise Refused(500, "builtins.ValueError", f"Invalid field {name!r} on 'res.partner'")


def _named(vals: dict[str, Any]) -> dict[str, Any]:
    if not (vals["name"] or "").strip():
        raise Refused(422, "odoo.exceptions.ValidationError", "Contacts require a name")
    return vals
