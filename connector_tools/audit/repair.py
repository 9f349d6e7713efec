"""Sends events again for what differs, through the pipeline: ledger, limits, records.

A repair is the event that says what should be, under an id of its own and with its own snapshot.
So it is no duplicate of the event, and any newer event that was applied, or is applied meanwhile,
wins. Only the resources that differ are written, not the plain calls of the rule.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import uuid4

from connector.event import Event, parse
from connector.mapping.expression import Constant
from connector.outcome import Outcome, Refusal
from connector.pipeline import Pipeline
from connector.plan.holding import ResourceStep, steps_of
from connector.plan.planner import Plan, Planner
from connector.plan.scope import event_scope
from connector.plan.target import Target
from connector_tools.audit.audit import Audit
from connector_tools.audit.finding import Finding, Kind
from connector_tools.audit.listing import NO_EVENT, Listed
from connector_tools.audit.look import look
from connector_tools.audit.report import Repaired
from connector_tools.audit.should_be import renamed

REPAIRABLE = (Kind.MISSING, Kind.DIFFERENT, Kind.DOUBLE)
_NOT_ALL = (
    "the ledger keeps no event of subscribers who had none since KEEP_STATE was set, so what no "
    "event is about is removed only with a file of events of all subscribers: --events"
)
_ORDER = (Kind.EXTRA, Kind.DOUBLE, Kind.DIFFERENT, Kind.MISSING)  # what takes comes first


@dataclass(frozen=True, slots=True)
class Repairing(Pipeline):
    """A pipeline that writes only these resources of one subject, and those that need them."""

    subject: str = field(default="", repr=False)
    resources: frozenset[str] = frozenset()

    def plan(self, event: Event) -> Plan:
        """See `Pipeline`."""
        whole = Pipeline.plan(self, event)
        return whole._replace(
            steps=tuple(
                step
                for step in whole.steps
                if isinstance(step, ResourceStep)
                and step.subject == self.subject
                and (step.reads or self._writes(step.target))
            )
        )

    def _writes(self, target: Target) -> bool:
        return target.name in self.resources or any(map(self._writes, target.parents))


@dataclass(frozen=True, slots=True)
class Removing(Pipeline):
    """A pipeline that removes something that no event is about."""

    listed: Listed | None = None

    def plan(self, event: Event) -> Plan:
        """See `Pipeline`."""
        if self.listed is None:
            return Plan(())
        scope = event_scope(event, self.mapping, self.settings)
        given = {name: Constant(text) for name, text in self.listed.parameters.items()}
        loc = ("resources", self.listed.resource)
        targets = Planner(event, self.mapping, scope).targets("remove", given, loc)
        return Plan(loc, steps=steps_of([targets]))


class Repair:
    """Repairs what an audit found. `kinds` are those that are repaired."""

    def __init__(self, pipeline: Pipeline, audit: Audit, kinds: Collection[Kind]) -> None:
        self._pipeline = pipeline
        self._audit = audit
        self._kinds = kinds

    def todo(self, findings: Iterable[Finding]) -> dict[str, list[Finding]]:
        """The differences to repair, by subject, in the order in which they are repaired."""
        found: dict[str, list[Finding]] = {}
        for kind in _ORDER:
            for finding in findings if kind in self._kinds else ():
                if finding.kind is kind and finding.hash:
                    found.setdefault(finding.hash, []).append(finding)
        return found

    async def run(self, todo: dict[str, list[Finding]]) -> list[Repaired]:
        """Repair them; those that fail are tried again as long as others succeed.

        A number may have to be free before another SIM gets it.
        """
        done: dict[str, Repaired] = {}
        left = list(todo)
        while left:
            for hash_ in left:
                done[hash_] = await self._repair(hash_, todo[hash_])
            wrong = [hash_ for hash_ in left if not done[hash_].right]
            left = wrong if len(wrong) < len(left) else []
        return list(done.values())

    async def _repair(self, hash_: str, findings: list[Finding]) -> Repaired:
        subject, extra = findings[0].subject, self._audit.listed_of(hash_)
        if extra and not self._audit.may_remove:
            return Repaired(subject, hash_, Outcome.IGNORED, _NOT_ALL, right=False)
        body = NO_EVENT if extra else await self._audit.body_of(hash_)
        if body is None:
            reason = "nothing says any more what should be"
            return Repaired(subject, hash_, Outcome.IGNORED, reason, right=False)
        pipeline = self._removing(extra) if extra else self._repairing(subject, findings)
        await self._audit.reader.wait()
        result = await pipeline.handle(renamed(body, f"repair-{uuid4()}"))
        right = result.outcome is Outcome.APPLIED and await self._is_right(body, extra, findings)
        why = result.reason or result.rules or None
        places = frozenset(finding.place for finding in findings)
        return Repaired(subject, hash_, result.outcome, why, right, places)

    def _repairing(self, subject: str, findings: list[Finding]) -> Repairing:
        names = frozenset(finding.resource for finding in findings)
        return Repairing(**_parts(self._pipeline), subject=subject, resources=names)

    def _removing(self, extra: Listed) -> Removing:
        parts = _parts(self._pipeline) | {"seal": None}  # nothing is known that could be kept
        return Removing(**parts, listed=extra)

    async def _is_right(self, body: bytes, extra: Listed | None, findings: list[Finding]) -> bool:
        """Read once more: is it now as it should be?"""
        first, pipeline, reader = findings[0], self._pipeline, self._audit.reader
        if extra:
            plan = self._removing(extra).plan(parse(body))
            again = await look(plan, first.subject, first.hash, reader)
            return not again.findings
        try:
            plan = pipeline.plan(parse(body))
        except Refusal:
            return False
        again = await look(plan, first.subject, first.hash, reader)
        places = {finding.place for finding in findings}
        return not any(finding.place in places for finding in again.findings)


def _parts(pipeline: Pipeline) -> dict[str, Any]:
    """The parts of a pipeline, without its shadow, which knows whole plans only."""
    parts = {part.name: getattr(pipeline, part.name) for part in fields(pipeline)}
    return parts | {"watch": None}
