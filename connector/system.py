"""The external system as the pipeline sees it, whatever protocol it speaks.

`connector.mapping.protocol` finds the room of a protocol, which makes a client with the interface
`System`. Limits, circuit breaker and retries are the same for all: `connector.systems.guard`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, Self

from connector.call import Call
from connector.outcome import Outcome


class End(Enum):
    """What is known of a call's request when the call is over."""

    ANSWERED = "the system answered, and its reply says what it did"
    NOT_SENT = "the request never reached the system"
    UNKNOWN = "the system may have carried it out"
    PENDING = "no reply in time: the system may still be carrying it out"


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a call.

    `outcome` is `applied` if the system confirmed the call; `reason` is for people, `cause` for
    the log. `seen` holds the fields that later calls read under the call's id. `retry_after` and
    `took` are in seconds.
    """

    outcome: Outcome
    reason: str | None = None
    cause: str | None = None
    retry_after: float | None = None
    status: int | None = None
    attempts: int = 0
    took: float = 0.0
    end: End = End.ANSWERED
    seen: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def unknown(self) -> bool:
        """Whether the system may have carried the call out although it did not confirm it."""
        return self.end in (End.UNKNOWN, End.PENDING)


class System(Protocol):
    """A client for the external system, used as an async context manager while it serves."""

    async def __aenter__(self) -> Self:
        """Open connections. Runs on the event loop, unlike `__init__`."""

    async def __aexit__(self, *exc: object) -> None:
        """Close them."""

    async def send(self, call: Call, deadline: float) -> Reply:
        """Carry out a call, retries included, before `deadline` (event loop time); never raises."""


class Renewal(Protocol):
    """Tells a client whether newer secrets were read; `connector.secrets.Secrets` is one."""

    generation: int

    async def renewed(self, since: int) -> bool:
        """Whether there is something newer than generation `since`."""
