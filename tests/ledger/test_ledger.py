"""The rules that every ledger must keep: in memory, in SQLite and in Firestore."""

import json
import re
from pathlib import Path

import pytest

from connector.event import Snapshot
from connector.ledger.firestore import EVENTS, KEPT, NOTES, SUBJECTS, FirestoreLedger
from connector.ledger.memory import MemoryLedger
from connector.ledger.records import (
    NOBODY,
    Busy,
    Claim,
    ClaimRequest,
    Duplicate,
    Known,
    Ledger,
    LostClaim,
    SubjectView,
    Superseded,
)
from connector_tools.program import ROOT
from tests.support.ledgers import LEASE, STORES, Clock, Store, at, claim_request


async def granted(ledger: Ledger, wanted: ClaimRequest) -> Claim:
    verdict = await ledger.claim(wanted)
    assert isinstance(verdict, Claim), verdict
    return verdict


async def applied(ledger: Ledger, wanted: ClaimRequest) -> Claim:
    claim = await granted(ledger, wanted)
    await ledger.settle(claim)
    return claim


async def test_an_event_is_claimed_once_and_is_a_duplicate_once_settled(ledger: Ledger) -> None:
    claim = await granted(ledger, claim_request())
    assert claim.request == claim_request()
    assert claim.dropped == frozenset()
    await ledger.settle(claim)
    assert await ledger.claim(claim_request()) == Duplicate()


async def test_a_released_event_leaves_no_record(ledger: Ledger) -> None:
    await ledger.release(await granted(ledger, claim_request(snapshot=at(99))))
    await applied(ledger, claim_request(snapshot=at(10)))


@pytest.mark.parametrize("again", [("event:a", "espf:9"), ("event:b", "espf:1"), ("espf:1",)])
async def test_an_event_is_known_by_each_of_its_names(
    ledger: Ledger, again: tuple[str, ...]
) -> None:
    await applied(ledger, claim_request("event:a", "espf:1"))
    assert await ledger.claim(claim_request(*again)) == Duplicate()


async def test_an_event_with_other_names_is_another_event(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", "espf:1"))
    await applied(ledger, claim_request("event:b", "espf:2"))


async def test_an_event_without_subjects_is_a_duplicate_once_settled(ledger: Ledger) -> None:
    nobody = claim_request(about=(), unbound=True)
    await applied(ledger, nobody)
    assert await ledger.claim(nobody) == Duplicate()


async def test_a_replay_with_a_newer_snapshot_is_applied_again(ledger: Ledger) -> None:
    await applied(ledger, claim_request(snapshot=at(10)))
    await applied(ledger, claim_request(snapshot=at(11)))
    assert await ledger.claim(claim_request(snapshot=at(11))) == Duplicate()


async def test_a_replay_of_an_event_that_must_happen_once_is_a_duplicate(ledger: Ledger) -> None:
    await applied(ledger, claim_request(snapshot=at(10), again=False))
    assert await ledger.claim(claim_request(snapshot=at(11), again=False)) == Duplicate()


async def test_a_replay_must_be_newer_than_the_record_of_each_of_its_names(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=(), snapshot=at(10)))
    await applied(ledger, claim_request("espf:1", about=(), snapshot=at(30)))
    both = claim_request("event:a", "espf:1", about=(), snapshot=at(20))
    assert await ledger.claim(both) == Duplicate()


@pytest.mark.parametrize(("first", "then"), [(None, at(10)), (at(10), None), (None, None)])
async def test_a_replay_without_comparable_snapshots_is_a_duplicate(
    ledger: Ledger, first: Snapshot | None, then: Snapshot | None
) -> None:
    await applied(ledger, claim_request(snapshot=first))
    assert await ledger.claim(claim_request(snapshot=then)) == Duplicate()


async def test_an_older_snapshot_of_a_subject_is_superseded(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(10)))
    assert await ledger.claim(claim_request("event:b", snapshot=at(9))) == Superseded()


async def test_an_equal_snapshot_is_not_superseded(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(10)))
    await applied(ledger, claim_request("event:b", snapshot=at(10)))


@pytest.mark.parametrize("created", [4, 6])
async def test_of_two_snapshots_taken_at_once_neither_is_newer(
    ledger: Ledger, created: int
) -> None:
    """Contract 6.9: NSPS caches what it reads, so both hold the same data."""
    await applied(ledger, claim_request("event:a", snapshot=at(10, created=5)))
    await applied(ledger, claim_request("event:b", snapshot=at(10, created=created)))


async def test_a_sim_stays_given_after_another_event_of_its_new_owner(ledger: Ledger) -> None:
    """An event of the new owner that NSPS got earlier must not make the old owner's look later."""
    given = claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10, created=9))
    await applied(ledger, given)
    earlier = claim_request("event:b", about=("imsi:old",), owner=2, snapshot=at(10, created=3))
    await applied(ledger, earlier)
    late = swap("event:c", "imsi:old", "imsi:new", 1, 30)
    claim = await granted(ledger, late._replace(snapshot=at(30, created=5)))
    assert claim.dropped == {"imsi:old"}


async def test_a_snapshot_from_the_future_is_a_duplicate_when_it_comes_again(
    ledger: Ledger,
) -> None:
    """Contract 6.3: each delivery counts as taken when it arrives, but it is one snapshot."""
    ahead = Snapshot(10, 10, 10, sent=9999)
    await applied(ledger, claim_request(snapshot=ahead))
    assert await ledger.claim(claim_request(snapshot=Snapshot(20, 20, 20, 9999))) == Duplicate()
    assert await ledger.claim(claim_request(snapshot=Snapshot(9999, 20, 20))) == Duplicate()
    await applied(ledger, claim_request("event:b", snapshot=at(11)))
    await applied(ledger, claim_request(snapshot=at(12)))
    assert await ledger.claim(claim_request("event:c", snapshot=at(11))) == Superseded()


@pytest.mark.parametrize(("first", "then"), [(None, at(10)), (at(10), None), (None, None)])
async def test_an_event_without_comparable_snapshots_is_applied(
    ledger: Ledger, first: Snapshot | None, then: Snapshot | None
) -> None:
    await applied(ledger, claim_request("event:a", snapshot=first))
    await applied(ledger, claim_request("event:b", snapshot=then))


async def test_an_event_without_a_snapshot_keeps_the_recorded_snapshot(
    ledger: Ledger,
) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(10)))
    await applied(ledger, claim_request("event:b", snapshot=None))
    assert await ledger.claim(claim_request("event:c", snapshot=at(9))) == Superseded()


async def test_only_the_superseded_one_of_two_subjects_is_dropped(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:1",), snapshot=at(20)))
    claim = await applied(
        ledger, claim_request("event:b", about=("imsi:1", "imsi:2"), snapshot=at(10))
    )
    assert claim.dropped == {"imsi:1"}
    assert (
        await ledger.claim(claim_request("event:c", about=("imsi:2",), snapshot=at(9)))
        == Superseded()
    )
    assert (
        await ledger.claim(claim_request("event:d", about=("imsi:1",), snapshot=at(19)))
        == Superseded()
    )


async def test_an_event_is_superseded_if_all_its_subjects_are_superseded(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:1", "imsi:2"), snapshot=at(20)))
    late = claim_request("event:b", about=("imsi:1", "imsi:2"), snapshot=at(10))
    assert await ledger.claim(late) == Superseded()


async def test_an_event_with_calls_without_a_subject_is_never_superseded(
    ledger: Ledger,
) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(20)))
    claim = await granted(ledger, claim_request("event:b", snapshot=at(10), unbound=True))
    assert claim.dropped == {"imsi:1"}


def swap(name: str, old: str, new: str, owner: int | None, second: float) -> ClaimRequest:
    """A SIM swap of an account: it releases the old SIM and applies the new one."""
    return claim_request(
        name, about=(new, old), released=frozenset({old}), owner=owner, snapshot=at(second)
    )


async def test_a_sim_that_another_account_got_later_is_not_released(ledger: Ledger) -> None:
    given = claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10, created=9))
    await applied(ledger, given)
    claim = await granted(ledger, swap("event:b", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_a_sim_that_another_account_had_earlier_is_released(ledger: Ledger) -> None:
    """The event that gave the SIM to this account may still be on its way."""
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10)))
    late = swap("event:b", "imsi:old", "imsi:new", 1, 30)
    claim = await granted(ledger, late._replace(snapshot=at(30, created=29)))
    assert claim.dropped == frozenset()


@pytest.mark.parametrize(("before", "now"), [(1, 1), (None, 1), (1, None), (None, None)])
async def test_a_sim_of_the_same_or_an_unknown_account_is_released(
    ledger: Ledger, before: int | None, now: int | None
) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=before))
    claim = await granted(ledger, swap("event:b", "imsi:old", "imsi:new", now, 30))
    assert claim.dropped == frozenset()


async def test_a_sim_without_a_record_is_released(ledger: Ledger) -> None:
    claim = await granted(ledger, swap("event:a", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == frozenset()


async def test_an_event_that_only_releases_another_account_s_sim_is_superseded(
    ledger: Ledger,
) -> None:
    given = claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10, created=9))
    await applied(ledger, given)
    late = claim_request(
        "event:b", about=("imsi:old",), released=frozenset({"imsi:old"}), snapshot=at(30)
    )
    assert await ledger.claim(late) == Superseded()


async def test_a_sim_that_was_given_to_another_account_has_a_new_owner(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=1, snapshot=at(10)))
    given = claim_request("event:b", about=("imsi:old",), owner=2, snapshot=at(20, created=19))
    claim = await applied(ledger, given)
    assert claim.dropped == frozenset()
    claim = await granted(ledger, swap("event:c", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_an_event_of_an_unknown_account_keeps_the_owner(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10)))
    unknown = claim_request("event:b", about=("imsi:old",), owner=None, snapshot=at(20, created=19))
    await applied(ledger, unknown)
    claim = await granted(ledger, swap("event:c", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_records_outlive_the_leases(store: Store) -> None:
    await applied(store.ledger, claim_request("event:a"))
    await store.pass_by(LEASE * 100)
    assert await store.ledger.claim(claim_request("event:a")) == Duplicate()
    assert await store.ledger.claim(claim_request("event:b", snapshot=at(9))) == Superseded()


@pytest.mark.parametrize(
    "other",
    [
        claim_request("event:b", about=("imsi:0", "imsi:1")),
        claim_request("event:a", about=("imsi:2",)),
    ],
    ids=["by a subject", "by a name"],
)
async def test_an_event_waits_for_another_with_a_common_name_or_subject(
    store: Store, other: ClaimRequest
) -> None:
    claim = await granted(store.ledger, claim_request("event:a", about=("imsi:1",)))
    await store.pass_by(LEASE / 4)
    busy = await store.ledger.claim(other)
    assert isinstance(busy, Busy)
    assert busy.wait == pytest.approx(LEASE * 3 / 4, abs=1)
    await store.ledger.release(claim)
    await granted(store.ledger, other)


async def test_a_busy_event_holds_no_lease(ledger: Ledger) -> None:
    await granted(ledger, claim_request("event:a", about=("imsi:1",)))
    assert isinstance(
        await ledger.claim(claim_request("event:b", about=("imsi:0", "imsi:1"))), Busy
    )
    await granted(ledger, claim_request("event:c", about=("imsi:0",)))


async def test_a_settled_event_frees_its_subjects(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a"))
    await granted(ledger, claim_request("event:b"))


async def test_a_crashed_event_frees_its_subjects_when_its_lease_expires(store: Store) -> None:
    await granted(store.ledger, claim_request())
    await store.pass_by(LEASE + 1)
    await applied(store.ledger, claim_request())


@pytest.mark.parametrize("back", [3600, 900])
async def test_a_clock_that_steps_back_locks_nobody_for_long(store: Store, back: int) -> None:
    """A lease that ends later than any lease can is over."""
    await store.pass_by(2 * back)
    crashed = await granted(store.ledger, claim_request(snapshot=at(20)))
    await store.pass_by(-back)
    old = claim_request("event:old", snapshot=at(10))
    assert await store.ledger.claim(old) == Superseded(), "the crashed event may have been applied"
    again = await granted(store.ledger, claim_request(snapshot=at(20)))
    with pytest.raises(LostClaim):
        await store.ledger.settle(crashed)
    await store.ledger.settle(again)


async def test_a_clock_that_steps_back_a_little_takes_no_lease_away(store: Store) -> None:
    await granted(store.ledger, claim_request())
    await store.pass_by(-LEASE / 2)
    assert isinstance(await store.ledger.claim(claim_request()), Busy)


async def test_an_event_is_busy_if_one_of_its_subjects_is(store: Store) -> None:
    await granted(store.ledger, claim_request("event:a", about=("imsi:1",)))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", about=("imsi:2",)))
    assert isinstance(
        await store.ledger.claim(claim_request("event:c", about=("imsi:1", "imsi:2"))), Busy
    )


async def test_a_claim_whose_lease_another_has_taken_cannot_be_settled(store: Store) -> None:
    slow = await granted(store.ledger, claim_request("event:a", about=("imsi:1", "imsi:2")))
    await store.pass_by(LEASE + 1)
    fast = await granted(store.ledger, claim_request("event:b", about=("imsi:2",), snapshot=at(11)))
    with pytest.raises(LostClaim):
        await store.ledger.settle(slow)
    await store.ledger.settle(fast)
    await granted(store.ledger, claim_request("event:a", about=("imsi:1",), snapshot=at(20)))


async def test_releasing_a_claim_keeps_a_lease_that_another_has_taken(
    store: Store,
) -> None:
    slow = await granted(store.ledger, claim_request("event:a"))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b"))
    await store.ledger.release(slow)
    assert isinstance(await store.ledger.claim(claim_request("event:c")), Busy)


@pytest.mark.parametrize("end", ["settle", "release"])
async def test_a_claim_that_was_settled_or_released_cannot_be_settled(
    ledger: Ledger, end: str
) -> None:
    claim = await granted(ledger, claim_request())
    await (ledger.settle(claim) if end == "settle" else ledger.release(claim))
    with pytest.raises(LostClaim):
        await ledger.settle(claim)


def test_the_keys_of_a_request_are_sorted_and_unique() -> None:
    wanted = claim_request("event:z", "espf:1", about=("imsi:2", "imsi:1", "imsi:2"))
    assert wanted.keys == ("espf:1", "event:z", "imsi:1", "imsi:2")


async def test_no_field_in_firestore_has_an_index(tmp_path: Path) -> None:
    """An index on times that only grow limits a collection to some 500 writes a second."""
    terraform = (ROOT / "terraform" / "modules" / "connector" / "ledger.tf").read_text()
    found = re.findall(r"(nsps_\w+) *= (\[.*?\])", terraform)
    assert found
    without = {(collection, name) for collection, names in found for name in json.loads(names)}
    kept = set()
    async with STORES["firestore"](tmp_path) as store:
        assert isinstance(store.ledger, FirestoreLedger)
        await applied(store.ledger, claim_request("event:a", about=("imsi:1",), kept=b"state"))
        await granted(store.ledger, claim_request("event:b", about=("imsi:2",)))
        await store.ledger.write_note("name", "text")
        await store.ledger.count("name", 1, 60)
        async with store.ledger._connected() as database:
            for collection in (EVENTS, SUBJECTS, KEPT, NOTES):
                async for document in database._client.collection(collection).stream():
                    kept |= {(collection, name) for name in document.to_dict() or ()}
    assert kept <= without


async def test_memory_forgets_the_event_that_was_settled_longest_ago() -> None:
    ledger = MemoryLedger(most=3)
    for name in ("a", "b", "c"):
        await applied(ledger, claim_request(name, about=(name,)))
    await applied(ledger, claim_request("a", about=("a",), snapshot=at(11)))
    await applied(ledger, claim_request("d", about=("d",)))
    assert await ledger.claim(claim_request("a", about=("a",), snapshot=at(11))) == Duplicate()
    assert await ledger.claim(claim_request("x", about=("a",), snapshot=at(10))) == Superseded()
    await granted(ledger, claim_request("b", about=("b",), snapshot=at(1)))


async def test_memory_keeps_the_promised_number_of_events_and_a_tenth_more_at_most() -> None:
    ledger = MemoryLedger(most=100)
    events = [claim_request(f"event:{number}") for number in range(111)]
    for event in events:
        await applied(ledger, event)
    remembered = [await ledger.claim(event) == Duplicate() for event in events]
    assert all(remembered[-100:])
    assert sum(remembered) <= 110


async def test_memory_never_forgets_a_lease() -> None:
    ledger = MemoryLedger(most=1)
    claim = await granted(ledger, claim_request("held", about=("imsi:held",)))
    for number in range(20):
        await applied(ledger, claim_request(f"event:{number}", about=(f"imsi:{number}",)))
    assert isinstance(await ledger.claim(claim_request("other", about=("imsi:held",))), Busy)
    await ledger.settle(claim)


# Unfinished events (docs/decisions/0009-unfinished-events.md)

ONE = frozenset({"imsi:1"})


async def test_an_event_older_than_one_that_may_have_been_applied_is_superseded(
    ledger: Ledger,
) -> None:
    unfinished = claim_request("event:new", snapshot=at(20))
    await ledger.release(await granted(ledger, unfinished), ONE)
    assert await ledger.claim(claim_request("event:old", snapshot=at(10))) == Superseded()
    await granted(ledger, unfinished)  # the retry of the event itself


async def test_an_older_event_may_change_a_subject_that_was_not_touched(ledger: Ledger) -> None:
    claim = await granted(
        ledger, claim_request("event:new", about=("imsi:1", "imsi:2"), snapshot=at(20))
    )
    await ledger.release(claim, ONE)
    claim = await granted(
        ledger, claim_request("event:old", about=("imsi:1", "imsi:2"), snapshot=at(10))
    )
    assert claim.dropped == ONE


async def test_a_subject_that_rests_is_busy_until_the_rest_ends(store: Store) -> None:
    claim = await granted(store.ledger, claim_request("event:a"))
    await store.ledger.release(claim, ONE, rest=20)
    assert isinstance(await store.ledger.claim(claim_request("event:b", snapshot=at(20))), Busy)
    await store.pass_by(21)
    await granted(store.ledger, claim_request("event:b", snapshot=at(20)))


async def test_a_rest_ends_with_the_lease_at_the_latest(store: Store) -> None:
    claim = await granted(store.ledger, claim_request("event:a"))
    await store.ledger.release(claim, ONE, rest=10 * LEASE)
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", snapshot=at(20)))


async def test_releasing_a_lost_claim_changes_nothing(store: Store) -> None:
    lost = await granted(store.ledger, claim_request("event:a", snapshot=at(30)))
    await store.pass_by(LEASE + 1)
    holder = await granted(store.ledger, claim_request("event:b", snapshot=at(40)))
    await store.ledger.release(lost, ONE, rest=5)
    await store.ledger.settle(holder)


async def test_an_event_older_than_a_crashed_one_is_superseded(store: Store) -> None:
    """The crashed process may have sent its request. The ledger keeps that after later failures."""
    crashed = claim_request("event:crashed", snapshot=at(20))
    await granted(store.ledger, crashed)
    await store.pass_by(LEASE + 1)
    old = claim_request("event:old", snapshot=at(10))
    assert await store.ledger.claim(old) == Superseded()
    newer = await granted(store.ledger, claim_request("event:newer", snapshot=at(30)))
    await store.ledger.release(newer)
    assert await store.ledger.claim(old) == Superseded()
    await granted(store.ledger, crashed)


async def test_a_claim_that_lost_one_of_its_leases_still_supersedes_older_events(
    store: Store,
) -> None:
    claim = await granted(store.ledger, claim_request(about=("imsi:1", "imsi:2"), snapshot=at(20)))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", about=("imsi:1",), snapshot=at(30)))
    with pytest.raises(LostClaim):
        await store.ledger.settle(claim)
    older = claim_request("event:c", about=("imsi:2",), snapshot=at(10))
    assert await store.ledger.claim(older) == Superseded()


async def test_memory_lets_go_of_leases_that_have_expired_but_not_of_what_they_say() -> None:
    """Events that the system did not answer leave leases, also if they never come again."""
    clock = Clock()
    ledger = MemoryLedger(clock=clock)
    for number in range(20_000):
        about = (f"imsi:{number}",)
        claim = await granted(ledger, claim_request(f"event:{number}", about=about))
        if number % 2:
            await ledger.release(claim, frozenset(about), rest=25)
        await clock.pass_by(0.5)
    in_force = 2 * LEASE / 0.5
    assert len(ledger._leases) <= 5 * in_force
    for number in (0, 1):
        old = claim_request("event:old", about=(f"imsi:{number}",), snapshot=at(9))
        assert await ledger.claim(old) == Superseded()


async def test_an_event_with_a_call_for_once_is_a_duplicate_after_its_lease_expired(
    store: Store, ledger: Ledger
) -> None:
    """The process that held the lease may have crashed after the call."""
    await granted(ledger, claim_request("event:a", "event:b", once=True))
    assert isinstance(await ledger.claim(claim_request("event:b", once=True)), Busy)
    await store.pass_by(LEASE + 1)
    assert await ledger.claim(claim_request("event:b", once=True)) == Duplicate(crashed=True)
    await granted(ledger, claim_request("event:c", once=True))  # of the same subject


async def test_an_event_with_a_call_for_once_that_was_released_is_claimed_again(
    ledger: Ledger,
) -> None:
    await ledger.release(await granted(ledger, claim_request(once=True)))
    await applied(ledger, claim_request(once=True))


async def test_a_look_at_a_subject_tells_its_record_and_its_lease(store: Store) -> None:
    ledger = store.ledger
    assert await ledger.look("imsi:1") == SubjectView(NOBODY, 0)
    claim = await granted(ledger, claim_request(owner=7, snapshot=at(10, created=5)))
    view = await ledger.look("imsi:1")
    assert view.known == NOBODY
    assert LEASE - 5 < view.leased <= LEASE
    await ledger.settle(claim)
    assert await ledger.look("imsi:1") == SubjectView(Known(at(10, created=5), 7), 0)
    assert await ledger.look("imsi:2") == SubjectView(NOBODY, 0)


async def test_a_look_tells_what_an_expired_lease_may_have_applied(store: Store) -> None:
    await granted(store.ledger, claim_request(snapshot=at(10)))
    await store.pass_by(LEASE + 1)
    assert await store.ledger.look("imsi:1") == SubjectView(Known(at(10), None), 0)


async def test_a_look_changes_nothing(store: Store) -> None:
    ledger = store.ledger
    claim = await granted(ledger, claim_request("event:a", snapshot=at(10)))
    await ledger.look("imsi:1")
    assert isinstance(await ledger.claim(claim_request("event:b", snapshot=at(11))), Busy)
    await ledger.settle(claim)
    await ledger.look("imsi:1")
    await applied(ledger, claim_request("event:b", snapshot=at(11)))
