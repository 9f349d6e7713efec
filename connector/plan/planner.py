"""The plan of an event: a pure function of the event, the mapping and its settings.

A plan holds either the steps to carry out, each with its subject, or the result that the mapping
decided without any call (ignored, invalid). The planner computes all it can before the first call,
so that bad data is found before anything changes. Only calls that read an earlier reply are
computed later. `connector.plan.trace` makes the same plan and notes how each decision was made.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn

from connector.call import Call
from connector.event import PARTS, Event
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import used
from connector.mapping.expression import (
    EvaluationError,
    Expression,
    Scope,
    Value,
    expressions,
    formed,
)
from connector.mapping.meter import TooMuchWork
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.mapping.text import optional_text
from connector.outcome import Detail, Outcome, Refusal, Result
from connector.plan.scope import EventScope, event_scope
from connector.plan.step import PlannedCall, Replies, Step
from connector.unreadable import refuse_unreadable

_LONGEST_REASON = 500  # characters

_ENCODED = 50  # bytes of a call that are made in a step of the meter
MOST_ITEMS = 1000  # of a list that a call is made for each of (docs/mapping.md)


class Plan(NamedTuple):
    """Either the `steps` to carry out, or the `result` if the mapping decided without a call.

    `decided` is the path of the deciding entry in the mapping file.
    """

    decided: Loc
    rule: Rule | None = None
    result: Result | None = None
    steps: tuple[Step, ...] = ()

    @property
    def quotes_nothing(self) -> bool:
        """True if the event is ignored with a sentence of the mapping that has no data in it."""
        if self.rule is None or self.decided[-2:-1] != ("ignore",):
            return False
        return not expressions(self.rule.ignore[int(self.decided[-1])].because)


def plan(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> Plan:
    """The plan of an event; the pipeline carries it out.

    Raises:
        Refusal: invalid; the event lacks data that an expression needs. `details` has the file
            name and line of the expression.
    """
    return Planner(event, mapping, event_scope(event, mapping, settings)).plan()


class Planner:
    """Makes one plan; `connector.plan.trace` overrides methods to note what they return."""

    def __init__(self, event: Event, mapping: MappingFile, scope: EventScope) -> None:
        self.event = event
        self.mapping = mapping
        self.scope = scope

    def plan(self) -> Plan:
        """The plan of the event; raises as the function `plan` does."""
        for index, rule in enumerate(self.mapping.rules):
            loc: Loc = ("rules", index)
            if self.chooses(rule, loc):
                return self.decided(rule, loc) or Plan(loc, rule, steps=self.steps(rule, loc))
        return Plan((), result=Result(Outcome.IGNORED, self.no_rule()))

    def no_rule(self) -> str:
        """Why no rule was chosen: the source of each `when` that does not hold.

        It quotes only the mapping file, never the event, except for a type that no rule names.
        """
        kind = self.event.event_type
        wanted = [
            f"`{rule.name}` wants {' '.join(rule.when.source.split())}"
            for rule in self.mapping.rules
            if rule.when and rule.handles(kind)
        ]
        if not wanted:
            return f"no rule for events of type {kind}"
        return f"no rule applies: {'; '.join(wanted)}"[:_LONGEST_REASON]

    def chooses(self, rule: Rule, loc: Loc) -> bool:
        """True if the rule handles the event's type and its `when` holds."""
        if not rule.handles(self.event.event_type):
            return False
        return rule.when is None or bool(self.value(rule.when, (*loc, "when")))

    def decided(self, rule: Rule, loc: Loc) -> Plan | None:
        """A plan without calls if an `ignore` or a `require` ends the event; else None."""
        for index, entry in enumerate(rule.ignore):
            here: Loc = (*loc, "ignore", index)
            if self.value(entry.if_, here):
                because = self.text(entry.because, here) or "the mapping says so"
                return Plan(here, rule, Result(Outcome.IGNORED, because))
        for index, must in enumerate(rule.require):
            here = (*loc, "require", index)
            try:
                holds = must.that.evaluate(self.scope)
            except Refusal as refusal:  # it asks for a part that is absent
                return Plan(here, rule, refusal.result)
            except EvaluationError as error:
                self.invalid(str(error), here)
            if not holds:
                because = self.text(must.because, here) or "must hold"
                detail = Detail(_field(must.that), because)
                return Plan(here, rule, Result(Outcome.INVALID, details=(detail,)))
        return None

    def steps(self, rule: Rule, loc: Loc) -> tuple[Step, ...]:
        """The steps for the rule's calls."""
        found: list[Step] = []
        ids: set[str] = set()
        for index, entry in enumerate(rule.calls):
            here: Loc = (*loc, "calls", index)
            for scope in self.items(entry, here):
                step = self.step(rule, entry, scope, here, ids)
                if step:
                    found.append(step)
            ids.add(entry.id or "")
        return tuple(found)

    def items(self, entry: CallEntry, loc: Loc) -> Iterator[EventScope]:
        """Yield the scope of a call: once for each `item` of its `each`, or once without `each`."""
        if entry.each is None:
            yield self.scope
            return
        items = self.value(entry.each, (*loc, "each"))
        if not isinstance(items, list | tuple | None):
            self.invalid("`each` needs a list", (*loc, "each"))
        if items and len(items) > MOST_ITEMS:
            self.invalid(f"`each` takes at most {MOST_ITEMS} items", (*loc, "each"))
        for item in items or ():
            yield self.scope.with_names({"item": item})

    def step(
        self, rule: Rule, entry: CallEntry, scope: EventScope, loc: Loc, ids: set[str]
    ) -> PlannedCall | None:
        """The step for a call, None if its `when` does not hold; `ids` name the earlier calls."""
        if entry.when and not entry.when.names & ids and not self.value(entry.when, loc, scope):
            return None
        render = partial(self.rendered, entry, scope, loc)
        waits = not entry.names_read.isdisjoint(ids)
        return PlannedCall(
            id=entry.id or "",
            subject=self.subject(entry.subject or rule.subject, loc, scope),
            releases=entry.releases,
            loc=loc,
            ready=None if waits else render({}),
            late=render if waits else None,
        )

    def rendered(
        self, entry: CallEntry, scope: EventScope, loc: Loc, replies: Replies
    ) -> Call | None:
        """The call with the replies that it reads; None if its `when` does not hold after them."""
        scope = scope.with_names(replies) if replies else scope
        if replies and entry.when and not self.value(entry.when, loc, scope):
            return None
        try:
            if self.event.unreadable:
                _check_sent(entry, scope)
            call = entry.judged(entry.render(scope), scope)
            scope.meter.spend(call.size // _ENCODED)
            return call
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except ValueError as error:
            told = isinstance(error, EvaluationError | TooMuchWork)
            kind = str(error) if told else type(error).__name__
            self.invalid(kind, loc)

    def subject(self, subject: Value | None, loc: Loc, scope: Scope) -> str | None:
        """The subject of a call. An empty one would make unrelated events wait for each other."""
        if subject is None:
            return None
        name = self.text(subject, loc, scope)
        if name is None:
            self.invalid("the subject has no value", loc)
        return name

    def text(self, value: Value, loc: Loc, scope: Scope | None = None) -> str | None:
        """The text of a value, None if it is none or empty; for a refusal as `value`."""
        try:
            return formed(value, self.scope if scope is None else scope, optional_text)
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except EvaluationError as error:
            self.invalid(str(error), loc)

    def value(self, value: Value, loc: Loc, scope: Scope | None = None) -> Any:
        """Evaluate a value of the mapping; `loc` is its path in the file, for the refusal."""
        try:
            return value.evaluate(self.scope if scope is None else scope)
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except EvaluationError as error:
            self.invalid(str(error), loc)

    def invalid(self, rule: str, loc: Loc) -> NoReturn:
        """Refuse the event as invalid: it breaks `rule` at `loc` of the mapping file."""
        document = self.mapping.document
        where = f"{document.path.name}:{document.place(loc).line}"
        self.refuse(Refusal(Outcome.INVALID, details=(Detail(where, rule),)), loc)

    def refuse(self, refusal: Refusal, loc: Loc) -> NoReturn:
        """Refuse the event, because of what `loc` of the mapping file reads."""
        raise refusal from None


def _check_sent(entry: CallEntry, scope: Scope) -> None:
    """Refuse the event if a call sends a whole part with a field that cannot be read.

    Raises:
        Refusal: invalid; names the field.
    """
    left = scope.meter.left  # the call pays when it is rendered
    for (key, *_), expression in used(entry):
        if key not in ("when", "each"):
            refuse_unreadable(expression.evaluate(scope))
    scope.meter.left = left


def _field(condition: Expression) -> str:
    """The field of the event that a condition is about, as NSPS names it."""
    for path in sorted(condition.paths):
        if path[0] in PARTS:
            return ".".join((PARTS[path[0]][0], *path[1:]))
    return ""
