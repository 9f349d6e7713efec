"""The events since the start, and everybody who wants to hear of the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from connector import log
from connector.outcome import Answer
from connector_tools.inspector.observed import Observed, current

MOST = 1000  # events that are kept
SETTLED, REFUSED = "event settled", "request refused"
Line = Mapping[str, Any]

_refused: ContextVar[list[Line] | None] = ContextVar("refused", default=None)


class Journal:
    """Keeps the last `most` events. `told` is called with each event that has ended."""

    def __init__(self, told: Callable[[Observed], None], most: int = MOST) -> None:
        self._events: deque[Observed] = deque(maxlen=most)
        self._count = 0
        self._told = told

    def __iter__(self) -> Iterator[Observed]:
        """The events that have ended, the oldest first."""
        return iter(tuple(self._events))

    @property
    def last(self) -> int:
        """The number of the last event that began; 0 if there was none."""
        return self._count

    def get(self, number: int) -> Observed | None:
        """The event with this number; None if there is none, or it was dropped."""
        return next((one for one in self._events if one.n == number), None)

    def begin(self, body: bytes) -> Observed:
        """Begin an event. Its number is the next one."""
        self._count += 1
        return Observed(self._count, body, asyncio.get_running_loop().time())

    def end(self, event: Observed) -> None:
        """Keep an event that has ended, and tell of it."""
        event.took = asyncio.get_running_loop().time() - event.began
        self._events.append(event)
        self._told(event)

    def refuse(self, line: Line, status: int, body: dict[str, Any]) -> None:
        """Keep a request that the door refused: `line` is its log record."""
        event = self.begin(b"")
        event.kind, event.line, event.answer = "refused", line, Answer(status, body, {})
        self.end(event)


@contextmanager
def refusals() -> Iterator[list[Line]]:
    """Gather the log records of requests that the door refuses meanwhile, in this task."""
    lines: list[Line] = []
    token = _refused.set(lines)
    try:
        yield lines
    finally:
        _refused.reset(token)


class _Tap(logging.Handler):
    """Gives each log record with an outcome to the event or the request of the present task."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        message, fields = record.getMessage(), vars(record).get("fields", {})
        time = datetime.fromtimestamp(record.created, UTC).isoformat()
        line = {"time": time, **log.bound(), "message": message, **fields}
        event, refused = current.get(), _refused.get()
        if message == SETTLED and event is not None:
            event.line = line
        elif message == REFUSED and refused is not None:
            refused.append(line)


@contextmanager
def tapped() -> Iterator[None]:
    """Read the connector's log records meanwhile, in place of printing them."""
    tap, before = _Tap(), (log.OURS.level, log.OURS.propagate)
    log.OURS.addHandler(tap)
    log.OURS.setLevel(logging.INFO)
    log.OURS.propagate = False
    try:
        yield
    finally:
        log.OURS.removeHandler(tap)
        log.OURS.level, log.OURS.propagate = before
        log.OURS.setLevel(before[0])
