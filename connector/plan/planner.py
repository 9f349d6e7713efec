"""The plan of an event: a pure function of the event, the mapping and its settings.

A plan holds either the steps to carry out, each with its subject, or the result that the mapping
decided without any call (ignored, invalid). The planner computes all it can before the first call,
so that bad data is found before anything changes. Only calls that read an earlier reply are
computed later. `connector.plan.trace` makes the same plan and notes how each decision was made.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.event import Event
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Value, expressions
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.outcome import Detail, Outcome, Refusal, Result
from connector.plan.changes import VERBS, Verb
from connector.plan.frame import Frame
from connector.plan.holding import steps_of
from connector.plan.scope import event_scope
from connector.plan.sequence import StepPlanner, field_of
from connector.plan.step import Step
from connector.plan.target import Target

_LONGEST_REASON = 500  # characters


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


class Planner(StepPlanner):
    """Makes one plan; `connector.plan.trace` overrides methods to note what they return."""

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
                detail = Detail(field_of(must.that), because)
                return Plan(here, rule, Result(Outcome.INVALID, details=(detail,)))
        return None

    def steps(self, rule: Rule, loc: Loc) -> tuple[Step, ...]:
        """The steps for the rule's resources, then for its calls."""
        frame = Frame(self.scope, rule.subject)
        held = steps_of(self.sims(rule, loc)) if rule.has_resources else ()
        return (*held, *self.steps_of(rule.calls, (*loc, "calls"), frame))

    def sims(self, rule: Rule, loc: Loc) -> list[tuple[Target, ...]]:
        """The targets of each `release`, `remove` and `hold` of the rule."""
        return [
            self.targets(verb, parameters, (*loc, verb, index))
            for verb in VERBS
            for index, parameters in enumerate(getattr(rule, verb))
        ]

    def targets(self, verb: Verb, parameters: Mapping[str, Value], loc: Loc) -> tuple[Target, ...]:
        """The resources that have these parameters."""
        given = {name: self.parameter(name, value, loc) for name, value in parameters.items()}
        scope = self.scope.with_names(given)
        first, name = next(iter(given.items()))
        found: list[Target] = []
        for kind, entry in self.mapping.held(parameters):
            key = str((kind, *(given[parameter] for parameter in entry.of)))
            target = Target(kind, entry, verb, f"{first}:{name}", key, scope, tuple(found), self)
            found.append(target.checked())
        return tuple(found)

    def parameter(self, name: str, value: Value, loc: Loc) -> str:
        """The text of a parameter. An empty one would make unrelated events share a resource."""
        text = self.text(value, (*loc, name))
        if text is None:
            self.invalid(f"`{name}` has no value", (*loc, name))
        return text
