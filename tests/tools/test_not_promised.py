"""Rings of exchanged numbers are recognised, and nothing else hides behind them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import HeldEvent
from connector_tools.simulation.not_promised import Rings, rings
from connector_tools.simulation.subscribers import EspfEvent
from connector_tools.simulation.virtual_time import HSS, WTL, SimulatedSystem, VirtualTimeSimulation
from tests.tools.test_simulation import Careless, report_text, scenario

pytestmark = pytest.mark.deployment

TAKEN = "API Core HTTP error: another SIM has the number"
OTHER = "API Core HTTP error: Internal server error"
APPLIED = "Event accepted for processing"


def held(name: str, message: str, *, enriched: float = 2, failed: bool = True) -> HeldEvent:
    event = HeldEvent(name, EspfEvent("SIM/Updated", {}), 0, b"", enriched)
    event.accepted = message == APPLIED
    event.failed = failed and not event.accepted
    event.history.append((0, 202 if event.accepted else 500, message))
    return event


class World(NamedTuple):
    """Who wants and has which number, and the events about each."""

    numbers: Mapping[str, tuple[str | None, str | None]]
    events: Mapping[str, list[HeldEvent]]

    def rings(self) -> Rings:
        different = [
            Difference(key, "", "", wants=wants, has=has)
            for key, (wants, has) in self.numbers.items()
        ]
        reported = [event for events in self.events.values() for event in events if event.failed]
        return rings(different, reported, lambda one: self.events[one.key])


def exchanged(*, last: list[HeldEvent] | None = None) -> World:
    """A ring of three; the events of its last member can be others."""
    numbers = {"a": ("2", "1"), "b": ("3", "2"), "c": ("1", "3")}
    events = {key: [held(key, TAKEN)] for key in numbers}
    return World(numbers, events if last is None else events | {"c": last})


def members(found: Rings) -> set[str]:
    return {one.key for one, _ in found.members}


def test_a_closed_ring_is_recognised_with_its_events() -> None:
    found = exchanged().rings()
    assert members(found) == {"a", "b", "c"}
    assert [event.event_id for _, events in found.members for event in events] == ["a", "b", "c"]
    assert found.different == []
    assert found.reported == []


def test_an_older_event_that_was_applied_does_not_matter() -> None:
    world = exchanged(last=[held("before", APPLIED, enriched=1), held("c", TAKEN)])
    assert members(world.rings()) == {"a", "b", "c"}


def test_who_waits_for_a_member_of_a_ring_waits_too() -> None:
    world = exchanged()
    numbers = {**world.numbers, "d": ("1", None)}
    found = World(numbers, {**world.events, "d": [held("d", TAKEN)]}).rings()
    assert members(found) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    "last",
    [
        [],
        [held("c", OTHER)],
        [held("c", TAKEN), held("another", OTHER)],
        [held("c", TAKEN, failed=False)],
        [held("c", APPLIED)],
        [held("c", TAKEN), held("after", APPLIED, enriched=3)],
    ],
    ids=["no-event", "other-cause", "one-of-two", "still-waiting", "applied", "applied-later"],
)
def test_one_member_that_is_wrong_for_another_reason_makes_all_of_them_failures(
    last: list[HeldEvent],
) -> None:
    found = exchanged(last=last).rings()
    assert found.members == []
    assert len(found.different) == 3
    assert {"a", "b"} <= {event.event_id for event in found.reported}


@pytest.mark.parametrize("has", ["4", None, "2"], ids=["another", "none", "a-second-one"])
def test_a_chain_that_is_not_closed_is_a_failure(has: str | None) -> None:
    world = exchanged()
    found = World({**world.numbers, "c": ("1", has)}, world.events).rings()
    assert found.members == []
    assert len(found.different) == len(found.reported) == 3


NUMBERS = st.sampled_from(["1", "2", "3", "4", "5", None])


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.booleans()), max_size=7))
def test_each_member_waits_for_another_member_for_ever(
    drawn: list[tuple[str | None, str | None, bool]],
) -> None:
    """Compared with a slow walk: after as many steps as there are subscribers it must still go."""
    numbers = {str(at): (wants, has) for at, (wants, has, _) in enumerate(drawn)}
    refused = {str(at): taken for at, (_, _, taken) in enumerate(drawn)}
    events = {key: [held(key, TAKEN if refused[key] else OTHER)] for key in numbers}
    held_by: list[str | None] = [has for key, (_, has) in numbers.items() if refused[key] and has]
    holders = {
        has: key for key, (_, has) in numbers.items() if refused[key] and held_by.count(has) == 1
    }

    def goes_on(key: str, steps: int) -> bool:
        wants, has = numbers[key]
        after = holders.get(wants)
        if not refused[key] or held_by.count(has) > 1 or not wants or after in (None, key):
            return False
        return steps == 0 or goes_on(after, steps - 1)

    found = World(numbers, events).rings()
    assert members(found) == {key for key in numbers if goes_on(key, len(numbers))}
    assert len(found.members) + len(found.different) == len(numbers)


# In a world


EXCHANGE = Faults({"exchange": 0.15})


@pytest.mark.parametrize("system", [WTL, HSS], ids=["wtl", "hss"])
def test_an_exchange_that_is_switched_on_is_told_and_is_no_failure(
    system: SimulatedSystem,
) -> None:
    world = replace(scenario(150, seed=3, found=EXCHANGE), replays=1)
    ended = VirtualTimeSimulation("sqlite", system=system).run(world)
    text = report_text(ended)
    assert ended.converged, text
    assert ended.faults["exchange"] > 0
    assert len(ended.rings) >= 2
    assert f"not promised, expected: {len(ended.rings)} subscribers who wait" in text
    for one, events in ended.rings:
        assert f"  subscriber ...{one.key[-4:]}" in text
        assert events
        assert all(event.event_id in text for event in events)
    assert "00101" not in text
    assert "9990" not in text


def test_a_fault_of_the_connector_does_not_hide_behind_exchanges() -> None:
    world = replace(scenario(150, seed=3, found=EXCHANGE), replays=1)
    ended = VirtualTimeSimulation("sqlite", spoil_system=Careless).run(world)
    assert ended.different
    assert not ended.converged
    assert not ended.rings
