"""The explanation of an event: the calls that would be sent for it, and why. Nothing is sent.

The event is planned with the deployment's settings, but with `***` in place of each secret, so that
no expression can show a secret.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from connector.event import Event, personal
from connector.mapping.between import Between, BlockUse, RequireEntry
from connector.mapping.call_entry import CallEntry
from connector.mapping.omit import Omit
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.text import text_of
from connector.masking import redact
from connector.outcome import Answer, Result, answer
from connector.plan.step import Step
from connector.plan.trace import Computed, TracedCall, TracedRule, Verdict, trace
from connector.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule of the mapping, and why it was chosen or not."""

    name: str
    line: int
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class ExplainedValue:
    """An expression of the mapping and its value for the event.

    `about` is its place in the mapping. `value` is JSON, or a sentence if there is no value.
    `reads` are the fields that it reads, with their values. `decides` marks the condition that
    ends the event.
    """

    about: str
    source: str
    value: str
    reads: tuple[str, ...] = ()
    decides: bool = False


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A call of the chosen rule as it would be sent.

    `line` is that of the mapping file. `note` says why the call is not sent, or on which earlier
    replies it depends.
    """

    line: int
    request: Preview
    sent: bool
    note: str = ""
    subject: str | None = None
    computed: tuple[ExplainedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an event before a call is sent.

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


def explain(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> Explanation:
    """Explain an event; `settings` are those of a `Deployment`."""
    found = trace(event, mapping, settings)
    return Explanation(
        event=event,
        rules=tuple(_rules(found.rules, mapping)),
        conditions=tuple(
            explained_value(item.computed, decides=item.decides) for item in found.conditions
        ),
        values=tuple(map(explained_value, found.values)),
        calls=tuple(explained_call(call, mapping, settings) for call in found.calls),
        result=found.result,
        steps=found.steps,
    )


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


def _rules(rules: tuple[TracedRule, ...], mapping: MappingFile) -> Iterator[ExplainedRule]:
    ended = ""
    for item in rules:
        why = ended if item.verdict is Verdict.NOT_REACHED else _why(item)
        if item.verdict is Verdict.CHOSEN:
            ended = "an earlier rule was chosen"
        elif item.verdict is Verdict.WHEN_FAILED:
            ended = "an earlier rule's `when` cannot be computed"
        line = mapping.document.place(item.loc).line
        yield ExplainedRule(item.rule.name, line, item.verdict is Verdict.CHOSEN, why)


def _why(item: TracedRule) -> str:
    if item.verdict is Verdict.CHOSEN:
        return "the first that fits"
    if item.when is None:
        return f"is for {', '.join(item.rule.on)}"
    when = explained_value(item.when)
    if item.verdict is Verdict.WHEN_FAILED:
        return f"its `when` {when.value}"
    return "; ".join((f"its `when` does not hold: {when.source}", *when.reads))


def explained_value(item: Computed, *, decides: bool = False) -> ExplainedValue:
    """An expression for people; `decides` marks the condition that ends the event."""
    reads = tuple(f"{field.about} is {_text(field)}" for field in item.reads)
    return ExplainedValue(item.about, item.source, _text(item), reads, decides)


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
        shown = (explained_value(item.left_out),)
        return ExplainedCall(line, Preview(outline), False, f"not sent: {reason}", computed=shown)
    request = Preview(outline)
    if item.call:
        request = mapping.protocol.preview(item.call, mapping.system, settings)
    computed = tuple(map(explained_value, item.computed))
    sent = isinstance(item.entry, CallEntry)
    return ExplainedCall(line, request, sent, _note(item, mapping), item.subject, computed)


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
