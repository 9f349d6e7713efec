"""The interface of the external system for the pipeline, the same for every protocol.

`connector.mapping.protocol` finds the room of a protocol; the room makes a client with the
interface `System`. `connector.systems.guard` has the limits, circuit breaker and retries of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, Self

from connector.call import Call
from connector.outcome import Outcome


class End(Enum):
    """Whether the system carried out the request of a call, as far as the client knows."""

    ANSWERED = "the system answered, and its reply says what it did"
    NOT_SENT = "the request never reached the system"
    UNKNOWN = "the system may have carried it out"
    PENDING = "no reply in time: the system may still be carrying it out"


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a call.

    `outcome` is `applied` if the system confirmed the call. `reason` is text for people, `cause`
    text for the log. `status` is the HTTP status, None in other protocols. `seen` has the fields
    that later calls read under the call's id. `retry_after` and `took` are in seconds. `broken` is
    true if a reply began and then broke off: such a system is not silent. `refused` is true if the
    system refused the connector's credentials.
    """

    outcome: Outcome
    reason: str | None = None
    cause: str | None = None
    retry_after: float | None = None
    status: int | None = None
    attempts: int = 0
    took: float = 0.0
    end: End = End.ANSWERED
    broken: bool = False
    refused: bool = False
    seen: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def unknown(self) -> bool:
        """True if the system may have carried out the call without confirming it."""
        return self.end in (End.UNKNOWN, End.PENDING)


class Transaction(Protocol):
    """What the calls of a turn change, at a system that keeps it only once all have succeeded.

    `lasting` is false as long as it is certain that nothing lasts: until the commit is sent, and
    after a commit that the system refused.
    """

    lasting: bool

    async def commit(self) -> Reply:
        """Make the changes last, before the turn's deadline. Never raises; call it at most once.

        The end of the reply is unknown if the changes may last.
        """


@dataclass(slots=True)
class Turn:
    """The turn of one event at a system: it makes its calls one after the other.

    `deadline` is when its calls must have ended, `patience` until when it may wait before the
    first; both are times of the event loop's clock. `begun` is true once the first was let in.
    `secrets` are texts that the system gave the connector, such as the token of a session; the
    client sets them, and no line and no answer may show them. `read_only` is true if no call of the
    turn may change anything. `transaction` is set by the client of a system with transactions: the
    pipeline commits it after the last call.
    """

    deadline: float
    patience: float
    begun: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    read_only: bool = False
    transaction: Transaction | None = None


class System(Protocol):
    """A client for the external system, used as an async context manager while it serves."""

    async def __aenter__(self) -> Self:
        """Open connections. Runs on the event loop, unlike `__init__`."""

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""

    async def send(self, call: Call, turn: Turn) -> Reply:
        """Carry out a call, with retries, before the turn's deadline. Never raises.

        The first call of a turn waits for a place; if it gets none, its reply is `throttled`.
        """

    def leave(self, turn: Turn) -> None:
        """End a turn: its place is free for another event. Call it once after the last call.

        A transaction that was not committed is undone.
        """


class Renewal(Protocol):
    """Where a client asks for newer secrets; `connector.secrets.Secrets` implements it."""

    generation: int
    """How many times the secrets have changed."""

    async def renewed(self, since: int) -> bool:
        """Read the secrets again if needed; True if they are newer than generation `since`."""
