"""The plan of an event with notes on each decision, for `connector explain` and other tools.

The function never imports this module. It decides nothing itself: each note has a value that the
planner of `connector.plan` returned, or an expression that the planner evaluates.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple, NoReturn

from connector.call import Call
from connector.event import Event
from connector.mapping.between import Between, BlockUse
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import used
from connector.mapping.expression import EvaluationError, Expression, Scope
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal, Result
from connector.plan.between import BetweenCalls
from connector.plan.computed import Computed, computed_value, condition, why
from connector.plan.frame import Frame
from connector.plan.noting import NotingScope
from connector.plan.planner import Plan, Planner
from connector.plan.scope import EventScope, event_scope
from connector.plan.step import PlannedCall, Replies, Step
from connector.system import Reply


class Verdict(Enum):
    """Why a rule was chosen or not."""

    CHOSEN = "it is the first that fits"
    OTHER_TYPE = "it is for events of other types"
    WHEN_FALSE = "its `when` does not hold"
    WHEN_FAILED = "its `when` cannot be computed"
    NOT_REACHED = "an earlier rule ended the search"


class TracedRule(NamedTuple):
    """A rule of the mapping and its verdict; `when` is None if it was not evaluated."""

    rule: Rule
    loc: Loc
    verdict: Verdict
    when: Computed | None = None


class TracedCondition(NamedTuple):
    """An `ignore` or `require` of the chosen rule; `decides` marks the one that ends the event."""

    loc: Loc
    computed: Computed
    decides: bool


class TracedCall(NamedTuple):
    """An entry of `calls` of the chosen rule: a call, or what stands between two calls.

    `left_out` is the `when` or `each` that keeps the call from being sent. `call` is the request
    if the call is sent; values that depend on earlier replies are in it as source text.
    `waits_for` are the ids of the calls with these replies. `failure` says why the request cannot
    be computed. `use` is the path of the use of a block that the entry was planned for. `number` is
    that of its step among those of `calls`, from 1; 0 if it has none.
    """

    entry: CallEntry | Between | BlockUse
    loc: Loc
    left_out: Computed | None = None
    call: Call | None = None
    failure: str | None = None
    subject: str | None = None
    waits_for: tuple[str, ...] = ()
    computed: tuple[Computed, ...] = ()
    use: Loc = ()
    number: int = 0


class Learned(NamedTuple):
    """What the steps of a plan learned from the system, or from replies that a person gave.

    `reached` is how many of the steps for `calls` came to their turn: these know all `replies` that
    they read. `answers` are the replies to the calls of a step, by its number from 1. `ended` is
    true if the event ended at the last of them.
    """

    replies: Replies
    reached: int
    answers: Mapping[int, tuple[Reply, ...]] = {}
    ended: bool = False


class Trace(NamedTuple):
    """A plan with notes; `result` is None if the replies of the external system decide it.

    `steps` are those of the plan; `connector.plan.resource_trace` explains those of resources.
    `scope` notes which values of the mapping were computed.
    """

    rules: tuple[TracedRule, ...]
    conditions: tuple[TracedCondition, ...]
    calls: tuple[TracedCall, ...]
    result: Result | None
    scope: NotingScope
    steps: tuple[Step, ...] = ()

    def values(self, mapping: MappingFile) -> list[Computed]:
        """The values of the mapping that something in this trace has read, in the file's order."""
        known = [name for name in mapping.values if name in self.scope.computed]
        return [computed_value(name, mapping.values[name], self.scope) for name in known]


def trace(
    event: Event,
    mapping: MappingFile,
    settings: Mapping[str, Any],
    learned: Learned | None = None,
) -> Trace:
    """Plan an event as `connector.plan.planner.plan` does, with notes.

    `settings` are the values by name. With `learned`, calls that wait for replies are shown as they
    are after these replies. It does not raise a refusal of the planner: the refusal is the trace's
    result.
    """
    scope = NotingScope.of(event_scope(event, mapping, settings))
    planner = _TracingPlanner(event, mapping, scope, learned)
    decided: Loc = ()
    steps: tuple[Step, ...] = ()
    try:
        found = planner.plan()
        decided, result, steps = found.decided, found.result, found.steps
    except Refusal as refusal:
        decided, result = planner.failed, refusal.result
    return Trace(
        rules=tuple(planner.all_rules()),
        conditions=tuple(
            TracedCondition(loc, item, decides=loc == decided) for loc, item in planner.conditions
        ),
        calls=() if result else tuple(planner.calls),
        result=result,
        scope=scope,
        steps=steps,
    )


class _TracingPlanner(Planner):
    def __init__(
        self, event: Event, mapping: MappingFile, scope: EventScope, learned: Learned | None
    ) -> None:
        super().__init__(event, mapping, scope)
        self.known = learned or Learned({}, 0)
        self.number = 0  # of the steps for `calls`
        self.rules: list[TracedRule] = []
        self.conditions: list[tuple[Loc, Computed]] = []
        self.calls: list[TracedCall] = []
        self.failed: Loc = ()
        self.use: Loc = ()  # the use of a block that is being planned

    def all_rules(self) -> Iterator[TracedRule]:
        """Yield every rule of the mapping in order, also the rules that were not reached."""
        yield from self.rules
        for index in range(len(self.rules), len(self.mapping.rules)):
            loc: Loc = ("rules", index)
            yield TracedRule(self.mapping.rules[index], loc, Verdict.NOT_REACHED)

    def refuse(self, refusal: Refusal, loc: Loc) -> NoReturn:
        self.failed = loc
        super().refuse(refusal, loc)

    def chooses(self, rule: Rule, loc: Loc) -> bool:
        handled = rule.handles(self.event.event_type)
        when = condition("when", rule.when, self.scope) if handled and rule.when else None
        verdict = Verdict.WHEN_FAILED
        try:
            chosen = super().chooses(rule, loc)
            verdict = Verdict.WHEN_FALSE if handled else Verdict.OTHER_TYPE
            verdict = Verdict.CHOSEN if chosen else verdict
        finally:
            self.rules.append(TracedRule(rule, loc, verdict, when))
        return chosen

    def decided(self, rule: Rule, loc: Loc) -> Plan | None:
        found = None
        try:
            found = super().decided(rule, loc)
        finally:
            self._note_conditions(rule, loc, found.decided if found else self.failed)
        return found

    def _note_conditions(self, rule: Rule, loc: Loc, last: Loc) -> None:
        """Note the conditions of a rule, up to the `last`: those behind it were not evaluated."""
        conditions: list[tuple[Loc, str, Expression]] = []
        for index, entry in enumerate(rule.ignore):
            conditions.append(((*loc, "ignore", index), "if", entry.if_))
        for index, must in enumerate(rule.require):
            conditions.append(((*loc, "require", index), "that", must.that))
        for here, key, expression in conditions:
            item = condition(str(here[-2]), expression, self.scope)
            self.conditions.append((here, item._replace(at=(key,))))
            if here == last:
                return

    def items(self, entry: CallEntry | BlockUse, frame: Frame, loc: Loc) -> Iterator[Frame]:
        empty = True
        for inner in super().items(entry, frame, loc):
            empty = False
            yield inner
        if empty and entry.each:
            left_out = computed_value("each", entry.each, frame.scope)
            self.calls.append(TracedCall(entry, loc, left_out))

    def steps_of_block(self, use: BlockUse, frame: Frame, loc: Loc) -> Iterator[Step]:
        before, outer = len(self.calls), self.use
        self.use = loc
        yield from super().steps_of_block(use, frame, loc)
        self.use = outer
        if use.when and len(self.calls) == before:
            self.leave_out(use, loc, use.when, frame.scope)

    def step(self, entry: CallEntry, frame: Frame, loc: Loc) -> PlannedCall | None:
        step = super().step(entry, frame, loc)
        if step is None and entry.when:
            self.leave_out(entry, loc, entry.when, frame.scope)
        if step:
            self.number += 1
            traced = TracedCall(entry, loc, subject=step.subject, use=self.use, number=self.number)
            self.calls.append(self.traced(traced, entry, step, frame))
        return step

    def traced(
        self, traced: TracedCall, entry: CallEntry, step: PlannedCall, frame: Frame
    ) -> TracedCall:
        """The call with its request, as far as it is known."""
        scope, unknown = frame.scope, entry.names_read & frame.late
        if self.number <= self.known.reached:
            scope, unknown = frame.after(self.known.replies), frozenset[str]()
            traced = self.after_replies(traced, step)
        elif step.late:
            traced = rendered(traced, scope, unknown)
        else:
            traced = traced._replace(call=step.ready)
        if traced.call is None and traced.failure is None:
            return traced._replace(left_out=self.left_out(entry, scope))
        subject = used(None if entry.subject else frame.subject, ("subject",))
        computed = _expressions([*subject, *_of_request(entry)], scope, unknown)
        return traced._replace(computed=tuple(computed))

    def after_replies(self, traced: TracedCall, step: PlannedCall) -> TracedCall:
        """The call with its request, after the replies that were learned."""
        try:
            return traced._replace(call=step.call(self.known.replies))
        except Refusal as refusal:
            return traced._replace(failure=refusal.result.rules)

    def left_out(self, entry: CallEntry, scope: Scope) -> Computed:
        """The `when` that keeps a call from being sent: its own, or that of its block's use."""
        own = entry.when and condition("when", entry.when, scope)
        if own and not own.value:
            return own
        use: Any = self.mapping.holder(self.use).calls[int(self.use[-1])]
        return Computed("when", use.when.source, False)

    def leave_out(
        self, entry: CallEntry | BlockUse, loc: Loc, when: Expression, scope: Scope
    ) -> None:
        """Note an entry whose `when` does not hold."""
        self.calls.append(TracedCall(entry, loc, condition("when", when, scope), use=self.use))

    def between(self, entry: Between, frame: Frame, loc: Loc, before: list[Step]) -> BetweenCalls:
        step = super().between(entry, frame, loc, before)
        self.number += 1
        scope = frame.scope
        unknown = frozenset(name for _, one in used(entry) for name in one.names) & frame.late
        if self.number <= self.known.reached:
            scope, unknown = frame.after(self.known.replies), frozenset[str]()
        computed = _expressions([*used(entry)], scope, unknown)
        self.calls.append(
            TracedCall(
                entry,
                loc,
                subject=step.subject,
                waits_for=tuple(sorted(unknown)),
                computed=tuple(computed),
                use=self.use,
                number=self.number,
            )
        )
        return step


def _of_request(entry: CallEntry) -> Iterator[tuple[Loc, Expression]]:
    """Yield the expressions of a call, except those that read its own reply."""
    for loc, expression in used(entry):
        if loc[0] not in ("replies", "expect", "pages"):
            yield loc, expression


def rendered(traced: TracedCall, scope: Scope, unknown: frozenset[str]) -> TracedCall:
    """The call with its request, which has source text for each value that reads `unknown`."""
    traced = traced._replace(waits_for=tuple(sorted(unknown)))
    if not isinstance(traced.entry, CallEntry):
        return traced
    try:
        return traced._replace(call=traced.entry.with_sources(unknown).render(scope))
    except (EvaluationError, Refusal) as error:
        return traced._replace(failure=why(error))
    except ValueError as error:
        return traced._replace(failure=type(error).__name__)


def _expressions(
    found: list[tuple[Loc, Expression]], scope: Scope, unknown: frozenset[str]
) -> Iterator[Computed]:
    """Yield the expressions of a call, computed, each with its dotted path as `about`."""
    for loc, expression in found:
        compute = condition if loc == ("when",) else computed_value
        yield compute(".".join(map(str, loc)), expression, scope, unknown)._replace(at=loc)
