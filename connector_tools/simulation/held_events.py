"""The events that NSPS has, and their deliveries to the connector."""

import re
from dataclasses import dataclass, field

from connector_tools.simulation.subscribers import EspfEvent

_SECONDS = re.compile(r"[0-9.]+ s\b")


@dataclass(slots=True)
class HeldEvent:
    """An event that NSPS has, with its deliveries so far.

    Times are in seconds since 1970, simulated except for `created`, which is as the event tells it.
    `enriched` is when `body` was made, `begun` when the first
    delivery began, `copies` how many deliveries are still to come. `history` has the time, status
    and message of each answer.
    """

    event_id: str
    espf: EspfEvent
    created: float
    body: bytes | None = field(default=None, repr=False)
    enriched: float = 0.0
    begun: float | None = None
    attempts: int = 0
    accepted: bool = False
    failed: bool = False
    copies: int = 0
    history: list[tuple[float, int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of an event to the connector.

    `enriched` is the time of its snapshot; `first` is False if the event was answered 2xx with this
    snapshot before.
    """

    held: HeldEvent
    body: bytes = field(repr=False)
    enriched: float
    first: bool


def without_seconds(text: str) -> str:
    """An answer's text without its number of seconds, to compare it with others."""
    return _SECONDS.sub("... s", text)
