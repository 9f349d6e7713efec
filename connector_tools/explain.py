"""The explanation of an event: the calls that would be sent for it, and why. Nothing is sent.

The event is planned with the deployment's settings, but with `***` in place of each secret, so that
no expression can show a secret.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from connector.event import Event, personal
from connector.mapping.between import Between, BlockUse, RequireEntry
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.omit import Omit
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.text import text_of
from connector.masking import redact
from connector.outcome import Answer, Result, answer
from connector.plan.computed import Computed
from connector.plan.resource_trace import resources
from connector.plan.step import Step
from connector.plan.trace import Learned, Trace, TracedCall, TracedRule, Verdict, trace
from connector.system import Reply
from connector.unreadable import Unreadable
from connector_tools.explain_condition import deciding

_LONG = 40  # characters of a value in a sentence


@dataclass(frozen=True, slots=True)
class ExplainedRead:
    """A field that an expression reads: its name in the mapping, and its value as JSON."""

    about: str
    value: str


@dataclass(frozen=True, slots=True)
class ExplainedCondition:
    """The first condition that decided an expression: its text, and the values that it compares.

    `through` are the values of the mapping that lead to it, by name.
    """

    source: str
    sides: tuple[ExplainedRead, ...]
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule of the mapping, and why it was chosen or not.

    `condition` is what failed first, if the rule was asked and did not fit. `asked` is false for
    the rules behind the one that ended the search.
    """

    name: str
    line: int
    chosen: bool
    why: str
    condition: ExplainedCondition | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class ExplainedValue:
    """An expression of the mapping and its value for the event.

    `about` names its place in the entry, `loc` is its path in the file. `value` is JSON, or a
    sentence if there is no value; then `computed` is false. `reads` are the fields that it reads.
    `decides` marks the condition that ends the event.
    """

    about: str
    source: str
    value: str
    reads: tuple[ExplainedRead, ...] = ()
    decides: bool = False
    loc: Loc = ()
    computed: bool = True

    @property
    def others(self) -> tuple[ExplainedRead, ...]:
        """The fields that it reads; without whole parts, and without itself if it is a field."""
        own = self.source.removeprefix("=")
        return tuple(one for one in self.reads if one.about != own and "." in one.about)


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A call of the chosen rule as it would be sent.

    `line` is that of the mapping file. `note` says why the call is not sent, or on which earlier
    replies it depends; then `waits` is true. `replies` are sentences about the replies to it.
    """

    line: int
    request: Preview
    sent: bool
    note: str = ""
    subject: str | None = None
    computed: tuple[ExplainedValue, ...] = ()
    waits: bool = False
    replies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an event before a call is sent.

    `values` are those that the rule of the event reads.

    `result` is None if the replies of the external system decide it. `steps` are those of the plan;
    `connector_tools.explain_resources` explains those of resources.
    """

    event: Event
    rules: tuple[ExplainedRule, ...]
    conditions: tuple[ExplainedValue, ...]
    values: tuple[ExplainedValue, ...]
    calls: tuple[ExplainedCall, ...]
    result: Result | None
    steps: tuple[Step, ...] = ()


def explain(
    event: Event,
    mapping: MappingFile,
    settings: Mapping[str, Any],
    learned: Learned | None = None,
) -> Explanation:
    """Explain an event; `settings` are those of a `Deployment`.

    `learned` are replies of the system: calls that wait for them are shown as they are after them.
    """
    found = trace(event, mapping, settings, learned)
    told = learned or Learned({}, 0)
    shown = [call for call in found.calls if not told.ended or call.number <= told.reached]
    resources(found.steps)  # the calls that may be needed compute values, too
    return Explanation(
        event=event,
        rules=tuple(_rules(found, mapping)),
        conditions=tuple(
            explained_value(item.computed, item.loc, decides=item.decides)
            for item in found.conditions
        ),
        values=tuple(
            explained_value(item, ("values", item.about)) for item in found.values(mapping)
        ),
        calls=tuple(
            replace(
                explained_call(call, mapping, settings),
                replies=tuple(map(_reply, told.answers.get(call.number, ()))),
            )
            for call in shown
        ),
        result=found.result,
        steps=found.steps,
    )


def _reply(reply: Reply) -> str:
    """A reply to a call, for people: `unknown_resource: HTTP 404`."""
    return ": ".join(filter(None, [reply.outcome.value, reply.reason, reply.cause]))


def answer_shown(result: Result, event: Event | None = None) -> Answer:
    """The answer that NSPS would get; personal data of `event` is masked."""
    data = list(personal(event)) if event else []
    details = [item._replace(rule=redact(item.rule, data)) for item in result.details]
    reason = result.reason and redact(result.reason, data)
    return answer(result._replace(reason=reason, details=tuple(details)))


def as_json(value: Any) -> str:
    """The value of an expression as JSON."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if isinstance(value, datetime):
        return text_of(value)
    return repr(value) if isinstance(value, Unreadable | Omit) else str(value)


def _rules(found: Trace, mapping: MappingFile) -> Iterator[ExplainedRule]:
    ended = ""
    for item in found.rules:
        condition = _condition(item, found, mapping)
        why = ended if item.verdict is Verdict.NOT_REACHED else _why(item, condition)
        if item.verdict is Verdict.CHOSEN:
            ended = "an earlier rule was chosen"
        elif item.verdict is Verdict.WHEN_FAILED:
            ended = "an earlier rule's `when` cannot be computed"
        line = mapping.document.place(item.loc).line
        chosen = item.verdict is Verdict.CHOSEN
        asked = item.verdict is not Verdict.NOT_REACHED
        yield ExplainedRule(item.rule.name, line, chosen, why, condition, asked)


def _why(item: TracedRule, condition: ExplainedCondition | None) -> str:
    if item.verdict is Verdict.CHOSEN:
        return "the first that fits"
    if item.when is None:
        return f"is for {', '.join(item.rule.on)}"
    if item.verdict is Verdict.WHEN_FAILED:
        return f"its `when` {_text(item.when)}"
    why = f"its `when` does not hold: {' '.join(item.when.source.split())}"
    return f"{why}; {_sides(condition)}" if condition and condition.sides else why


def _sides(condition: ExplainedCondition) -> str:
    sides = (f"{side.about} is {_short(side.value)}" for side in condition.sides)
    return ", ".join(dict.fromkeys(sides))


def _short(value: str) -> str:
    """The value; only what it is, if it is long: the condition is about something inside."""
    kinds = {"{": "an object", "[": "a list"}
    return kinds.get(value[0], value) if len(value) > _LONG else value


def _condition(item: TracedRule, found: Trace, mapping: MappingFile) -> ExplainedCondition | None:
    """The first condition that failed of a rule that was asked and did not fit."""
    if item.verdict is Verdict.OTHER_TYPE:
        kind = ExplainedRead("event.event_type", as_json(found.scope["event"].event_type))
        return ExplainedCondition("on", (kind, ExplainedRead("on", as_json(list(item.rule.on)))))
    if item.verdict is not Verdict.WHEN_FALSE or item.rule.when is None:
        return None
    first = deciding(item.rule.when, found.scope, mapping)
    if first is None:
        return None
    sides = tuple(ExplainedRead(side.about, _text(side)) for side in first.sides)
    return ExplainedCondition(first.source, sides, first.through)


def explained_value(item: Computed, loc: Loc = (), *, decides: bool = False) -> ExplainedValue:
    """An expression for people, at `loc` and `item.at` below it; `decides` ends the event."""
    return ExplainedValue(
        about=item.about,
        source=item.source,
        value=_text(item),
        reads=tuple(ExplainedRead(field.about, _text(field)) for field in item.reads),
        decides=decides,
        loc=(*loc, *item.at),
        computed=not (item.failure or item.waits_for),
    )


def _text(item: Computed) -> str:
    if item.failure is not None:
        return f"cannot be computed: {item.failure}"
    if item.waits_for:
        return f"known after the reply of {_names(item.waits_for)}"
    return as_json(item.value)


def explained_call(
    item: TracedCall, mapping: MappingFile, settings: Mapping[str, Any]
) -> ExplainedCall:
    """A call for people; `settings` are those of a `Deployment`."""
    line = mapping.document.place(item.loc).line
    outline = _outline(item.entry)
    if item.left_out:
        reason = "`when` does not hold" if item.left_out.about == "when" else "`each` is empty"
        shown = (explained_value(item.left_out, (*item.loc, item.left_out.about)),)
        return ExplainedCall(line, Preview(outline), False, f"not sent: {reason}", computed=shown)
    request = Preview(outline)
    if item.call:
        request = mapping.protocol.preview(item.call, mapping.system, settings)
    computed = tuple(explained_value(one, _base(item, one)) for one in item.computed)
    sent = isinstance(item.entry, CallEntry)
    waits = sent and bool(item.waits_for)
    return ExplainedCall(line, request, sent, _note(item, mapping), item.subject, computed, waits)


def _base(item: TracedCall, value: Computed) -> Loc:
    """The path of the entry that has a value: the call, or what gives its subject."""
    if value.at != ("subject",) or getattr(item.entry, "subject", None):
        return item.loc
    return item.loc[:2] if item.loc[0] in ("rules", "blocks") else item.loc


def _outline(entry: CallEntry | Between | BlockUse) -> str:
    """An entry of `calls` as the mapping file has it."""
    if isinstance(entry, CallEntry):
        return f"{entry.method.upper()} {_source(entry)}"
    if isinstance(entry, RequireEntry):
        return "require " + " and ".join(
            " ".join(must.that.source.split()) for must in entry.require
        )
    return f"block {entry.block}" if isinstance(entry, BlockUse) else f"let {', '.join(entry.let)}"


def _source(entry: CallEntry) -> str:
    """The address of a call as the mapping file has it."""
    return str(getattr(entry.address, "source", None) or getattr(entry.address, "value", ""))


def _note(item: TracedCall, mapping: MappingFile) -> str:
    notes, when = [], getattr(item.entry, "when", None)
    if item.use:
        use: Any = mapping.holder(item.use).calls[int(item.use[-1])]
        notes.append(f"in `{use.block}`, used in line {mapping.document.place(item.use).line}")
    if item.waits_for:
        notes.append(f"after the reply of {_names(item.waits_for)}")
    if when and when.names.intersection(item.waits_for):
        notes.append(f"only if {when.source}")
    if isinstance(item.entry, CallEntry) and item.entry.confirm:
        notes.append(f"if its end is unknown, `{item.entry.confirm}` is asked again")
    if getattr(item.entry, "releases", False):
        notes.append("left out if the subject belongs to another account by now")
    if item.failure:
        notes.append(f"cannot be computed: {item.failure}")
    return "; ".join(notes)


def _names(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in ids)
