"""What a connector would do for an event, in one line without personal data. Nothing is sent."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connector.event import Event, parse
from connector.log import mask_subject
from connector.mapping.call_entry import CallEntry
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Refusal, Result
from connector.plan.resource_trace import resources
from connector.plan.trace import Trace, TracedCall, trace
from connector_tools.events_file import Item
from connector_tools.explain import answer_shown


class DryRun(NamedTuple):
    """The line for an event, and whether the event is good: neither unreadable nor invalid."""

    text: str
    good: bool


def dry_run(item: Item, mapping: MappingFile, settings: Mapping[str, Any]) -> DryRun:
    """Plan the event of an item; `settings` are those of a `Deployment`."""
    if item.problem:
        return DryRun(f"{item.label} {item.problem}", good=False)
    try:
        event = parse(item.body)
    except Refusal as refusal:
        return DryRun(f"{item.label} {_answer(refusal.result)}", good=False)
    found = trace(event, mapping, settings)
    invalid = found.result is not None and found.result.outcome is Outcome.INVALID
    return DryRun(f"{item.label} {_planned(found, event)}", good=not invalid)


def _planned(found: Trace, event: Event) -> str:
    if found.result:
        return _answer(found.result, event)
    calls = [
        _call(call)
        for call in found.calls
        if call.left_out is None and isinstance(call.entry, CallEntry)
    ]
    return ", ".join([*_resources(found), *calls]) or _answer(
        Result(Outcome.IGNORED, "nothing to do for this event")
    )


def _resources(found: Trace) -> Iterator[str]:
    """Yield the resources of each SIM: `hold subscriber, number of imsi:***********0001`."""
    names: dict[tuple[str, str], list[str]] = {}
    for item in resources(found.steps):
        names.setdefault((item.target.verb, item.target.subject), []).append(item.target.name)
    for (verb, subject), listed in names.items():
        yield f"{verb} {', '.join(listed)} of {mask_subject(subject)}"


def _call(traced: TracedCall) -> str:
    after = " after the reply of " + ", ".join(traced.waits_for) if traced.waits_for else ""
    method = getattr(traced.entry, "method", "")
    call = f"{traced.call.method} {traced.call.target}" if traced.call else method
    return call + after


def _answer(result: Result, event: Event | None = None) -> str:
    answer = answer_shown(result, event)
    details = answer.body.get("details") or ()
    rules = [f"{item['field']} {item['rule']}" for item in details]  # type: ignore[attr-defined]
    return "; ".join([f"{answer.status} {answer.body['message']}", *rules])
