"""One record of a connector's log, and which records a command wants.

A record comes in two forms: as the function writes it (one JSON object), or as Cloud Logging keeps
it (a `LogEntry` whose `jsonPayload` has the fields).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SETTLED = "event settled"
QUEUED = "event queued"
DEAD_LETTERED = "event dead-lettered"
UNREADABLE = "message unreadable"
REFUSED = "request refused"
CIRCUIT = ("circuit open", "circuit closed")
FAILING = ("external system fails every call", "external system answers again")
ABOUT_EVENTS = (SETTLED, QUEUED, DEAD_LETTERED, UNREADABLE, REFUSED)
"""The messages of the records that say what became of an event or a request."""


class CannotRead(Exception):  # noqa: N818 - it names what happened
    """Records, or the key of their hashes, cannot be read; the message is a line for a person."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record: when it was written, by which service (empty if unknown), and its fields."""

    time: datetime
    service: str
    fields: Mapping[str, Any]

    @property
    def message(self) -> str:
        """What the record is about, such as `event settled`."""
        return str(self.fields["message"])

    def text(self, name: str) -> str:
        """A field as text; empty if the record has none."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """A field that is a list of texts; empty if it is not one."""
        value = self.fields.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Wanted:
    """The records that a command wants; None and empty sets select any.

    `until` is exclusive. `hashes` and `event_id` select the records that have one of these hashes
    of subjects or accounts, or this event.
    """

    since: datetime | None = None
    until: datetime | None = None
    connector: str | None = None
    messages: tuple[str, ...] = ()
    hashes: frozenset[str] = frozenset()
    event_id: str | None = None

    def fits(self, record: LogRecord) -> bool:
        """Whether the command wants this record."""
        if (self.since and record.time < self.since) or (self.until and record.time >= self.until):
            return False
        if self.connector and record.fields.get("connector", self.connector) != self.connector:
            return False
        if self.messages and record.fields["message"] not in self.messages:
            return False
        if not self.hashes and self.event_id is None:
            return True
        if self.event_id is not None and record.fields.get("event_id") == self.event_id:
            return True
        named = {*record.texts("subject_hash"), *record.texts("account_hash")}
        return not self.hashes.isdisjoint(named)


def record_of(document: object) -> LogRecord | None:
    """Make a record of a JSON value; None if it is not a record of a connector."""
    if not isinstance(document, dict):
        return None
    payload = document.get("jsonPayload")
    if isinstance(payload, dict):
        return _record(payload, document.get("timestamp") or payload.get("time"), document)
    return _record(document, document.get("time"), {})


def _record(fields: dict[str, Any], time: object, entry: dict[str, Any]) -> LogRecord | None:
    if not isinstance(fields.get("message"), str) or not isinstance(time, str):
        return None
    try:
        when = utc(time)
    except ValueError:
        return None
    return LogRecord(when, _service(entry), fields)


def utc(text: str) -> datetime:
    """A date-time in UTC; one without a zone is in UTC already.

    Raises:
        ValueError: it is not a date-time, or its year is not one in UTC.
    """
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(text) from None


def _service(entry: dict[str, Any]) -> str:
    resource = entry.get("resource")
    labels = resource.get("labels") if isinstance(resource, dict) else None
    return str(labels.get("service_name") or "") if isinstance(labels, dict) else ""
