"""What was observed of an event: its calls, their attempts, the replies, and the answer.

The desk makes one `Observed` for each event; the system that it wraps adds the calls. Nothing here
is masked: `documents` does that for the page.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from connector.call import Call
from connector.ledger.records import SubjectView
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.outcome import Answer, Result
from connector.pipeline import Record
from connector.system import Reply


@dataclass(slots=True)
class Attempt:
    """One request of a call. Times are in seconds; `began` is counted from the event's beginning.

    `reply` is None if the guard ended the attempt before there was one. `pinned` is true if the
    page gave the reply in place of the system. `line` is that of the entry that judged it.
    """

    began: float
    took: float = 0.0
    reply: Reply | None = None
    pinned: bool = False
    line: int | None = None


@dataclass(slots=True)
class ObservedCall:
    """A call, as it was sent; `line` is that of the mapping file, 0 if it is not known.

    `request` has `***` in place of each secret. `reply` is the one that the pipeline got in the
    end. The call was still under way if it is None.
    """

    call: Call
    line: int
    request: Preview
    began: float
    took: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    reply: Reply | None = None


class SubjectThen(NamedTuple):
    """What the ledger knew of a subject after the event."""

    subject: str
    view: SubjectView
    dropped: bool


@dataclass(slots=True)
class Observed:
    """An event, or a request that was refused before it was read as one.

    `n` counts from 1 since the start. `began` is a time of the event loop's clock. `line` is the
    log record of the outcome. `secrets` are texts that nothing may show. `life` is the button that
    made the event, or empty. `mapping` is the file that it was handled with, `values` are its
    settings by name, and `shown` the same with `***` in place of each secret.
    """

    n: int
    body: bytes = field(repr=False)
    began: float
    kind: Literal["event", "refused"] = "event"
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    took: float = 0.0
    record: Record = field(default_factory=Record, repr=False)
    result: Result | None = None
    answer: Answer | None = None
    calls: list[ObservedCall] = field(default_factory=list)
    line: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ledger: list[SubjectThen] = field(default_factory=list)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    life: str = ""
    mapping: MappingFile | None = field(default=None, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)


current: ContextVar[Observed | None] = ContextVar("current", default=None)
"""The event that the present task handles."""
