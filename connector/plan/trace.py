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
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    Scope,
    Value,
    compile_condition,
    expressions,
)
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal, Result
from connector.plan.between import BetweenCalls
from connector.plan.frame import Frame
from connector.plan.planner import Plan, Planner
from connector.plan.scope import EventScope, event_scope
from connector.plan.step import PlannedCall, Step


class Computed(NamedTuple):
    """A value of the mapping, evaluated for the event.

    `about` names its place in the entry, e.g. `json.imsi`. `failure` says why the value cannot be
    computed. `waits_for` are the ids of the earlier calls whose replies it reads. `reads` are the
    fields that it reads, with their values.
    """

    about: str
    source: str
    value: Any = None
    failure: str | None = None
    waits_for: tuple[str, ...] = ()
    reads: tuple["Computed", ...] = ()


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
    be computed. `use` is the path of the use of a block that the entry was planned for.
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


class Trace(NamedTuple):
    """A plan with notes; `result` is None if the replies of the external system decide it.

    `steps` are those of the plan; `connector.plan.resource_trace` explains those of resources.
    """

    rules: tuple[TracedRule, ...]
    conditions: tuple[TracedCondition, ...]
    values: tuple[Computed, ...]
    calls: tuple[TracedCall, ...]
    result: Result | None
    steps: tuple[Step, ...] = ()


def trace(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> Trace:
    """Plan an event as `connector.plan.planner.plan` does, with notes.

    `settings` are the values by name. It does not raise a refusal of the planner: the refusal is
    the trace's result.
    """
    planner = _TracingPlanner(event, mapping, event_scope(event, mapping, settings))
    decided: Loc = ()
    steps: tuple[Step, ...] = ()
    try:
        found = planner.plan()
        decided, result, steps = found.decided, found.result, found.steps
    except Refusal as refusal:
        decided, result = planner.failed, refusal.result
    values = [computed_value(name, value, planner.scope) for name, value in mapping.values.items()]
    return Trace(
        rules=tuple(planner.all_rules()),
        conditions=tuple(
            TracedCondition(loc, item, decides=loc == decided) for loc, item in planner.conditions
        ),
        values=tuple(values),
        calls=() if result else tuple(planner.calls),
        result=result,
        steps=steps,
    )


class _TracingPlanner(Planner):
    def __init__(self, event: Event, mapping: MappingFile, scope: EventScope) -> None:
        super().__init__(event, mapping, scope)
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
        for index, entry in enumerate(rule.ignore):
            item = condition("ignore", entry.if_, self.scope)
            self.conditions.append(((*loc, "ignore", index), item))
        for index, must in enumerate(rule.require):
            item = condition("require", must.that, self.scope)
            self.conditions.append(((*loc, "require", index), item))
        return super().decided(rule, loc)

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
            left_out = condition("when", use.when, frame.scope)
            self.calls.append(TracedCall(use, loc, left_out))

    def step(self, entry: CallEntry, frame: Frame, loc: Loc) -> PlannedCall | None:
        step = super().step(entry, frame, loc)
        if step is None and entry.when:
            left_out = condition("when", entry.when, frame.scope)
            self.calls.append(TracedCall(entry, loc, left_out, use=self.use))
        if step:
            unknown = entry.names_read & frame.late
            subject = used(None if entry.subject else frame.subject, ("subject",))
            traced = _shown(TracedCall(entry, loc, call=step.ready), frame.scope, unknown)
            computed = _expressions([*subject, *_of_request(entry)], frame.scope, unknown)
            self.calls.append(
                traced._replace(subject=step.subject, computed=tuple(computed), use=self.use)
            )
        return step

    def between(self, entry: Between, frame: Frame, loc: Loc, before: list[Step]) -> BetweenCalls:
        step = super().between(entry, frame, loc, before)
        unknown = frozenset(name for _, one in used(entry) for name in one.names) & frame.late
        computed = _expressions([*used(entry)], frame.scope, unknown)
        self.calls.append(
            TracedCall(
                entry,
                loc,
                subject=step.subject,
                waits_for=tuple(sorted(unknown)),
                computed=tuple(computed),
                use=self.use,
            )
        )
        return step


def _of_request(entry: CallEntry) -> Iterator[tuple[Loc, Expression]]:
    """Yield the expressions of a call, except those that read its own reply."""
    for loc, expression in used(entry):
        if loc[0] not in ("replies", "expect", "pages"):
            yield loc, expression


def _shown(traced: TracedCall, scope: EventScope, unknown: frozenset[str]) -> TracedCall:
    """The call with its request. If it reads `unknown` replies, it has source text in it."""
    return rendered(traced, scope, unknown) if unknown else traced


def rendered(traced: TracedCall, scope: Scope, unknown: frozenset[str]) -> TracedCall:
    """The call with its request, which has source text for each value that reads `unknown`."""
    traced = traced._replace(waits_for=tuple(sorted(unknown)))
    if not isinstance(traced.entry, CallEntry):
        return traced
    try:
        return traced._replace(call=traced.entry.with_sources(unknown).render(scope))
    except (EvaluationError, Refusal) as error:
        return traced._replace(failure=_why(error))
    except ValueError as error:
        return traced._replace(failure=type(error).__name__)


def _expressions(
    found: list[tuple[Loc, Expression]], scope: Scope, unknown: frozenset[str]
) -> Iterator[Computed]:
    """Yield the expressions of a call, computed, each with its dotted path as `about`."""
    for loc, expression in found:
        compute = condition if loc == ("when",) else computed_value
        yield compute(".".join(map(str, loc)), expression, scope, unknown)


def condition(
    about: str, expression: Expression, scope: Scope, unknown: frozenset[str] = frozenset()
) -> Computed:
    """A condition, computed: its value is true or false."""
    found = computed_value(about, expression, scope, unknown)
    if found.failure or found.waits_for:
        return found
    return found._replace(value=bool(found.value))


def computed_value(
    about: str, value: Value, scope: Scope, unknown: frozenset[str] = frozenset()
) -> Computed:
    """A value, computed unless it reads an `unknown` name; `about` is its place in the entry."""
    source = getattr(value, "source", "")
    parts = () if isinstance(value, Constant) else expressions(value)
    waits_for = tuple(sorted({name for part in parts for name in part.names} & unknown))
    if waits_for:
        return Computed(about, source, waits_for=waits_for)
    reads: tuple[Computed, ...] = ()
    if isinstance(value, Expression):
        reads = tuple(_reads(value, scope))
    left = scope.meter.left  # notes are not paid for: the plan must not run short because of them
    try:
        return Computed(about, source, value.evaluate(scope), reads=reads)
    except (EvaluationError, Refusal) as error:
        return Computed(about, source, failure=_why(error), reads=reads)
    finally:
        scope.meter.left = left


def _reads(expression: Expression, scope: Scope) -> Iterator[Computed]:
    """Yield the fields that an expression reads, except if it is itself one field."""
    for path in sorted(expression.paths):
        dotted = ".".join(path)
        if len(path) > 1 and dotted != expression.source.removeprefix("="):
            field = compile_condition(dotted)
            try:
                yield Computed(dotted, dotted, field.evaluate(scope))
            except (EvaluationError, Refusal) as error:
                yield Computed(dotted, dotted, failure=_why(error))


def _why(error: EvaluationError | Refusal) -> str:
    """Why a value cannot be computed, for a person."""
    if isinstance(error, Refusal):
        return "; ".join(detail.rule for detail in error.result.details)
    return str(error)
