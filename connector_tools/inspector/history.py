"""An exported log of a connector, opened read-only: the page's view of what happened elsewhere.

A log has no events and no personal data, only masked subjects and their hashes. So nothing can be
unmasked from it. A person who types a subscriber's number and has the key of the hashes finds the
events of this subscriber, and sees the number where the log has its hash.
"""

import os
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from connector.mapping.schema import MappingFile
from connector.outcome import Outcome
from connector_tools.inspector.documents import groups, reason
from connector_tools.inspector.mapping_document import checked, mapping_document
from connector_tools.records.keys import HashKeys, find_keys
from connector_tools.records.record import ABOUT_EVENTS, REFUSED, CannotRead, LogRecord, Wanted
from connector_tools.records.stream import RecordStream
from connector_tools.records.subject import hashes

Document = dict[str, Any]
MOST = 1000  # records that are kept, the newest
_NO_KEY = (
    "The log has only masked numbers. To find a subscriber by number, set HASH_KEY of the function "
    "and open the history again."
)
_WITH_KEY = (
    "The log has only masked numbers. Type a number to find its events: they are found by its hash "
    "({})."
)


class NoHistory(Exception):  # noqa: N818 - says what happened
    """The input has no record of a connector; the text says what to give."""


class History:
    """The newest records of a log about events, as `connector history` reads them.

    Raises:
        NoHistory: there is none.
    """

    def __init__(self, file: Path, stream: BinaryIO, keys: HashKeys | None) -> None:
        self._file = file
        self._keys = keys
        records = RecordStream(stream)
        kept: deque[LogRecord] = deque(maxlen=MOST)
        self.total = 0
        for record in records.records(Wanted(messages=ABOUT_EVENTS)):
            kept.append(record)
            self.total += 1
        if not kept:
            raise NoHistory(
                "no record of a connector is in it: export the log as docs/operate.md says"
            )
        self.damaged = records.damaged
        self._records = dict(enumerate(sorted(kept, key=lambda one: one.time), 1))

    def state(self) -> Document:
        """The document `/api/state` of a session that changes nothing."""
        text = self._file.read_text(encoding="utf-8")
        mapping = self._mapping(text)
        name = mapping.name if mapping else next(iter(self._records.values())).text("connector")
        return {
            "name": name,
            "file": str(self._file),
            "readonly": True,
            "source": "history",
            "system": "an exported log",
            "counterpart": None,
            "life": [],
            "mapping": {**mapping_document(text, self._file), "trouble": ""},
            "pins": [],
            "pin_kinds": [],
            "example": "",
            "left_out": self.total - len(self._records),
            "damaged": self.damaged,
            "unmasking": _WITH_KEY.format(self._keys.origin) if self._keys else _NO_KEY,
        }

    def events(self, text: str = "") -> Document:
        """The events; with a text those that hold it, or are about the subscriber that it names."""
        text = text.strip()
        wanted = hashes(text, self._keys.keys) if text and self._keys else frozenset()
        found = []
        for number, record in self._records.items():
            named = not wanted.isdisjoint(_hashes(record))
            if not text or named or text in str(record.fields):
                found.append(_summary(number, record, text if named else ""))
        return {"events": found, "groups": groups(found)}

    def detail(self, number: int) -> Document | None:
        """What the log says of an event; None if there is no such number."""
        record = self._records.get(number)
        if record is None:
            return None
        return {
            **_summary(number, record, ""),
            "event": None,
            "revealed": False,
            "explained": self._explained(record),
            "calls": [_call(index, one) for index, one in enumerate(_calls(record))],
            "calls_count": len(_calls(record)),
            "answer": {"status": record.fields.get("status"), "headers": {}, "body": None},
            "ledger": {"subjects": []},
            "result": dict(record.fields),
            "replays": self._replays(number, record),
        }

    def _replays(self, number: int, record: LogRecord) -> list[int]:
        name = record.text("event_id")
        return [
            other
            for other, one in self._records.items()
            if name and other != number and one.text("event_id") == name
        ]

    def _mapping(self, text: str) -> MappingFile | None:
        return checked(text, self._file)[0]

    def _explained(self, record: LogRecord) -> Document | None:
        """The rule that the log names, with its line in the file as it is now."""
        mapping = self._mapping(self._file.read_text(encoding="utf-8"))
        name = record.text("rule")
        if mapping is None or not name:
            return None
        rules = [
            {
                "name": rule.name,
                "line": mapping.document.place(("rules", index)).line,
                "chosen": rule.name == name,
                "why": "the log names it" if rule.name == name else "",
                "condition": None,
            }
            for index, rule in enumerate(mapping.rules)
        ]
        empty: Document = {"conditions": [], "values": [], "calls": [], "resources": []}
        return {
            "summary": f"rule `{name}`, as the log says; the log does not hold the event",
            "rules": rules,
            **empty,
            "result": None,
            "problems": [],
        }


async def hash_keys() -> HashKeys | None:
    """The keys of the hashes, found as the function finds them; None if there is none here."""
    with suppress(CannotRead):
        return await find_keys(os.environ)
    return None


def _hashes(record: LogRecord) -> Iterable[str]:
    return (*record.texts("subject_hash"), *record.texts("account_hash"))


def _summary(number: int, record: LogRecord, revealed: str) -> Document:
    status = record.fields.get("status")
    took = record.fields.get("milliseconds")
    return {
        "n": number,
        "time": record.time.isoformat(),
        "event_type": record.text("event_type") or record.text("method"),
        "outcome": record.text("outcome"),
        "status": status if isinstance(status, int) else 0,
        "masked": revealed or " ".join(record.texts("subject")),
        "latency_ms": took if isinstance(took, int | float) else None,
        "reason": reason(record.fields),
        "message": record.message,
        "event_id": record.text("event_id"),
        "calls": len(_calls(record)),
        "kind": "refused" if record.message == REFUSED else "event",
        "life": "",
    }


def _calls(record: LogRecord) -> list[Mapping[str, Any]]:
    calls = record.fields.get("calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _call(index: int, call: Mapping[str, Any]) -> Document:
    """A call as the log has it: without headers and bodies, and only its last attempt."""
    request = {"line": f"{call.get('method')} {call.get('target')}", "headers": {}, "body": ""}
    status = call.get("status")
    attempts = call.get("attempts") or 1
    took = call.get("milliseconds") or 0
    told = "" if attempts == 1 else f", after {attempts} attempts"
    outcome = call.get("outcome")
    replied = status is not None or outcome == Outcome.APPLIED.value  # few protocols have a status
    reply: Document | None = {"status": status, "headers": {}, "body": ""} if replied else None
    return {
        "index": index,
        "line": None,
        "name": request["line"],
        "started_ms": None,
        "took_ms": took,
        "sent_to": "",
        "request": request,
        "attempts": [
            {
                "request": request,
                "reply": reply,
                "started_ms": None,
                "took_ms": took,
                "end": ("replied" if reply else "no reply") + told,
                "judged": {"outcome": outcome, "because": "", "line": None},
                "pinned": False,
            }
        ],
        "outcome": outcome,
        "because": "",
        "pinned": False,
        "write": None,
    }
