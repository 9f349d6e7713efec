"""What every ledger keeps besides its records: the last events, notes, counters."""

import asyncio
from typing import cast

import pytest

from connector.ledger.key_check import UncheckedLedger, has_key
from connector.ledger.memory import MemoryLedger
from connector.ledger.records import Claim, ClaimRequest, LedgerStore, LedgerUnavailable
from tests.support.ledgers import LEASE, Store, claim_request


async def claimed(ledger: LedgerStore, wanted: ClaimRequest) -> Claim:
    verdict = await ledger.claim(wanted)
    assert isinstance(verdict, Claim), verdict
    return verdict


async def applied(ledger: LedgerStore, wanted: ClaimRequest) -> None:
    await ledger.settle(await claimed(ledger, wanted))


async def test_nothing_is_kept_unless_the_request_has_it(ledger: LedgerStore) -> None:
    await applied(ledger, claim_request())
    assert await ledger.kept("", 10) == []


async def test_the_last_event_of_each_subject_is_kept(ledger: LedgerStore) -> None:
    both = ("imsi:1", "imsi:2")
    await applied(ledger, claim_request("event:a", about=both, kept=b"first"))
    await applied(ledger, claim_request("event:b", about=("imsi:2",), kept=b"\x00second"))
    found = await ledger.kept("", 10)
    assert sorted(one.state for one in found) == [b"\x00second", b"first"]
    assert [one.subject for one in found] == sorted(one.subject for one in found)
    assert not any(one.leased for one in found)


async def test_an_event_that_keeps_nothing_leaves_what_is_kept(ledger: LedgerStore) -> None:
    await applied(ledger, claim_request("event:a", kept=b"first"))
    await applied(ledger, claim_request("event:b"))
    assert [one.state for one in await ledger.kept("", 10)] == [b"first"]


async def test_an_event_that_failed_or_is_not_settled_keeps_nothing(ledger: LedgerStore) -> None:
    await ledger.release(await claimed(ledger, claim_request("event:a", kept=b"failed")))
    await claimed(ledger, claim_request("event:b", kept=b"running"))
    assert await ledger.kept("", 10) == []


async def test_a_subject_that_was_dropped_keeps_its_own_event(ledger: LedgerStore) -> None:
    await applied(ledger, claim_request("event:a", owner=2, kept=b"of the new owner"))
    late = claim_request(
        "event:b",
        about=("imsi:1", "imsi:2"),
        released=frozenset({"imsi:1"}),
        owner=1,
        snapshot=None,
        kept=b"late",
    )
    claim = await claimed(ledger, late)
    assert claim.dropped == {"imsi:1"}
    await ledger.settle(claim)
    states = sorted(one.state for one in await ledger.kept("", 10))
    assert states == [b"late", b"of the new owner"]


async def test_they_are_read_part_by_part_each_once(ledger: LedgerStore) -> None:
    for number in range(7):
        about = (f"imsi:{number}",)
        await applied(ledger, claim_request(f"event:{number}", about=about, kept=b"%d" % number))
    states, after = [], ""
    while found := await ledger.kept(after, 3):
        assert len(found) <= 3
        states += [one.state for one in found]
        after = found[-1].subject
    assert sorted(states) == [b"%d" % number for number in range(7)]


async def test_a_subject_is_leased_while_one_of_its_events_is_applied(store: Store) -> None:
    ledger = store.ledger
    for number in (1, 2):
        about = (f"imsi:{number}",)
        await applied(ledger, claim_request(f"event:{number}", about=about, kept=b"%d" % number))
    await claimed(ledger, claim_request("event:3", about=("imsi:2",)))
    assert {one.state: one.leased for one in await ledger.kept("", 9)} == {b"1": False, b"2": True}
    await store.pass_by(LEASE + 1)
    assert not any(one.leased for one in await ledger.kept("", 9))


@pytest.mark.parametrize("store", ["postgresql", "sqlite"], indirect=True)
async def test_the_state_of_a_subject_that_leaves_is_deleted_after_100_days(store: Store) -> None:
    ledger = store.ledger
    leaves = frozenset({"imsi:1"})
    await applied(ledger, claim_request("event:a", about=("imsi:1",), leave=leaves, kept=b"gone"))
    await applied(ledger, claim_request("event:b", about=("imsi:2",), kept=b"stays"))
    await store.pass_by(101 * 86400)
    vars(ledger)["_next_sweep"] = 0.0  # PostgreSQL looks only every ten seconds
    await applied(ledger, claim_request("event:c", about=("imsi:3",)))
    assert [one.state for one in await ledger.kept("", 10)] == [b"stays"]


async def test_a_note_replaces_the_one_before(ledger: LedgerStore) -> None:
    assert await ledger.note("cursor") is None
    await ledger.write_note("cursor", "a")
    await ledger.write_note("cursor", "b")
    await ledger.write_note("other", "c")
    assert (await ledger.note("cursor"), await ledger.note("other")) == ("b", "c")


async def test_the_first_of_several_notes_counts(ledger: LedgerStore) -> None:
    texts = [f"text {number}" for number in range(8)]
    kept = await asyncio.gather(*(ledger.first_note("key", text) for text in texts))
    assert set(kept) == {await ledger.note("key")}
    assert kept[0] in texts


async def test_a_ledger_out_of_reach_at_the_start_checks_its_key_before_the_first_claim() -> None:
    store = MemoryLedger()
    assert await has_key(store, b"key")
    with pytest.raises(LedgerUnavailable, match="HASH_KEY"):
        await UncheckedLedger(store, b"another").claim(claim_request())
    checked = UncheckedLedger(store, b"key")
    await applied(cast(LedgerStore, checked), claim_request())
    assert await checked.note("hash-key") is not None


async def test_a_counter_begins_anew_in_each_period(store: Store) -> None:
    count, long = store.ledger.count, 10.0**9  # one period until 2033
    assert [await count("bars", more, long) for more in (1, 2, 0)] == [1, 3, 3]
    assert await count("releases", 5, long) == 5
    await store.pass_by(long)
    assert await count("bars", 1, long) == 1
