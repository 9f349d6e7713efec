"""Which events are wrong, whatever the order of the records."""

from itertools import permutations

import pytest

from connector_tools.records.events import Events, WrongEvent
from connector_tools.records.record import LogRecord, record_of
from tests.tools.records.lines import at, line, record, settled

QUEUED = {"outcome": "queued", "event_id": "e"}
DEAD = {"outcome": "invalid", "event_id": "e", "reason": "no SIM"}


def read(*records: LogRecord) -> Events:
    events = Events()
    for one in records:
        events.add(one)
    return events


def only(events: Events) -> WrongEvent:
    (found,) = events.wrong()
    return found


@pytest.mark.parametrize("outcome", ["applied", "duplicate", "ignored", "superseded"])
def test_an_accepted_event_is_not_wrong(outcome: str) -> None:
    for order in permutations([settled(1, "failed"), settled(2, outcome)]):
        events = read(*order)
        assert list(events.wrong()) == []
        assert events.seen == 1


@pytest.mark.parametrize(
    "outcome", ["failed", "unavailable", "invalid", "rejected", "unknown_resource", "throttled"]
)
def test_an_event_that_is_not_accepted_is_wrong_in_any_order(outcome: str) -> None:
    records = [
        settled(1, "failed", reason="first"),
        settled(2, "applied"),
        settled(3, "unavailable", reason="again"),
        settled(4, outcome, reason="last"),
    ]
    for order in permutations(records):
        found = only(read(*order))
        assert (found.reason, found.attempts, found.record.time) == ("last", 2, at(4))
        assert found.record.text("outcome") == outcome


def test_it_was_first_seen_when_nsps_got_it() -> None:
    told = settled(5, "failed", created_at=at(-7200).isoformat())
    assert only(read(settled(9, "failed"), told)).first_seen == at(-7200)
    assert only(read(settled(9, "failed"), settled(5, "failed"))).first_seen == at(5)


def test_one_event_of_two_connectors_is_two_events() -> None:
    other = record_of(line(3, outcome="applied", event_id="e") | {"connector": "other"})
    assert other
    events = read(settled(1, "failed"), other)
    assert only(events).record.text("connector") == "c"
    assert events.seen == 2


def test_a_dead_letter_is_wrong_until_it_is_applied() -> None:
    records = [settled(1, "invalid", reason="no SIM"), record(2, "event dead-lettered", **DEAD)]
    for order in permutations(records):
        found = only(read(*order))
        assert found.group == ("invalid", "no SIM", True)
        assert found.record.message == "event settled"
        assert found.attempts == 1
    for order in permutations([*records, settled(3, "applied")]):
        assert list(read(*order).wrong()) == []


def test_a_dead_letter_that_fails_again_after_its_replay_is_no_dead_letter() -> None:
    records = [
        settled(1, "invalid"),
        record(2, "event dead-lettered", **DEAD),
        settled(3, "failed", reason="other"),
    ]
    for order in permutations(records):
        assert only(read(*order)).group == ("failed", "other", False)


def test_a_dead_letter_whose_attempt_is_not_in_the_log_is_wrong() -> None:
    found = only(read(record(2, "event dead-lettered", **DEAD)))
    assert (found.group, found.attempts) == (("invalid", "no SIM", True), 1)


def test_a_message_that_cannot_be_read_is_known_by_its_request() -> None:
    ids = {"unique_id": "m1", "connector": "c"}
    told = {"outcome": "invalid", "details": ["body: must be JSON"]}
    unreadable = record(1, "message unreadable", **ids, **told)
    dead = record(2, "event dead-lettered", **ids, event_id="", outcome="invalid", reason="x")
    other = record(3, "message unreadable", **ids | {"unique_id": "m2"}, **told)
    found = sorted(read(unreadable, dead, other).wrong(), key=lambda one: one.record.time)
    assert [one.dead_lettered for one in found] == [True, False]
    assert found[0].reason == "body: must be JSON"


def test_refused_requests_are_counted_but_are_no_events() -> None:
    events = read(
        record(1, "request refused", outcome="unauthorized", status=401),
        record(2, "request refused", outcome="invalid", details=["a: 1"]),
        record(3, "request refused", outcome="invalid", details=["a: 2"]),
    )
    assert list(events.wrong()) == []
    assert events.seen == 0
    assert dict(events.refused) == {
        ("unauthorized", "no reason in the log"): 1,
        ("invalid", "a: <n>"): 2,
    }


def test_a_refused_request_that_names_its_event_is_an_attempt() -> None:
    refused = record(1, "request refused", outcome="unavailable", event_id="e", connector="c")
    assert only(read(refused)).record.text("outcome") == "unavailable"


def test_a_queued_event_waits_until_somebody_tries_it() -> None:
    queued = record(1, "event queued", **QUEUED)
    assert [one.text("event_id") for one in read(queued).waiting()] == ["e"]
    for tried in (settled(2, "applied"), settled(2, "failed")):
        for order in permutations([queued, tried]):
            assert list(read(*order).waiting()) == []


def test_an_event_that_is_applied_before_its_queued_line_does_not_wait() -> None:
    """Pub/Sub can push the event before the instance that published it has logged that."""
    for order in permutations([settled(1, "applied"), record(2, "event queued", **QUEUED)]):
        assert list(read(*order).waiting()) == []


def test_an_event_that_is_queued_again_later_waits_again() -> None:
    for order in permutations([settled(1, "applied"), record(100, "event queued", **QUEUED)]):
        assert len(list(read(*order).waiting())) == 1


def test_other_lines_change_nothing() -> None:
    assert read(record(1, "serving"), record(2, "circuit open", circuit="open")).records == 0


def test_the_newest_of_two_dead_letters_counts_in_any_order() -> None:
    first, last = (record(second, "event dead-lettered", **DEAD) for second in (2, 5))
    for order in permutations([first, settled(4, "failed"), last]):
        assert only(read(*order)).dead_lettered
