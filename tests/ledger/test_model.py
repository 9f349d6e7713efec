"""Random histories of claims, in every ledger, compared with a model of the rules."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from connector.event import Snapshot
from connector.ledger.records import Busy, Claim, ClaimRequest, Duplicate, LostClaim, Superseded
from tests.support.ledgers import LEASE, STORES, at, claim_request

# There are few of each, so that events often have a name or a subject in common.
SUBJECTS = st.sampled_from([("x",), ("y",), ("x", "y"), ("y", "x"), ("z", "x"), ()])
REQUESTS = st.builds(
    lambda name, about, releases, **fields: claim_request(
        f"event:{name}",
        about=about,
        released=frozenset(about[1:] if releases else ()),
        unbound=not about,
        **fields,
    ),
    st.integers(1, 9),
    SUBJECTS,
    st.booleans(),
    snapshot=st.sampled_from([at(1), at(2), at(3), at(4), None]),
    again=st.booleans(),
    owner=st.sampled_from([1, 2, 3, None]),
)


@dataclass
class Live:
    """A claim that was granted and has not ended, and the time at which its lease ends."""

    claim: Claim
    until: float


class History(RuleBasedStateMachine):
    """Events of three subjects are claimed, settled, released, or crash, in any order."""

    store_name: ClassVar[str]
    claims: Bundle[Claim] = Bundle("claims")

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.opened = AsyncExitStack()
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        opening = self.opened.enter_async_context(STORES[self.store_name](folder))
        self.store = self.runner.run(opening)
        self.now = 0.0
        self.live: dict[str, Live] = {}
        self.holder: dict[str, str] = {}  # by key: the token of the newest claim
        self.settled: dict[str, list[Snapshot | None]] = {}
        self.newest: dict[str, Snapshot] = {}
        self.unfinished: dict[
            str, Snapshot | None
        ] = {}  # by subject: released, but perhaps applied
        self.perhaps: dict[
            str, Snapshot | None
        ] = {}  # the same, with the snapshots of expired leases

    def teardown(self) -> None:
        self.runner.run(self.opened.aclose())
        self.runner.close()

    @rule(target=claims, wanted=REQUESTS)
    def claim(self, wanted: ClaimRequest) -> Claim:
        about = wanted.subjects
        verdict = self.runner.run(self.store.ledger.claim(wanted))
        match verdict:
            case Claim():
                self.granted(verdict)
                return verdict
            case Duplicate():
                assert not self.may_apply(wanted), "a new event was called a duplicate"
            case Superseded():
                assert about
                assert wanted.released or all(
                    self.older(wanted, subject) or self.perhaps_older(wanted, subject)
                    for subject in about
                )
            case Busy(wait):
                assert 0 < wait <= LEASE
                assert any(set(held.claim.request.keys) & set(wanted.keys) for held in self.alive())
        return multiple()  # type: ignore[return-value]  # adds no claim to the bundle

    def granted(self, claim: Claim) -> None:
        wanted = claim.request
        for held in self.alive():
            assert not set(held.claim.request.keys) & set(wanted.keys), "claimed twice"
        assert self.may_apply(wanted), "a settled event was applied again"
        for subject in set(wanted.subjects) - claim.dropped:
            assert not self.older(wanted, subject), "applied after a newer one"
        for subject in claim.dropped:
            older = self.older(wanted, subject) or self.perhaps_older(wanted, subject)
            assert older or subject in wanted.released
        for subject in set(wanted.subjects) - claim.dropped:
            unfinished = self.unfinished.get(subject)
            late = wanted.snapshot is not None and _newer(unfinished, wanted.snapshot)
            assert not late, "applied after a newer one that may have been applied"
        assert claim.token not in self.live
        self.live[claim.token] = Live(claim, self.now + LEASE)
        self.holder |= dict.fromkeys(wanted.keys, claim.token)

    @rule(claim=consumes(claims))
    def settle(self, claim: Claim) -> None:
        expired = self.live.pop(claim.token).until <= self.now
        taken = any(self.holder[key] != claim.token for key in claim.request.keys)
        try:
            self.runner.run(self.store.ledger.settle(claim))
        except LostClaim:
            assert expired, "a live lease was lost"
            return
        assert not taken, "settled although another claim has taken a lease"
        wanted = claim.request
        for name in wanted.identities:
            self.settled.setdefault(name, []).append(wanted.snapshot)
        for subject in set(wanted.subjects) - claim.dropped:
            if wanted.snapshot:
                self.newest[subject] = wanted.snapshot

    @rule(claim=consumes(claims), how=st.sampled_from(["untouched", "touched", "resting"]))
    def release(self, claim: Claim, how: str) -> None:
        mine = all(self.holder[key] == claim.token for key in claim.request.keys)
        held = self.live.pop(claim.token)
        subjects = frozenset(claim.request.subjects) - claim.dropped
        touched = frozenset() if how == "untouched" else subjects
        rest = 5.0 if how == "resting" else 0.0
        self.runner.run(self.store.ledger.release(claim, touched, rest))
        if rest and mine and held.until > self.now:
            self.live[claim.token] = Live(claim, min(held.until, self.now + rest))
        for subject in touched if mine else ():
            if _newer(claim.request.snapshot, self.unfinished.get(subject)):
                self.unfinished[subject] = claim.request.snapshot
                self.note_perhaps(claim)

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.runner.run(self.store.pass_by(seconds))
        for held in self.live.values():
            if held.until <= self.now:
                self.note_perhaps(held.claim)

    @invariant()
    def no_key_has_two_live_claims(self) -> None:
        held = [key for live in self.alive() for key in live.claim.request.keys]
        assert len(held) == len(set(held))

    def alive(self) -> list[Live]:
        return [held for held in self.live.values() if held.until > self.now]

    def older(self, wanted: ClaimRequest, subject: str) -> bool:
        newest = self.newest.get(subject)
        return newest is not None and wanted.snapshot is not None and newest > wanted.snapshot

    def perhaps_older(self, wanted: ClaimRequest, subject: str) -> bool:
        return wanted.snapshot is not None and _newer(self.perhaps.get(subject), wanted.snapshot)

    def note_perhaps(self, claim: Claim) -> None:
        for subject in claim.request.subjects:
            snapshot = claim.request.snapshot
            if snapshot and not _newer(self.perhaps.get(subject), snapshot):
                self.perhaps[subject] = snapshot

    def may_apply(self, wanted: ClaimRequest) -> bool:
        """Whether the event is new, or may be replayed and has a newer snapshot."""
        before = [seen for name in wanted.identities for seen in self.settled.get(name, [])[-1:]]
        return all(
            wanted.again and seen and wanted.snapshot and wanted.snapshot > seen for seen in before
        )


def _newer(one: Snapshot | None, other: Snapshot | None) -> bool:
    return one is not None and (other is None or one > other)


@pytest.mark.parametrize("name", sorted(STORES))
def test_no_history_applies_an_event_twice_or_late_or_beside_another(name: str) -> None:
    machine = type("HistoryOf", (History,), {"store_name": name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=150 if name in ("memory", "sqlite") else 30,  # round trips take time
            stateful_step_count=40,
            deadline=None,
        ),
    )
