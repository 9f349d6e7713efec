"""Whether the circuit is open, from the log."""

from itertools import permutations

from connector_tools.records.outage import Outages
from connector_tools.records.record import LogRecord
from tests.tools.records.lines import record, settled

OPEN = record(10, "circuit open", circuit="open")
CLOSED = record(20, "circuit closed", circuit="closed")


def now(*records: LogRecord) -> list[str]:
    outages = Outages()
    for one in records:
        outages.add(one)
    return outages.now()


def test_a_circuit_is_open_until_it_closes() -> None:
    assert now() == []
    assert now(OPEN) == ["open since 2026-11-29 22:00:10Z"]
    for order in permutations([OPEN, CLOSED]):
        assert now(*order) == []
    assert len(now(CLOSED, record(30, "circuit open", circuit="open"))) == 1


def test_an_applied_event_shows_that_the_system_answers() -> None:
    """The instance whose circuit was open may have ended, and logs nothing more."""
    for order in permutations([OPEN, settled(11, "applied")]):
        assert now(*order) == []
    for order in permutations([OPEN, settled(9, "applied")]):
        assert len(now(*order)) == 1
    assert len(now(OPEN, settled(11, "failed"), settled(12, "duplicate"))) == 1


def test_a_system_that_fails_every_call_is_told() -> None:
    failing = record(10, "external system fails every call", failing="open")
    again = record(20, "external system answers again", failing="closed")
    assert now(failing) == ["external system fails every call since 2026-11-29 22:00:10Z"]
    assert now(failing, again) == []


def test_each_service_has_a_circuit_of_its_own() -> None:
    one, other = (
        LogRecord(OPEN.time, "one", OPEN.fields),
        LogRecord(CLOSED.time, "two", CLOSED.fields),
    )
    assert now(one, other) == ["open of one since 2026-11-29 22:00:10Z"]
