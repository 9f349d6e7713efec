"""What would become of an event and why, computed without sending anything.

The event is planned with the deployment's settings, except that each secret stands as `***` from
the beginning: whatever an expression makes of a secret, the secret itself cannot show.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector import log
from connector.event import Event, personal
from connector.mapping.ctrl_call import CtrlCallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import CallEntry
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    Scope,
    Tree,
    Value,
    compile_condition,
    expressions,
)
from connector.mapping.http_call import HttpCall, HttpCallEntry
from connector.mapping.rule import Rule
from connector.mapping.schema import Mapping as MappingFile
from connector.outcome import Answer, Refusal, Result, answer
from connector.plan import EventScope, Step, event_scope, plan
from connector_tools import draft
from connector_tools.draft import FAILED, Request, as_json

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule of the mapping, and why it was chosen or not."""

    name: str
    line: int
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression of the mapping and what this event makes of it, as JSON.

    `about` is what it is for, `reads` are the fields that it reads with their values. `decides`
    marks the condition that ends the event.
    """

    about: str
    source: str
    value: str
    reads: tuple[str, ...] = ()
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A call of the chosen rule as it would be sent.

    `note` says why it is not sent, or on what that depends. What only an earlier reply tells
    stands as the mapping's expression.
    """

    line: int
    request: Request
    sent: bool
    note: str = ""
    subject: str | None = None
    computed: tuple[Computed, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of an event before anything is sent.

    `result` is None if the system's replies decide.
    """

    event: Event
    rules: tuple[Considered, ...]
    conditions: tuple[Computed, ...]
    values: tuple[Computed, ...]
    calls: tuple[Planned, ...]
    result: Result | None


def explain(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> Explanation:
    """What would become of an event; `settings` as in `Deployment`."""
    return _Explainer(event, mapping, settings).explain()


def told(result: Result, event: Event | None = None) -> Answer:
    """The answer as NSPS would get it: without personal data."""
    data = list(personal(event)) if event else []
    details = [item._replace(rule=log.redact(item.rule, data)) for item in result.details]
    reason = result.reason and log.redact(result.reason, data)
    return answer(result._replace(reason=reason, details=tuple(details)))


class _Explainer:
    def __init__(self, event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> None:
        self.event = event
        self.mapping = mapping
        self.settings = settings
        self.scope = event_scope(event, mapping, settings)

    def explain(self) -> Explanation:
        rules = tuple(self.rules())
        chosen = next((index for index, rule in enumerate(rules) if rule.chosen), None)
        calls: tuple[Planned, ...] = ()
        try:
            planned = plan(self.event, self.mapping, self.settings)
            result = planned.result
            if chosen is not None and not result:
                calls = tuple(self.calls(chosen, planned.steps))
        except Refusal as refusal:
            result = refusal.result
        return Explanation(
            event=self.event,
            rules=rules,
            conditions=() if chosen is None else tuple(self.conditions(self.mapping.rules[chosen])),
            values=tuple(self.values()),
            calls=calls,
            result=result,
        )

    def rules(self) -> Iterator[Considered]:
        ended = ""
        for index, rule in enumerate(self.mapping.rules):
            chosen, why = False, ended or self.why_not(rule)
            if not why:
                chosen, why = True, "the first that fits"
                ended = "an earlier rule was chosen"
            elif FAILED in why:
                ended = "an earlier rule's `when` cannot be computed"
            yield Considered(rule.name, self.line("rules", index), chosen, why)

    def why_not(self, rule: Rule) -> str:
        """Why a rule that is looked at is not chosen; empty if it is."""
        if not rule.handles(self.event.event_type):
            return f"is for {', '.join(rule.on)}"
        if rule.when is None:
            return ""
        holds = self.condition("when", rule.when, self.scope)
        if holds.value == "true":
            return ""
        if holds.value.startswith(FAILED):
            return f"its `when` {holds.value}"
        return "; ".join((f"its `when` does not hold: {holds.source}", *holds.reads))

    def conditions(self, rule: Rule) -> Iterator[Computed]:
        """Every `ignore` and `require`; the first that does not let the event pass decides."""
        found = [self.condition("ignore", entry.if_, self.scope) for entry in rule.ignore]
        found += [self.condition("require", entry.that, self.scope) for entry in rule.require]
        decided = False
        for item in found:
            passes = item.value == ("false" if item.about == "ignore" else "true")
            yield replace(item, decides=not passes and not decided)
            decided = decided or not passes

    def values(self) -> Iterator[Computed]:
        for name, value in self.mapping.values.items():
            source = "" if isinstance(value, Constant) else draft.source(value)
            yield Computed(name, source, _result(value, self.scope))

    def condition(
        self, about: str, expression: Expression, scope: Scope, unknown: frozenset[str] = _NONE
    ) -> Computed:
        """An expression of which only the truth counts."""
        found = self.computed(about, expression, scope, unknown)
        if expression.names & unknown or found.value.startswith(FAILED):
            return found
        return replace(found, value=as_json(bool(expression.evaluate(scope))))

    def computed(
        self, about: str, expression: Expression, scope: Scope, unknown: frozenset[str] = _NONE
    ) -> Computed:
        """An expression with its value, and the fields behind it."""
        late = sorted(expression.names & unknown)
        if late:
            after = f"known after the reply of {', '.join(f'`{name}`' for name in late)}"
            return Computed(about, expression.source, after)
        dotted = [".".join(path) for path in sorted(expression.paths) if len(path) > 1]
        reads = [
            f"{path} is {_result(compile_condition(path), scope)}"
            for path in dotted
            if path != expression.source.removeprefix("=")
        ]
        return Computed(about, expression.source, _result(expression, scope), tuple(reads))

    def calls(self, rule: int, steps: tuple[Step, ...]) -> Iterator[Planned]:
        """The rule's calls in order; the plan has a step for each that is not left out."""
        left, ids = iter(steps), _NONE
        for index, entry in enumerate(self.mapping.rules[rule].calls):
            loc: Loc = ("rules", rule, "calls", index)
            scopes = self.scopes(entry)
            if entry.each and not scopes:
                yield self.skipped(entry, loc, self.computed("each", entry.each, self.scope))
            for scope in scopes:
                when = entry.when
                if when and not when.names & ids and not when.evaluate(scope):
                    yield self.skipped(entry, loc, self.condition("when", when, scope))
                else:
                    yield self.planned(entry, next(left), scope, entry.reads & ids, loc)
            ids |= {entry.id} if entry.id else _NONE

    def scopes(self, entry: CallEntry) -> list[EventScope]:
        """The names that a call reads, once for each `item`."""
        if entry.each is None:
            return [self.scope]
        items = entry.each.evaluate(self.scope) or ()
        return [self.scope.with_names({"item": item}) for item in items]

    def skipped(self, entry: CallEntry, loc: Loc, why: Computed) -> Planned:
        reason = "`when` does not hold" if why.about == "when" else "`each` is empty"
        request = Request(f"{entry.method.upper()} {draft.source(entry.address)}", (), "")
        return Planned(self.line(*loc), request, False, f"not sent: {reason}", computed=(why,))

    def planned(
        self, entry: CallEntry, step: Step, scope: Scope, unknown: frozenset[str], loc: Loc
    ) -> Planned:
        return Planned(
            line=self.line(*loc),
            request=self.request(entry, step, scope, unknown),
            sent=True,
            note=_note(entry, unknown),
            subject=step.subject,
            computed=tuple(self.expressions(entry, scope, unknown, loc)),
        )

    def request(
        self, entry: CallEntry, step: Step, scope: Scope, unknown: frozenset[str]
    ) -> Request:
        http = self.mapping.system.http
        if isinstance(entry, CtrlCallEntry):
            return draft.ctrl_request(entry, scope, unknown)
        assert isinstance(entry, HttpCallEntry)  # noqa: S101 - there are these two
        assert http  # noqa: S101 - `lint` lets no call of another protocol pass
        if isinstance(step.ready, HttpCall):
            found = draft.ready(entry, step.ready)
        else:
            found = draft.late(entry, scope, unknown)
        return draft.request(entry.method, found, http, self.settings)

    def expressions(
        self, entry: CallEntry, scope: Scope, unknown: frozenset[str], loc: Loc
    ) -> Iterator[Computed]:
        """Each expression of a call by its path in the file: `json.imsi`."""
        rule = self.mapping.rules[int(loc[1])]
        subject = {} if entry.subject else {"subject": rule.subject}
        for about, expression in _placed({**subject, **dict(entry)}):
            compute = self.condition if about == "when" else self.computed
            yield compute(about.replace("json_", "json", 1), expression, scope, unknown)

    def line(self, *loc: str | int) -> int:
        return self.mapping.document.place(loc).line


def _placed(tree: object, about: str = "") -> Iterator[tuple[str, Expression]]:
    """Every expression of a call, under the dotted name of its place."""
    if isinstance(tree, Tree):
        tree = dict(zip(tree.keys or map(str, range(len(tree.items))), tree.items, strict=True))
    if isinstance(tree, Mapping):
        for name, item in tree.items():
            yield from _placed(item, f"{about}.{name}" if about else name)
    elif isinstance(tree, Value):
        for expression in expressions(tree):
            yield about, expression


def _result(value: Value, scope: Scope) -> str:
    try:
        return as_json(value.evaluate(scope))
    except EvaluationError as error:
        return f"{FAILED}: {error}"


def _note(entry: CallEntry, unknown: frozenset[str]) -> str:
    notes = []
    if unknown:
        notes.append(f"after the reply of {', '.join(f'`{name}`' for name in sorted(unknown))}")
    if entry.when and entry.when.names & unknown:
        notes.append(f"only if {entry.when.source}")
    if entry.releases:
        notes.append("left out if the subject belongs to another account by now")
    return "; ".join(notes)
