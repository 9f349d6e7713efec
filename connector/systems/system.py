"""The external system as the pipeline sees it, whatever protocol it speaks.

A protocol is a module with a class that has the methods of `System`, an entry for its calls in
the mapping file (see `connector.mapping.entry.CallEntry`) that renders to its kind of `Call`, and
a line in `connector.systems.registry`. What every protocol needs around a request, limits, breaker
and retries, is `connector.systems.guard`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from connector.call import Call
from connector.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a call.

    `outcome` is applied if the system confirmed; `reason` is for people, `cause` for the log.
    `seen` is what later calls read under the call's id. `retry_after` and `took` are in seconds.
    If it is not applied, `unknown` says that it may have been carried out nevertheless, and
    `unanswered` that the system may still be at it.
    """

    outcome: Outcome
    reason: str | None = None
    cause: str | None = None
    retry_after: float | None = None
    status: int | None = None
    attempts: int = 0
    took: float = 0.0
    unknown: bool = False
    unanswered: bool = False
    seen: Mapping[str, Any] = field(default_factory=dict, repr=False)


class System(Protocol):
    """A client for the external system, used as an async context manager while it serves."""

    async def __aenter__(self) -> Self:
        """Open connections; what needs a running event loop happens here, not before."""

    async def __aexit__(self, *exc: object) -> None:
        """Close them."""

    async def send(self, call: Call, deadline: float) -> Reply:
        """Carry out a call, retries included, before `deadline` (event loop time); never raises."""
