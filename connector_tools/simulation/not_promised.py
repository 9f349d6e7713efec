"""What is not promised and happened all the same: it is told, and it is no failure.

A ring: each of its subscribers wants the number that the next one still holds at the system, which
refuses a number that another one has. No order of events ends it (docs/reliability.md). Whoever
waits for a member of a ring waits, too.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import HeldEvent

TAKEN = re.compile(r"\b(?:has|holds) the number\b|\b(?:msisdn|number) in use\b", re.IGNORECASE)
"""The reason of an answer if another SIM has the number (docs/counterparts.md)."""
_APPLIED = "Event accepted for processing"  # ANSWERS[Outcome.APPLIED] of connector/outcome.py

About = Callable[[Difference], list[HeldEvent]]
"""All events that are about a subscriber."""


@dataclass(frozen=True, slots=True)
class Rings:
    """The subscribers of all rings with the events that were refused, and all that is left.

    `different` and `reported` are as in `world.SimulationResult`, without what belongs to a ring.
    """

    members: list[tuple[Difference, list[HeldEvent]]] = field(default_factory=list)
    different: list[Difference] = field(default_factory=list)
    reported: list[HeldEvent] = field(default_factory=list)


def rings(different: list[Difference], reported: list[HeldEvent], about: About) -> Rings:
    """Find the rings among the subscribers whose records differ."""
    refused = {one.key: _refused(about(one)) for one in different}
    waiting = _in_rings([one for one in different if refused[one.key]])
    keys = {one.key for one in waiting}
    events = {held.event_id for key in keys for held in refused[key]}
    return Rings(
        [(one, refused[one.key]) for one in waiting],
        [one for one in different if one.key not in keys],
        [held for held in reported if held.event_id not in events],
    )


def _in_rings(candidates: list[Difference]) -> list[Difference]:
    """Those whose wanted number is held by another of these, and so on for ever.

    A number that two of them hold is a fault of its own.
    """
    times = Counter(one.has for one in candidates if one.has)
    left = [one for one in candidates if not one.has or times[one.has] == 1]
    while True:
        holders = {one.has: one.key for one in left if one.has}
        stay = [one for one in left if one.wants and holders.get(one.wants, one.key) != one.key]
        if len(stay) == len(left):
            return stay
        left = stay


def _refused(events: Iterable[HeldEvent]) -> list[HeldEvent]:
    """The events of a subscriber that NSPS gave up, if a number that is taken was the only cause.

    Empty if one had another cause, or if an event with the same or newer data was applied.
    """
    events = list(events)
    open_ones = [held for held in events if not held.accepted]
    if not all(held.failed and TAKEN.search(held.history[-1][2]) for held in open_ones):
        return []
    newest = max((held.enriched for held in open_ones), default=0.0)
    applied = (held for held in events if held.accepted and held.history[-1][2] == _APPLIED)
    return [] if any(held.enriched >= newest for held in applied) else open_ones
