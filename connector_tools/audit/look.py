"""Reads the resources of one subject, and compares them with what its event wants.

Only calls that read are sent: `ReadOnly` refuses every other one before it reaches the client.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.call import Call
from connector.outcome import Outcome, Refusal
from connector.plan.changes import CREATED, REMOVED
from connector.plan.holding import Phase, ResourceStep
from connector.plan.planner import Plan
from connector.plan.step import Replies
from connector.plan.target import Target
from connector.system import Reply, System, Turn
from connector_tools.audit.finding import Finding, Kind
from connector_tools.audit.pace import Pace
from connector_tools.reading import ReadOnly

_SECONDS = 50.0  # for all reads of a subject
_SILENT = 20  # reads in a row without an answer after which the audit ends
_NOT_READ = "it cannot be read"


class SystemAway(Exception):  # noqa: N818 - it names what happened
    """The external system does not answer any more, so the audit ends."""


class Reader:
    """Sends the reads of an audit, at its pace. `sent` is their number.

    The reads of a turn that is `hurried` go at once: events wait for them.
    """

    def __init__(self, system: System, pace: Pace) -> None:
        self._system = system
        self._guarded = ReadOnly(system)
        self._pace = pace
        self._silent = 0
        self._hurried: Turn | None = None
        self.sent = 0

    @asynccontextmanager
    async def turn(self, *, hurried: bool = False) -> AsyncIterator[Turn]:
        """The turn of one subject at the system; one at a time can be `hurried`."""
        now = asyncio.get_running_loop().time()
        turn = Turn(now + _SECONDS, patience=now + _SECONDS / 2, read_only=True)
        if hurried:
            self._hurried = turn
        try:
            yield turn
        finally:
            self._system.leave(turn)

    async def send(self, call: Call, turn: Turn) -> Reply:
        """Send a call that reads.

        Raises:
            NotReadOnly: the call may change something; it was not sent.
            SystemAway: many reads in a row had no answer.
        """
        await self._pace.turn(wait=turn is not self._hurried)
        now = asyncio.get_running_loop().time()
        turn.deadline, turn.patience = now + _SECONDS, now + _SECONDS / 2
        reply = await self._guarded.send(call, turn)
        self.sent += 1
        away = reply.outcome is Outcome.UNAVAILABLE
        busy = away or reply.outcome is Outcome.THROTTLED
        self._pace.note(busy=busy, wait=reply.retry_after or 0)
        self._silent = self._silent + 1 if away else 0
        if self._silent >= _SILENT:
            raise SystemAway(reply.reason or reply.outcome.value)
        return reply

    async def wait(self) -> None:
        """Wait for the turn of something else than a read: a repair."""
        await self._pace.turn()

    async def talk(self, talk: Generator[Call, Reply, Any], turn: Turn) -> Any:
        """Carry out a conversation that only reads; returns what it returns.

        Raises:
            Refusal: a read failed.
        """
        try:
            call = next(talk)
            while True:
                call = talk.send(await self.send(call, turn))
        except StopIteration as end:
            return end.value


@dataclass(slots=True)
class Look:
    """What one reading of a subject showed.

    `unique` has each value of a unique field that the system holds or shall hold, with the name of
    its resource and field, and whether it is wanted.
    """

    findings: list[Finding] = field(default_factory=list)
    unique: list[tuple[str, str, str, bool]] = field(default_factory=list, repr=False)


class Looking:
    """Looks at one subject."""

    def __init__(self, reader: Reader, turn: Turn, hash_: str) -> None:
        self._reader = reader
        self._turn = turn
        self._hash = hash_
        self._replies: Replies = {}
        self._failed: set[str] = set()
        self.look = Look()

    async def read(self, target: Target) -> None:
        """Read a resource and compare it; what was found is in `look`."""
        if any(parent.key in self._failed for parent in target.parents):
            self._failed.add(target.key)  # the finding of the parent says it
            return
        try:
            found = await self._reader.talk(target.read(self._replies), self._turn)
        except Refusal as refusal:
            self._failed.add(target.key)
            self._note(target, Kind.UNREADABLE, reason=refusal.result.reason or _NOT_READ)
            return
        if target.is_orphaned(self._replies):
            return  # it is missing with its parent
        try:
            target.learn(found, self._replies)
            self._compare(target, target.drift(self._replies))
        except Refusal as refusal:
            self._failed.add(target.key)
            kind = Kind.MISSING if found is None else Kind.DIFFERENT
            self._note(target, kind, reason=refusal.result.reason or _because(refusal))

    def _compare(self, target: Target, differs: tuple[str, ...]) -> None:
        state = target.state(self._replies)
        held, wanted = state.found or {}, state.wanted or {}
        if differs == CREATED and state.found is None:
            self._note(target, Kind.MISSING)
        elif differs == REMOVED and state.wanted is None:
            self._note(target, Kind.EXTRA)
        else:
            for name in differs:
                values = wanted.get(name), held.get(name)
                self._note(target, Kind.DIFFERENT, name, *values)
        for name, owned in target.entry.fields.items():
            if owned.unique:
                for fields, is_wanted in ((held, False), (wanted, True)):
                    for value in _items(fields.get(name)):
                        self.look.unique.append((target.name, name, str(value), is_wanted))

    def _note(  # noqa: PLR0913, PLR0917 - the fields of a finding
        self,
        target: Target,
        kind: Kind,
        field: str = "",
        wanted: Any = None,
        found: Any = None,
        reason: str = "",
    ) -> None:
        self.look.findings.append(
            Finding(kind, target.subject, self._hash, target.name, field, wanted, found, reason)
        )


async def look(
    plan: Plan, subject: str, hash_: str, reader: Reader, *, hurried: bool = False
) -> Look:
    """Read all resources of a subject that the plan is about, and compare them.

    `hurried` is true if events wait for it.

    Raises:
        NotReadOnly, SystemAway: see `Reader.send`.
    """
    async with reader.turn(hurried=hurried) as turn:
        looking = Looking(reader, turn, hash_)
        for target in targets(plan, subject):
            await looking.read(target)
        return looking.look


def targets(plan: Plan, subject: str) -> Iterator[Target]:
    """Yield the resources of a subject, in the order in which they are read."""
    for step in plan.steps:
        if isinstance(step, ResourceStep) and step.phase is Phase.LOOK and step.subject == subject:
            yield step.target


def _because(refusal: Refusal) -> str:
    """Why the event cannot say what should be: the rules that it breaks, without values."""
    return refusal.result.rules or _NOT_READ


def _items(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if item not in (None, "")]
