"""The rules of the REST API v1 of Ministra, formerly Stalker: an IPTV platform; no I/O.

    GET    accounts[/{numbers}]              `results` is a list, also for one
    POST   accounts                          login, account_number, status, tariff_plan, stb_mac ...
    PUT    accounts/{number}                 sets the given fields
    DELETE accounts/{number}
    GET    account_subscription/{number}     `results: [{mac, subscribed}]`
    PUT    account_subscription/{number}     adds `subscribed[]`, takes `unsubscribed[]` away
    POST   account_subscription/{number}     the packages are `subscribed[]`, of which one is needed
    DELETE account_subscription/{number}     takes all packages away
    GET    tariffs

- Every failure is a 200 with `status: ERROR`, or with `status: OK` and `results: false`.
- A body is a form. Of JSON nothing is read, and the answer says OK.
- `login` and `stb_mac` are unique. An account number is not: it names all boxes of a subscriber.
- An identifier of 12 characters or more is a MAC address, for `accounts` only if it has a colon.
  A comma separates identifiers.
- A tariff plan that does not exist is accepted: the account is then without one. A package that the
  plan does not have as an optional one is ignored.
- A change of packages that changes nothing has `results: false`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from connector_tools.counterparts.stand_in.records import Exists, Records

Form = Mapping[str, list[str]]
_FIELDS = ("login", "full_name", "phone", "account_number", "tariff_plan", "stb_mac", "comment")
_MAC = re.compile("(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_LONG = 12  # characters of an identifier that is a MAC address


class ApiError(Exception):
    """The platform refuses a request; the text is its `error`."""


@dataclass
class StalkerPortal:
    """The platform. `tariffs` are its plans, each with its optional packages."""

    tariffs: Mapping[str, set[str]]
    records: Records = field(default_factory=lambda: Records(unique=("login", "stb_mac")))
    packages: dict[str, set[str]] = field(default_factory=dict)
    """The packages to which each record is subscribed, by its key."""
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def handle(self, method: str, path: str, body: bytes, kind: str) -> dict[str, Any]:
        """The answer to a request; `path` is below the API's URL, `kind` the body's media type."""
        resource, _, names = path.strip("/").partition("/")
        operation = self._operations.get((method, resource))
        if operation is None:
            return _error("Resource not found" if method == "GET" else "Method not allowed")
        if body and not kind.startswith("application/x-www-form-urlencoded"):
            return {"status": "OK", "results": True}
        try:
            form = parse_qs(body.decode(), keep_blank_values=True)
            results = operation([name for name in names.split(",") if name], form)
        except ApiError as refused:
            return _error(str(refused))
        return {"status": "OK", "results": results}

    @property
    def _operations(self) -> Mapping[tuple[str, str], Callable[[list[str], Form], Any]]:
        return {
            ("GET", "accounts"): self._accounts,
            ("POST", "accounts"): self._create,
            ("PUT", "accounts"): self._change,
            ("DELETE", "accounts"): self._remove,
            ("GET", "account_subscription"): self._subscriptions,
            ("PUT", "account_subscription"): self._subscribe,
            ("POST", "account_subscription"): self._subscribe_all,
            ("DELETE", "account_subscription"): self._unsubscribe,
            ("GET", "tariffs"): lambda names, form: [
                {"external_id": name} for name in self.tariffs
            ],
        }

    # Accounts

    def _accounts(self, names: list[str], form: Form) -> list[dict[str, Any]]:
        found = [key for name in names for key in self._keys(name)] if names else self.records.rows
        if len(names) == 1 and not found:
            raise ApiError("Account not found")
        if len(found) < len(names):
            raise ApiError("One or more identifiers are incorrect")
        return [self._shown(key) for key in found]

    def _shown(self, key: str) -> dict[str, Any]:
        row = self.records.get(key)
        return {**row, "subscribed": self.subscribed(key), "online": "0", "version": ""}

    def _create(self, names: list[str], form: Form) -> bool:
        given = self._given(form)
        if not given.get("login"):
            raise ApiError("Login required")
        key = str(next(self.ids))
        empty = {"stb_mac": None, "tariff_plan": None, "status": 1}
        self._write(self.records.create, key, empty | given)
        return True

    def _change(self, names: list[str], form: Form) -> bool:
        given = self._given(form)
        for key in self._named(names):
            self._write(self.records.change, key, given)
        return True

    def _remove(self, names: list[str], form: Form) -> bool:
        for key in self._named(names):
            self.records.remove(key)
            self.packages.pop(key, None)
        return True

    def _given(self, form: Form) -> dict[str, Any]:
        """The fields that the platform knows, of a form that must have one."""
        given: dict[str, Any] = {name: form[name][-1] for name in _FIELDS if name in form}
        if "status" in form:
            given["status"] = int(form["status"][-1] not in ("", "0"))
        if not given:
            raise ApiError("Insert data is empty")
        if given.get("stb_mac") and not _MAC.fullmatch(given["stb_mac"].upper()):
            raise ApiError("Not valid mac address")
        if given.get("tariff_plan") and given["tariff_plan"] not in self.tariffs:
            given["tariff_plan"] = None
        return given

    def _write(
        self, write: Callable[[str, dict[str, Any]], None], key: str, given: dict[str, Any]
    ) -> None:
        try:
            write(key, given)
        except Exists as exists:
            name = "MAC address" if str(exists) == "stb_mac" else "Login"
            raise ApiError(f"{name} already in use") from None

    # Packages

    def _subscriptions(self, names: list[str], form: Form) -> list[dict[str, Any]]:
        rows = self.records.rows
        return [
            {"mac": rows[key]["stb_mac"], "subscribed": self.subscribed(key)}
            for key in self._named(names, is_mac=_is_long)
        ]

    def _subscribe(self, names: list[str], form: Form) -> bool:
        more, less = form.get("subscribed[]"), form.get("unsubscribed[]")
        if more is None and less is None:
            raise ApiError("Insert data is empty")
        return self._switch(names, set(more or ()), set(less or ()))

    def _subscribe_all(self, names: list[str], form: Form) -> bool:
        wanted = set(form.get("subscribed[]", ()))
        if not wanted:
            raise ApiError("Insert data is empty")
        return self._switch(names, wanted)

    def _unsubscribe(self, names: list[str], form: Form) -> bool:
        return self._switch(names, set())

    def _switch(self, names: list[str], more: set[str], less: set[str] | None = None) -> bool:
        """Add packages, and take others away (None: all others); whether all accounts changed."""
        keys = self._named(names, is_mac=_is_long)
        others = {key: set(self.subscribed(key)) - more for key in keys}
        done = [self._set(key, more, others[key] if less is None else less) for key in keys]
        return all(done)

    def _set(self, key: str, more: set[str], less: set[str]) -> bool:
        """Change the packages of one account; whether anything changed."""
        known = self.tariffs.get(self.records.get(key)["tariff_plan"], set())
        before = self.packages.get(key, set())
        self.packages[key] = (before | (more & known)) - (less & known)
        return self.packages[key] != before

    def subscribed(self, key: str) -> list[str]:
        """The packages of a record; those that its plan does not have do not count."""
        known = self.tariffs.get(self.records.get(key)["tariff_plan"], set())
        return sorted(self.packages.get(key, set()) & known)

    # Identifiers

    def _named(self, names: list[str], is_mac: Callable[[str], bool] | None = None) -> list[str]:
        """The keys of the records that the one identifier names."""
        if not names:
            raise ApiError("Identifier required")
        if len(names) > 1:
            raise ApiError("Only one identifier allowed")
        found = self._keys(names[0], is_mac)
        if not found:
            raise ApiError("Account not found")
        return found

    def _keys(self, name: str, is_mac: Callable[[str], bool] | None = None) -> list[str]:
        field = "stb_mac" if (is_mac or _is_mac)(name) else "account_number"
        return [key for key, row in self.records.rows.items() if row.get(field) == name]


def _is_mac(name: str) -> bool:
    return _is_long(name) and ":" in name


def _is_long(name: str) -> bool:
    return len(name) >= _LONG


def _error(text: str) -> dict[str, Any]:
    return {"status": "ERROR", "results": "", "error": text}
