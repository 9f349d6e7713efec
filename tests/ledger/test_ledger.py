"""What every store of claims and records must do."""

import json
import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest

from connector.event import Snapshot
from connector.ledger.firestore import EVENTS, SUBJECTS, FirestoreLedger
from connector.ledger.memory import MemoryLedger
from connector.ledger.records import (
    Busy,
    Claim,
    ClaimRequest,
    Duplicate,
    Ledger,
    LostClaim,
    Superseded,
)
from connector_tools.program import ROOT
from tests.support.ledgers import LEASE, STORES, Store, at, claim_request


@pytest.fixture(params=sorted(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with STORES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return store.ledger


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


async def test_a_released_event_leaves_no_trace(ledger: Ledger) -> None:
    await ledger.release(await granted(ledger, claim_request(snapshot=at(99))))
    await applied(ledger, claim_request(snapshot=at(10)))


@pytest.mark.parametrize("again", [("event:a", "espf:9"), ("event:b", "espf:1"), ("espf:1",)])
async def test_an_event_is_known_by_each_of_its_names(
    ledger: Ledger, again: tuple[str, ...]
) -> None:
    await applied(ledger, claim_request("event:a", "espf:1"))
    assert await ledger.claim(claim_request(*again)) == Duplicate()


async def test_an_event_with_other_names_is_another(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", "espf:1"))
    await applied(ledger, claim_request("event:b", "espf:2"))


async def test_an_event_without_subjects_is_a_duplicate_too(ledger: Ledger) -> None:
    nobody = claim_request(about=(), unbound=True)
    await applied(ledger, nobody)
    assert await ledger.claim(nobody) == Duplicate()


async def test_a_replay_with_a_newer_snapshot_is_applied_again(ledger: Ledger) -> None:
    await applied(ledger, claim_request(snapshot=at(10)))
    await applied(ledger, claim_request(snapshot=at(11)))
    assert await ledger.claim(claim_request(snapshot=at(11))) == Duplicate()


async def test_what_must_happen_once_is_not_replayed(ledger: Ledger) -> None:
    await applied(ledger, claim_request(snapshot=at(10), again=False))
    assert await ledger.claim(claim_request(snapshot=at(11), again=False)) == Duplicate()


async def test_a_replay_must_be_newer_than_what_each_of_its_names_did(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=(), snapshot=at(10)))
    await applied(ledger, claim_request("espf:1", about=(), snapshot=at(30)))
    both = claim_request("event:a", "espf:1", about=(), snapshot=at(20))
    assert await ledger.claim(both) == Duplicate()


@pytest.mark.parametrize(("first", "then"), [(None, at(10)), (at(10), None), (None, None)])
async def test_a_replay_that_cannot_be_compared_is_a_duplicate(
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


async def test_the_time_of_creation_breaks_a_tie(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(10, created=5)))
    assert await ledger.claim(claim_request("event:b", snapshot=at(10, created=4))) == Superseded()


@pytest.mark.parametrize(("first", "then"), [(None, at(10)), (at(10), None), (None, None)])
async def test_a_snapshot_that_cannot_be_compared_is_applied(
    ledger: Ledger, first: Snapshot | None, then: Snapshot | None
) -> None:
    await applied(ledger, claim_request("event:a", snapshot=first))
    await applied(ledger, claim_request("event:b", snapshot=then))


async def test_an_event_without_snapshot_does_not_make_the_ledger_forget_one(
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


async def test_an_event_is_superseded_if_all_its_subjects_are(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:1", "imsi:2"), snapshot=at(20)))
    late = claim_request("event:b", about=("imsi:1", "imsi:2"), snapshot=at(10))
    assert await ledger.claim(late) == Superseded()


async def test_calls_about_nobody_are_made_even_if_all_subjects_are_superseded(
    ledger: Ledger,
) -> None:
    await applied(ledger, claim_request("event:a", snapshot=at(20)))
    claim = await granted(ledger, claim_request("event:b", snapshot=at(10), unbound=True))
    assert claim.dropped == {"imsi:1"}


def swap(name: str, old: str, new: str, owner: int | None, second: float) -> ClaimRequest:
    """A SIM swap: takes the old card away from an account and gives it the new one."""
    return claim_request(
        name, about=(new, old), released=frozenset({old}), owner=owner, snapshot=at(second)
    )


async def test_a_card_of_another_account_is_not_taken_away(ledger: Ledger) -> None:
    given = claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10, created=9))
    await applied(ledger, given)
    claim = await granted(ledger, swap("event:b", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_a_card_that_another_account_had_before_is_taken_away(ledger: Ledger) -> None:
    """The account's own event about it may come only later."""
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10)))
    late = swap("event:b", "imsi:old", "imsi:new", 1, 30)
    claim = await granted(ledger, late._replace(snapshot=at(30, created=29)))
    assert claim.dropped == frozenset()


@pytest.mark.parametrize(("before", "now"), [(1, 1), (None, 1), (1, None), (None, None)])
async def test_a_card_of_the_same_or_an_unknown_account_is_taken_away(
    ledger: Ledger, before: int | None, now: int | None
) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=before))
    claim = await granted(ledger, swap("event:b", "imsi:old", "imsi:new", now, 30))
    assert claim.dropped == frozenset()


async def test_a_card_that_nobody_knows_is_taken_away(ledger: Ledger) -> None:
    claim = await granted(ledger, swap("event:a", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == frozenset()


async def test_an_event_that_only_takes_away_what_another_has_is_superseded(
    ledger: Ledger,
) -> None:
    given = claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10, created=9))
    await applied(ledger, given)
    late = claim_request(
        "event:b", about=("imsi:old",), released=frozenset({"imsi:old"}), snapshot=at(30)
    )
    assert await ledger.claim(late) == Superseded()


async def test_a_card_given_to_another_account_has_a_new_owner(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=1, snapshot=at(10)))
    given = claim_request("event:b", about=("imsi:old",), owner=2, snapshot=at(20, created=19))
    claim = await applied(ledger, given)
    assert claim.dropped == frozenset()
    claim = await granted(ledger, swap("event:c", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_an_event_of_an_unknown_account_does_not_change_the_owner(ledger: Ledger) -> None:
    await applied(ledger, claim_request("event:a", about=("imsi:old",), owner=2, snapshot=at(10)))
    unknown = claim_request("event:b", about=("imsi:old",), owner=None, snapshot=at(20, created=19))
    await applied(ledger, unknown)
    claim = await granted(ledger, swap("event:c", "imsi:old", "imsi:new", 1, 30))
    assert claim.dropped == {"imsi:old"}


async def test_what_is_known_outlives_the_leases(store: Store) -> None:
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
async def test_an_event_waits_for_one_that_it_shares_something_with(
    store: Store, other: ClaimRequest
) -> None:
    claim = await granted(store.ledger, claim_request("event:a", about=("imsi:1",)))
    await store.pass_by(LEASE / 4)
    busy = await store.ledger.claim(other)
    assert isinstance(busy, Busy)
    assert busy.wait == pytest.approx(LEASE * 3 / 4, abs=1)
    await store.ledger.release(claim)
    await granted(store.ledger, other)


async def test_an_event_that_had_to_wait_holds_nothing(ledger: Ledger) -> None:
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


async def test_one_lease_that_is_held_is_enough_to_wait(store: Store) -> None:
    await granted(store.ledger, claim_request("event:a", about=("imsi:1",)))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", about=("imsi:2",)))
    assert isinstance(
        await store.ledger.claim(claim_request("event:c", about=("imsi:1", "imsi:2"))), Busy
    )


async def test_a_claim_that_another_took_over_cannot_be_settled(store: Store) -> None:
    slow = await granted(store.ledger, claim_request("event:a", about=("imsi:1", "imsi:2")))
    await store.pass_by(LEASE + 1)
    fast = await granted(store.ledger, claim_request("event:b", about=("imsi:2",), snapshot=at(11)))
    with pytest.raises(LostClaim):
        await store.ledger.settle(slow)
    await store.ledger.settle(fast)
    await granted(store.ledger, claim_request("event:a", about=("imsi:1",), snapshot=at(20)))


async def test_a_claim_that_another_took_over_does_not_free_the_others_lease(
    store: Store,
) -> None:
    slow = await granted(store.ledger, claim_request("event:a"))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b"))
    await store.ledger.release(slow)
    assert isinstance(await store.ledger.claim(claim_request("event:c")), Busy)


@pytest.mark.parametrize("end", ["settle", "release"])
async def test_a_claim_ends_once(ledger: Ledger, end: str) -> None:
    claim = await granted(ledger, claim_request())
    await (ledger.settle(claim) if end == "settle" else ledger.release(claim))
    with pytest.raises(LostClaim):
        await ledger.settle(claim)


def test_what_is_leased_is_sorted_and_named_once() -> None:
    wanted = claim_request("event:z", "espf:1", about=("imsi:2", "imsi:1", "imsi:2"))
    assert wanted.keys == ("espf:1", "event:z", "imsi:1", "imsi:2")


async def test_nothing_that_firestore_keeps_has_an_index(tmp_path: Path) -> None:
    """Times that only grow, in an index, hold a collection to some 500 writes a second."""
    terraform = (ROOT / "terraform" / "modules" / "connector" / "ledger.tf").read_text()
    found = re.search(r"setproduct\(\s*(\[.*?\]),\s*(\[.*?\]),?\s*\)", terraform, re.S)
    assert found
    without = set(product(json.loads(found[1]), json.loads(found[2])))
    kept = set()
    async with STORES["firestore"](tmp_path) as store:
        assert isinstance(store.ledger, FirestoreLedger)
        await applied(store.ledger, claim_request("event:a", about=("imsi:1",)))
        await granted(store.ledger, claim_request("event:b", about=("imsi:2",)))
        async with store.ledger._connected() as database:
            for collection in (EVENTS, SUBJECTS):
                async for document in database._client.collection(collection).stream():
                    kept |= {(collection, name) for name in document.to_dict() or ()}
    assert kept <= without


async def test_the_memory_forgets_the_event_that_was_settled_longest_ago() -> None:
    ledger = MemoryLedger(most=3)
    for name in ("a", "b", "c"):
        await applied(ledger, claim_request(name, about=(name,)))
    await applied(ledger, claim_request("a", about=("a",), snapshot=at(11)))
    await applied(ledger, claim_request("d", about=("d",)))
    assert await ledger.claim(claim_request("a", about=("a",), snapshot=at(11))) == Duplicate()
    assert await ledger.claim(claim_request("x", about=("a",), snapshot=at(10))) == Superseded()
    await granted(ledger, claim_request("b", about=("b",), snapshot=at(1)))


async def test_the_memory_holds_all_it_promises_and_at_most_a_tenth_more() -> None:
    ledger = MemoryLedger(most=100)
    events = [claim_request(f"event:{number}") for number in range(111)]
    for event in events:
        await applied(ledger, event)
    remembered = [await ledger.claim(event) == Duplicate() for event in events]
    assert all(remembered[-100:])
    assert sum(remembered) <= 110


async def test_the_memory_never_forgets_a_lease() -> None:
    ledger = MemoryLedger(most=1)
    claim = await granted(ledger, claim_request("held", about=("imsi:held",)))
    for number in range(20):
        await applied(ledger, claim_request(f"event:{number}", about=(f"imsi:{number}",)))
    assert isinstance(await ledger.claim(claim_request("other", about=("imsi:held",))), Busy)
    await ledger.settle(claim)


# Unfinished events (docs/decisions/0009-unfinished-events.md)

ONE = frozenset({"imsi:1"})


async def test_an_older_event_does_not_follow_one_that_may_have_been_applied(
    ledger: Ledger,
) -> None:
    unfinished = claim_request("event:new", snapshot=at(20))
    await ledger.release(await granted(ledger, unfinished), ONE)
    assert await ledger.claim(claim_request("event:old", snapshot=at(10))) == Superseded()
    await granted(ledger, unfinished)  # itself it comes again


async def test_what_was_not_touched_may_be_changed_by_an_older_event(ledger: Ledger) -> None:
    claim = await granted(
        ledger, claim_request("event:new", about=("imsi:1", "imsi:2"), snapshot=at(20))
    )
    await ledger.release(claim, ONE)
    claim = await granted(
        ledger, claim_request("event:old", about=("imsi:1", "imsi:2"), snapshot=at(10))
    )
    assert claim.dropped == ONE


async def test_a_subject_rests_as_long_as_it_is_told_to(store: Store) -> None:
    claim = await granted(store.ledger, claim_request("event:a"))
    await store.ledger.release(claim, ONE, rest=20)
    assert isinstance(await store.ledger.claim(claim_request("event:b", snapshot=at(20))), Busy)
    await store.pass_by(21)
    await granted(store.ledger, claim_request("event:b", snapshot=at(20)))


async def test_a_rest_does_not_outlive_the_lease(store: Store) -> None:
    claim = await granted(store.ledger, claim_request("event:a"))
    await store.ledger.release(claim, ONE, rest=10 * LEASE)
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", snapshot=at(20)))


async def test_a_claim_that_was_lost_notes_nothing(store: Store) -> None:
    lost = await granted(store.ledger, claim_request("event:a", snapshot=at(30)))
    await store.pass_by(LEASE + 1)
    holder = await granted(store.ledger, claim_request("event:b", snapshot=at(40)))
    await store.ledger.release(lost, ONE, rest=5)
    await store.ledger.settle(holder)


async def test_a_crashed_event_is_not_followed_by_an_older_one(store: Store) -> None:
    """Whoever died may have sent its request; that is still known after another one failed."""
    crashed = claim_request("event:crashed", snapshot=at(20))
    await granted(store.ledger, crashed)
    await store.pass_by(LEASE + 1)
    old = claim_request("event:old", snapshot=at(10))
    assert await store.ledger.claim(old) == Superseded()
    newer = await granted(store.ledger, claim_request("event:newer", snapshot=at(30)))
    await store.ledger.release(newer)
    assert await store.ledger.claim(old) == Superseded()
    await granted(store.ledger, crashed)


async def test_a_claim_that_was_lost_in_part_leaves_behind_what_it_may_have_done(
    store: Store,
) -> None:
    claim = await granted(store.ledger, claim_request(about=("imsi:1", "imsi:2"), snapshot=at(20)))
    await store.pass_by(LEASE + 1)
    await granted(store.ledger, claim_request("event:b", about=("imsi:1",), snapshot=at(30)))
    with pytest.raises(LostClaim):
        await store.ledger.settle(claim)
    older = claim_request("event:c", about=("imsi:2",), snapshot=at(10))
    assert await store.ledger.claim(older) == Superseded()
