"""What should be: for each subject the event that was last applied, or that an export holds."""

import hmac
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.event import Event, Snapshot, parse, personal, readable
from connector.ledger.records import (
    NOBODY,
    ClaimRequest,
    Duplicate,
    Known,
    LedgerStore,
    Superseded,
    decide,
)
from connector.masking import redact
from connector.names import names_in
from connector.outcome import Refusal, Result
from connector.plan.holding import ResourceStep
from connector.plan.planner import Plan
from connector.unreadable import Unreadable

Planned = Callable[[Event], Plan]
_OLDEST = Snapshot(0, 0, 0)
_PAGE = 500  # states of the ledger that are read at once


@dataclass(frozen=True, slots=True)
class Item:
    """A subject, by the hash of its name, and the event that says what should be.

    `busy` is true if an event of the subject was in flight when the ledger was asked.
    """

    hash: str
    body: bytes = field(repr=False)
    busy: bool = False


class ShouldBe(Protocol):
    """Where an audit learns what should be."""

    newest: Snapshot
    """What the source knows until when: a subject that the ledger knows from a newer snapshot is
    not judged by this source."""

    complete: bool
    """Whether a subject that the source does not name can be removed."""

    unjudged: set[str]
    """What identifies the subscribers of whom the source has events that say nothing: IMSIs,
    numbers, ids of accounts."""

    async def after(self, hash_: str, most: int) -> list[Item]:
        """At most `most` subjects whose hashes come after this one, in their order."""

    async def hashes(self) -> set[str]:
        """The hashes of all subjects."""

    async def stays(self, item: Item) -> bool:
        """Whether the source still says the same about a subject."""


class Exported:
    """What a file of events says. `left_out` counts the events that say nothing, by the reason."""

    complete = True

    def __init__(self, bodies: Iterable[bytes], planned: Planned, key: bytes) -> None:
        self.left_out: dict[str, int] = {}
        self.newest = _OLDEST
        self.unjudged: set[str] = set()
        self._key = key
        self._planned = planned
        self._known: dict[str, Known] = {}
        self._items: dict[str, Item] = {}
        for body in bodies:
            self._add(body)
        self._order = sorted(self._items)

    async def after(self, hash_: str, most: int) -> list[Item]:
        """See `ShouldBe`."""
        first = bisect_right(self._order, hash_)
        return [self._items[name] for name in self._order[first : first + most]]

    async def hashes(self) -> set[str]:
        """See `ShouldBe`."""
        return set(self._order)

    async def stays(self, item: Item) -> bool:
        """See `ShouldBe`."""
        return True

    def _add(self, body: bytes) -> None:
        """Apply an event to what is known, as the ledger would, whatever the order of the file."""
        event: Event | None = None
        try:
            event = parse(body)
            plan = self._planned(event)
        except Refusal as refusal:
            self._leave_out(refused(refusal.result, event), body)
            return
        request = claim_request(event, plan, subjects(plan))
        if plan.result or not request.subjects:
            self._leave_out(nothing_to_read(plan, event), body)
            return
        known = {name: self._known.get(name, NOBODY) for name in request.subjects}
        verdict = decide(request, (), known)
        if isinstance(verdict, Duplicate | Superseded):
            return
        for name in set(request.subjects) - verdict:
            self._known[name] = known[name].after(request)
            hash_ = hash_of(self._key, name)
            self._items[hash_] = Item(hash_, body)
        self.newest = max(self.newest, event.snapshot or _OLDEST)

    def _leave_out(self, reason: str, body: bytes) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        for names in names_in(body):
            self.unjudged.update(name.partition(":")[2] for name in names)


class Kept:
    """What the ledger keeps: for each subject the event that it was settled from.

    `unseal` opens a kept state. A subscriber without an event since KEEP_STATE was set is not in
    it, and after 100 days the ledger forgets even the record of an older event.
    """

    newest = _OLDEST
    complete = False

    def __init__(self, ledger: LedgerStore, unseal: Callable[[bytes], bytes]) -> None:
        self.unjudged: set[str] = set()
        self._ledger = ledger
        self._unseal = unseal

    async def after(self, hash_: str, most: int) -> list[Item]:
        """See `ShouldBe`."""
        return [
            Item(one.subject, self._unseal(one.state), one.leased)
            for one in await self._ledger.kept(hash_, most)
        ]

    async def hashes(self) -> set[str]:
        """See `ShouldBe`."""
        found: set[str] = set()
        last = ""
        while page := await self._ledger.kept(last, _PAGE):
            found.update(one.subject for one in page)
            last = page[-1].subject
        return found

    async def stays(self, item: Item) -> bool:
        """See `ShouldBe`."""
        now = await self.after(before(item.hash), 1)
        return bool(now) and (now[0].hash, now[0].body) == (item.hash, item.body)


def hash_of(key: bytes, subject: str) -> str:
    """The hash of a subject's name, as the ledgers keep it."""
    return hmac.digest(key, subject.encode(), "sha256").hex()


def subjects(plan: Plan) -> list[str]:
    """The subjects whose resources a plan reads."""
    steps = (step for step in plan.steps if isinstance(step, ResourceStep) and step.reads)
    return sorted({step.subject for step in steps})


def refused(result: Result, event: Event | None = None) -> str:
    """Why an event has no plan, without its personal data; it is None if it cannot be read."""
    details = "; ".join(map(str, result.details))
    return _masked(f"{result.outcome.value}: {details or result.reason}", event)


def _masked(text: str, event: Event | None) -> str:
    """The text without personal data: a mapping file can quote the event in its sentences."""
    return redact(text, personal(event), clear=readable(event)) if event else redact(text)


def nothing_to_read(plan: Plan, event: Event) -> str:
    """Why an event says nothing that can be audited, without personal data."""
    rule = f"rule `{plan.rule.name}`: " if plan.rule else ""
    if plan.result is None and subjects(plan):
        return f"{rule}a subject of plain calls only"
    if plan.result is None:
        return f"{rule}only plain calls, so the system can only be told"
    details = "; ".join(map(str, plan.result.details))
    reason = plan.result.reason if plan.quotes_nothing or not plan.rule else None
    why = f"{plan.result.outcome.value}: {details or reason or 'see the mapping file'}"
    return rule + _masked(why, event)


def claim_request(
    event: Event, plan: Plan, names: Iterable[str], lease: float = 30.0
) -> ClaimRequest:
    """What the ledger is asked about these subjects of an event."""
    given = tuple(names)
    kept = {step.subject for step in plan.steps if not step.releases}
    owner: Any = event.i_account
    return ClaimRequest(
        identities=tuple(f"audit:{name}" for name in given),
        subjects=given,
        released=frozenset(given) - kept,
        snapshot=event.snapshot,
        owner=None if isinstance(owner, Unreadable) else owner,
        unbound=False,
        again=True,
        lease=lease,
    )


def renamed(body: bytes, event_id: str) -> bytes:
    """The event under another id; without its `i_event`, which is a name of it, too."""
    event = json.loads(body)
    variables = event.get("data", {}).get("variables")
    if isinstance(variables, dict):
        variables.pop("i_event", None)
    return json.dumps(event | {"event_id": event_id}).encode()


def before(hash_: str) -> str:
    """The hash just before this one: all hashes have one length, and hexadecimal digits."""
    return f"{int(hash_, 16) - 1:0{len(hash_)}x}" if int(hash_, 16) else ""
