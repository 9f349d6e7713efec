"""Pinned replies: what the page wants the system to answer, in place of asking it.

A pin becomes a reply in the words of the mapping file's own tests, and a scripted client of the
same protocol gives it. So the rules for replies that judge it are the real ones, and so are the
retries, because each attempt asks for a pin of its own.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml
from pydantic import ValidationError

from connector.mapping.case import Case
from connector.mapping.entry import Entry
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome

KINDS = ("status", "fault", "exists", "timeout", "close", "refused", "text", "reply")
_ENDS = {"timeout": "timeout", "close": "reset", "refused": "refused"}
_MOST = 50  # pins at once
_EXISTS = ("exist", "duplicate", "conflict")
_CODES = {"status": 409, "code": 68}  # HTTP's Conflict; LDAP's entryAlreadyExists


class CannotPin(Exception):  # noqa: N818 - says what happened
    """The reply cannot be made for this file's protocol; the text says what to give."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A reply for the calls of a line of the file, or of all lines if it is None.

    `times` is how many more attempts get it; None if each does.
    """

    id: int
    line: int | None
    kind: str
    reply: Entry
    status: int | None = None
    body: str = ""
    times: int | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The pin as the page gets it; `reply` is what an entry of `tests.replies` would have."""
        given = self.reply.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {
            "id": self.id,
            "line": self.line,
            "kind": self.kind,
            "status": self.status,
            "body": self.body,
            "times": self.times,
            "reply": given,
        }


class Pins:
    """The pins of the page. The newest that fits a call is used first."""

    def __init__(self) -> None:
        self._pins: list[Pin] = []
        self._made = 0

    @property
    def documents(self) -> list[dict[str, Any]]:
        """All pins, the oldest first."""
        return [pin.document for pin in self._pins]

    def add(self, asked: dict[str, Any], mapping: MappingFile) -> Pin:
        """Add a pin that the page asked for.

        Raises:
            CannotPin: a field is wrong, or the reply cannot be made.
        """
        if len(self._pins) >= _MOST:
            raise CannotPin(f"there are {_MOST} pins already: remove one")
        kind, line, times = asked.get("kind"), asked.get("line"), asked.get("times")
        if kind not in KINDS:
            raise CannotPin(f"`kind` must be one of {', '.join(KINDS)}")
        for name, value in (("line", line), ("times", times)):
            if value is not None and (type(value) is not int or value < 1):
                raise CannotPin(f"`{name}` must be a number from 1, or null")
        status, body = asked.get("status"), asked.get("body") or ""
        if not isinstance(body, str):
            raise CannotPin("`body` must be text")
        reply = reply_of(str(kind), status, body, mapping)
        self._made += 1
        pin = Pin(self._made, line, str(kind), reply, status, body, times)
        self._pins.append(pin)
        return pin

    def remove(self, number: int) -> bool:
        """Remove a pin; False if there is none with this id."""
        before = len(self._pins)
        self._pins = [pin for pin in self._pins if pin.id != number]
        return len(self._pins) < before

    def take(self, line: int) -> Pin | None:
        """The pin for an attempt of a call in this line of the file; it is used up once more."""
        for at in range(len(self._pins) - 1, -1, -1):
            pin = self._pins[at]
            if pin.line in (None, line):
                self._use(at, pin)
                return pin
        return None

    def _use(self, at: int, pin: Pin) -> None:
        if pin.times is None:
            return
        if pin.times == 1:
            del self._pins[at]
        else:
            self._pins[at] = replace(pin, times=pin.times - 1)


def reply_of(kind: str, status: object, body: str, mapping: MappingFile) -> Entry:
    """The reply that a pin stands for, as an entry of `tests.replies` of the file's protocol.

    Raises:
        CannotPin: the protocol has no such reply, or the file does not show one.
    """
    if kind == "fault":
        return _shown(mapping, "fault", body) or _or_text(mapping, body)
    if kind == "exists":
        return _shown(mapping, "exists", body) or _exists(mapping, body)
    if kind == "reply":
        return _made(mapping, _object(body))
    if kind in _ENDS:
        return _made(mapping, {"fault": _ENDS[kind]})
    if kind == "status":
        return _with_status(mapping, status, body)
    return _made(mapping, _bodied(mapping, body))


def offers(mapping: MappingFile) -> list[dict[str, Any]]:
    """Each kind of pin, whether it can be used without a body, and if not, why."""
    found = []
    for kind in KINDS:
        try:
            reply = reply_of(kind, 500, "", mapping) if kind != "reply" else None
            given = reply and reply.model_dump(mode="json", by_alias=True, exclude_unset=True)
            found.append({"kind": kind, "enabled": True, "why": "", "reply": given})
        except CannotPin as error:
            found.append({"kind": kind, "enabled": False, "why": str(error), "reply": None})
    return found


def _with_status(mapping: MappingFile, status: object, body: str) -> Entry:
    """A reply with a status of HTTP, or with the number that the protocol has in its place."""
    fields = mapping.protocol.scripted_reply.model_fields
    name = next((name for name in ("status", "code") if name in fields), None)
    if name is None:
        raise CannotPin(f"`{mapping.protocol.name}` has no status: use the kind `text` or `reply`")
    if type(status) is not int:
        raise CannotPin("`status` must be a number")
    given = _bodied(mapping, body) if body and name == "status" else {}
    if body and name == "code":
        given = {"message" if "message" in fields else "text": body}
    return _made(mapping, {name: status, **given})


def _bodied(mapping: MappingFile, body: str) -> dict[str, Any]:
    """The keys of a reply with this body: JSON if it is JSON and the protocol has it."""
    fields = mapping.protocol.scripted_reply.model_fields
    if "json_" in fields:
        try:
            return {"json": json.loads(body)}
        except ValueError:
            return {"text": body}
    for name in ("text", "value", "message"):
        if name in fields:
            return {name: body}
    raise CannotPin(f"`{mapping.protocol.name}` has no text of a reply: use the kind `reply`")


def _object(body: str) -> dict[str, Any]:
    try:
        given = yaml.safe_load(body or "{}")
    except yaml.YAMLError:
        raise CannotPin("`body` must be an entry of `tests.replies`, as JSON or YAML") from None
    if not isinstance(given, dict):
        raise CannotPin("`body` must be an entry of `tests.replies`, with keys and values")
    return given


def _made(mapping: MappingFile, given: dict[str, Any]) -> Entry:
    room = mapping.protocol
    try:
        return room.scripted_reply.model_validate(given, context=room)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the reply"
        raise CannotPin(f"`{where}`: {first['msg'].removeprefix('Value error, ')}") from None


def _or_text(mapping: MappingFile, body: str) -> Entry:
    if not body:
        raise CannotPin("no test of this file shows a fault in a 200: give the text as `body`")
    return _made(mapping, _bodied(mapping, body))


def _exists(mapping: MappingFile, body: str) -> Entry:
    """The usual reply of the protocol that there is such a record already."""
    fields = mapping.protocol.scripted_reply.model_fields
    if body:
        return _made(mapping, _bodied(mapping, body))
    if "error" in fields and "constraint" in fields:
        return _made(mapping, {"error": "unique"})
    for name, value in _CODES.items():
        if name in fields and mapping.protocol.name in ("http", "ldap"):
            return _made(mapping, {name: value})
    raise CannotPin("no test of this file shows how the system says it: give the text as `body`")


def _shown(mapping: MappingFile, kind: str, body: str) -> Entry | None:
    """The first reply of the file's tests that is of this kind; None if there is none."""
    if body:
        return None
    wanted = _is_fault if kind == "fault" else _is_conflict
    return next((reply for case, reply in _replies(mapping) if wanted(case, reply)), None)


def _replies(mapping: MappingFile) -> Iterator[tuple[Case, Entry]]:
    """Yield the replies of the file's tests, each with its test."""
    for case in mapping.tests:
        for reply in case.replies:
            yield case, reply
        for given in case.system.values():
            for reply in given if isinstance(given, tuple) else (given,):
                yield case, reply


def _is_fault(case: Case, reply: Entry) -> bool:
    """Whether a reply looks like a success to the protocol, and ends the event as a failure."""
    given = reply.model_dump(by_alias=True)
    failed = case.outcome in (Outcome.FAILED, Outcome.REJECTED)
    last = case.replies[-1:] == (reply,) or len(list(_of(case))) == 1
    odd = given.get("status", 200) != 200 or given.get("code", 0) not in (0, 250)
    return failed and last and not given.get("fault") and not odd


def _of(case: Case) -> Iterator[Entry]:
    for given in case.system.values():
        yield from given if isinstance(given, tuple) else (given,)


def _is_conflict(_: Case, reply: Entry) -> bool:
    given = reply.model_dump(mode="json", by_alias=True)
    if any(given.get(name) == value for name, value in _CODES.items()):
        return True
    text = json.dumps(given).lower()
    return any(word in text for word in _EXISTS)
