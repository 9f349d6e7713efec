"""The rounds of an audit: each subject once, each difference read twice."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from connector.event import Event, parse
from connector.ledger.records import ClaimRequest, LedgerStore
from connector.outcome import Refusal
from connector.pipeline import Pipeline
from connector.plan.planner import Plan
from connector_tools.audit.doubles import Doubles
from connector_tools.audit.finding import Finding, Kind
from connector_tools.audit.in_flight import Verdict, held
from connector_tools.audit.listing import CannotList, Listed, listed, listings
from connector_tools.audit.look import Look, Reader, look
from connector_tools.audit.pace import Pace
from connector_tools.audit.progress import NoProgress, Progress
from connector_tools.audit.report import Report
from connector_tools.audit.should_be import (
    Item,
    ShouldBe,
    before,
    claim_request,
    hash_of,
    nothing_to_read,
    refused,
    subjects,
)

LEASE = 30.0
"""Seconds for which a subject is held at most, also if the audit is killed."""
_BATCH = 200  # subjects between two writes of the cursor
BUSY = "an event was in flight"
NEWER = "a newer event was applied"
UNJUDGED = "the events of the subscriber say nothing that can be compared"
_KNOWN = "the ledger knows it, but has no event of it"


@dataclass(frozen=True, slots=True)
class Limits:
    """How an audit goes on: `rate` reads per second, `at_once` subjects at a time.

    `again` is how many seconds lie at least between the two reads of a difference. A run ends after
    `most` subjects or after `seconds`, if they are given.
    """

    rate: float
    at_once: int = 4
    again: float = 10.0
    most: int | None = None
    seconds: float | None = None


class Audit:
    """One run. `pipeline` has the mapping, the ledger and the system of the deployment."""

    def __init__(
        self,
        pipeline: Pipeline,
        should_be: ShouldBe,
        limits: Limits,
        progress: Progress | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._should_be = should_be
        self._limits = limits
        self._progress = progress or NoProgress()
        self._places = asyncio.Semaphore(limits.at_once)
        self._doubles = Doubles()
        self._names: dict[str, str] = {}  # subjects that were read twice, by hash
        self._listed: dict[str, Listed] = {}  # of findings that no event is about
        self.reader = Reader(pipeline.system, Pace(limits.rate))
        self.report = Report()

    async def run(self) -> Report:
        """Read from the cursor on until the round or the run ends.

        Raises:
            NotReadOnly, SystemAway: see `Reader.send`.
            LedgerUnavailable: the ledger cannot be reached.
            BadProgress: the file of the progress cannot be used.
        """
        clock = asyncio.get_running_loop().time
        began, cursor = clock(), await self._progress.read()
        while items := await self._should_be.after(cursor, self._batch()):
            await self._check(items)
            cursor = items[-1].hash
            await self._progress.write(cursor)
            late = self._limits.seconds is not None and clock() - began >= self._limits.seconds
            if late or not self._batch():
                break
        else:
            self.report.complete = True
            await self._find_extra()
            await self._progress.write("")
        await self._find_doubles()
        self.report.reads, self.report.seconds = self.reader.sent, clock() - began
        return self.report

    def _batch(self) -> int:
        """How many subjects come next."""
        most = self._limits.most
        if most is None:
            return _BATCH
        left = most - self.report.checked - self.report.skipped[BUSY]
        return max(0, min(_BATCH, left))  # one that was checked can be busy at its second read

    async def _check(self, items: Iterable[Item]) -> None:
        """Read subjects, and read those again that differ."""
        looked = await asyncio.gather(*(self._first(item) for item in items))
        for item, first, at in (one for one in looked if one):
            await self._wait_until(at + self._limits.again)
            self.report.findings += await self._second(item, first)

    async def _first(self, item: Item) -> tuple[Item, Look, float] | None:
        """Read a subject; returns what is to be read again, and when it was read."""
        if item.busy:
            self.report.skipped[BUSY] += 1
            return None
        async with self._places:
            known = self._read_event(item)
            if known is None:
                return None
            found = await look(known.plan, known.subject, item.hash, self.reader)
        self.report.checked += 1
        self._doubles.note(item.hash, found)
        at = asyncio.get_running_loop().time()
        return (item, found, at) if found.findings else None

    async def _second(self, item: Item, first: Look) -> list[Finding]:
        """Read a subject again, while no event of it can be applied; what differs still?"""
        known = self._read_event(item)
        if known is None:
            return []
        await self.reader.wait()
        clock = asyncio.get_running_loop().time
        ends = clock() + LEASE
        async with held(self._pipeline.ledger, known.request) as verdict:
            free = verdict is Verdict.FREE and await self._should_be.stays(item)
            if not free:
                return self._skip(item, BUSY if verdict is Verdict.BUSY else NEWER)
            again = await look(known.plan, known.subject, item.hash, self.reader, hurried=True)
            if clock() >= ends:  # an event may have changed the subject meanwhile
                return self._skip(item, BUSY)
        self._doubles.note(item.hash, again)
        self._names[item.hash] = known.subject
        seen = {finding.key for finding in first.findings}
        found = [finding for finding in again.findings if finding.key in seen]
        if found:
            self.report.events[item.hash] = known.event
        return found

    def _skip(self, item: Item, reason: str) -> list[Finding]:
        """Do not judge a subject after all."""
        self.report.skipped[reason] += 1
        self._doubles.forget(item.hash)
        return []

    def _read_event(self, item: Item) -> "_Known | None":
        """The event of a subject with its plan; None if it says nothing, which is counted."""
        event: Event | None = None
        try:
            event = parse(item.body)
            plan = self._pipeline.plan(event)
        except Refusal as refusal:
            self.report.left_out[refused(refusal.result, event)] += 1
            return None
        key = self._pipeline.hash_key
        name = next((one for one in subjects(plan) if hash_of(key, one) == item.hash), None)
        if name is None:
            self.report.left_out[nothing_to_read(plan, event)] += 1
            return None
        return _Known(event, plan, name)

    async def _wait_until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))

    # Doubles

    async def _find_doubles(self) -> None:
        """Read the subjects again that have one value, and report those that still do."""
        for hash_ in sorted(self._doubles.suspects() - self._names.keys()):
            items = await self._should_be.after(before(hash_), 1)
            if items and items[0].hash == hash_:
                await self._second(items[0], Look())
        doubles = {finding.place: finding for finding in self._doubles.findings(self._names)}
        found = self.report.findings
        wanted = {one.place: one.wanted for one in found if one.place in doubles}
        self.report.findings = [one for one in found if one.place not in doubles]
        for place, double in doubles.items():
            self.report.findings.append(replace(double, wanted=wanted.get(place)))
            if double.hash not in self.report.events:
                await self._note_event(double.hash)

    async def _note_event(self, hash_: str) -> None:
        items = await self._should_be.after(before(hash_), 1)
        known = self._read_event(items[0]) if items and items[0].hash == hash_ else None
        if known:
            self.report.events[hash_] = known.event

    # What the system lists

    async def _find_extra(self) -> None:
        """Report what the system lists twice, and nobody knows of."""
        if not listings(self._pipeline.mapping):
            return
        first = await self._list()
        extra = first.keys() - await self._should_be.hashes() if first else set()
        if not extra:
            return
        await asyncio.sleep(self._limits.again)
        second = await self._list()
        for hash_ in sorted(extra & second.keys()):
            await self._judge_extra(hash_, second[hash_])

    async def _list(self) -> dict[str, Listed]:
        pipeline = self._pipeline
        try:
            return await listed(pipeline.mapping, pipeline.settings, pipeline.hash_key, self.reader)
        except CannotList as error:
            finding = Finding(Kind.UNREADABLE, "", "", error.name, reason=f"the list: {error}")
            if all(other.key != finding.key for other in self.report.findings):
                self.report.findings.append(finding)
            return {}

    async def _judge_extra(self, hash_: str, one: Listed) -> None:
        """Report something that is listed, unless an event names it, or the ledger knows better."""
        if one.subject.partition(":")[2] in self._should_be.unjudged:
            self.report.skipped[UNJUDGED] += 1
            return
        store, newest = cast(LedgerStore, self._pipeline.ledger), self._should_be.newest
        known, leased = await store.look(one.subject)
        if leased:
            self.report.skipped[BUSY] += 1
        elif known.snapshot is not None and known.snapshot > newest:
            self.report.skipped[_KNOWN] += 1
        else:
            self._listed[hash_] = one
            self.report.findings.append(Finding(Kind.EXTRA, one.subject, hash_, one.resource))

    def listed_of(self, hash_: str) -> Listed | None:
        """What the system listed of a subject that no event is about; for its removal."""
        return self._listed.get(hash_)

    @property
    def may_remove(self) -> bool:
        """Whether what no event is about can be removed."""
        return self._should_be.complete

    async def body_of(self, hash_: str) -> bytes | None:
        """The event of a subject, for its repair."""
        items = await self._should_be.after(before(hash_), 1)
        return items[0].body if items and items[0].hash == hash_ else None


@dataclass(frozen=True, slots=True)
class _Known:
    """The event that says what should be for a subject, and its plan."""

    event: Event
    plan: Plan
    subject: str

    @property
    def request(self) -> ClaimRequest:
        """What the ledger is asked about the subject."""
        return claim_request(self.event, self.plan, [self.subject], LEASE)
