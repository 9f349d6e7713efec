"""Which events are not accepted at their last attempt, and which still wait on the topic.

Records may come in any order, and from several instances. Of an accepted event only its time is
kept, so a log of a million events takes some 150 MB; of one that is not accepted, its last record.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from connector.outcome import ANSWERS, Outcome
from connector_tools.records.grouping import shape
from connector_tools.records.record import (
    DEAD_LETTERED,
    QUEUED,
    REFUSED,
    SETTLED,
    UNREADABLE,
    LogRecord,
    utc,
)

_ATTEMPTS = (SETTLED, UNREADABLE, REFUSED)
_RACE = 60.0  # seconds: an event can be applied before "event queued" is logged
_ACCEPTED = frozenset(outcome.value for outcome, row in ANSWERS.items() if row.status < 300) - {
    Outcome.QUEUED.value
}

Key = tuple[str, str]
"""A connector and an event: one event of NSPS can go to several connectors."""


@dataclass(slots=True)
class WrongEvent:
    """An event that was not accepted at its last attempt.

    `record` is that of the last attempt. `first_seen` is when NSPS got the event, or when the log
    first names it. `attempts` are those after it was last accepted.
    """

    record: LogRecord
    first_seen: datetime
    times: list[float] = field(default_factory=list)
    dead_lettered: bool = False

    @property
    def attempts(self) -> int:
        """How often it was tried; 1 if the log only says that it became a dead letter."""
        return max(len(self.times), 1)

    @property
    def reason(self) -> str:
        """Why it was not accepted, for a person."""
        return reason_of(self.record)

    @property
    def group(self) -> tuple[str, str, bool]:
        """Its group: outcome, the shape of the reason, whether it is a dead letter."""
        return self.record.text("outcome"), shape(self.reason), self.dead_lettered


def reason_of(record: LogRecord) -> str:
    """The reason of a record; without one its details, or its cause."""
    details = "; ".join(record.texts("details"))
    return record.text("reason") or details or record.text("cause") or "no reason in the log"


def is_accepted(record: LogRecord) -> bool:
    """Whether the event of a record was accepted, so that it does not come again."""
    return record.text("outcome") in _ACCEPTED


@dataclass(slots=True)
class _Trouble:
    """What is known of an event that is not accepted as far as the log was read."""

    last: LogRecord
    times: list[float]
    first: datetime


class Events:
    """The events of a log, as far as it was read; `add` takes one record more."""

    def __init__(self) -> None:
        self.records = 0
        self.accepted_records = 0
        self.refused: Counter[tuple[str, str]] = Counter()
        self._accepted: dict[int, float] = {}
        self._troubles: dict[Key, _Trouble] = {}
        self._queued: dict[Key, LogRecord] = {}
        self._dead: dict[Key, float] = {}

    def add(self, record: LogRecord) -> None:
        """Take a record; one that is not about an event or a request changes nothing."""
        message = record.message
        if message == QUEUED:
            self._queue(_key(record), record)
        elif message == DEAD_LETTERED:
            self._dead_letter(_key(record), record)
        elif message == REFUSED and not record.text("event_id"):
            self.refused[record.text("outcome"), shape(reason_of(record))] += 1
        elif message in _ATTEMPTS:
            self._attempt(record)
        else:
            return
        self.records += 1

    @property
    def seen(self) -> int:
        """How many events the log names."""
        others = {
            key for key in (*self._troubles, *self._queued) if hash(key) not in self._accepted
        }
        return len(self._accepted) + len(others)

    def wrong(self) -> Iterator[WrongEvent]:
        """Yield the events that were not accepted at their last attempt, in no order."""
        for key, trouble in self._troubles.items():
            last = trouble.last.time.timestamp()
            dead = self._dead.get(key, -inf) >= last
            yield WrongEvent(trouble.last, trouble.first, sorted(trouble.times), dead)

    def waiting(self) -> Iterator[LogRecord]:
        """Yield the `event queued` of each event that nobody has tried yet."""
        yield from (record for key, record in self._queued.items() if key not in self._troubles)

    def _attempt(self, record: LogRecord) -> None:
        key, when = _key(record), record.time.timestamp()
        if not is_accepted(record):
            self._fail(key, when, record)
            return
        self.accepted_records += 1
        number = hash(key)
        if when <= self._accepted.get(number, -inf):
            return
        self._accepted[number] = when
        if trouble := self._troubles.get(key):
            trouble.times = [time for time in trouble.times if time > when]
            if trouble.last.time.timestamp() <= when:
                del self._troubles[key]
        if (queued := self._queued.get(key)) and queued.time.timestamp() <= when + _RACE:
            del self._queued[key]

    def _fail(self, key: Key, when: float, record: LogRecord) -> None:
        if when <= self._accepted.get(hash(key), -inf):
            return
        first = min(_created(record), record.time)
        trouble = self._troubles.setdefault(key, _Trouble(record, [], first))
        trouble.times.append(when)
        trouble.first = min(trouble.first, first)
        if record.time > trouble.last.time or trouble.last.message == DEAD_LETTERED:
            trouble.last = record

    def _dead_letter(self, key: Key, record: LogRecord) -> None:
        """Note a dead letter; the record of its last attempt says more, if the log has it."""
        when = record.time.timestamp()
        self._dead[key] = max(when, self._dead.get(key, -inf))
        if when > self._accepted.get(hash(key), -inf) and key not in self._troubles:
            self._troubles[key] = _Trouble(record, [], min(_created(record), record.time))

    def _queue(self, key: Key, record: LogRecord) -> None:
        if record.time.timestamp() <= self._accepted.get(hash(key), -inf) + _RACE:
            return
        before = self._queued.get(key)
        if before is None or record.time > before.time:
            self._queued[key] = record


def created(record: LogRecord) -> datetime | None:
    """When NSPS got the event of a record; None if the record does not say."""
    try:
        return utc(record.text("created_at"))
    except ValueError:
        return None


def _created(record: LogRecord) -> datetime:
    return created(record) or record.time


def _key(record: LogRecord) -> Key:
    """The event of a record; of one that could not be read, the request or message."""
    name = record.text("event_id")
    if not name:
        name = f"request {record.text('request_id') or record.text('unique_id')}"
    return record.text("connector"), name
