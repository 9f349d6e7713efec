"""An explanation as lines of text, each with its style on a terminal."""

import json
from collections.abc import Iterator, Sequence

from connector.outcome import Answer, Outcome, Result
from connector_tools.deployment import Deployment
from connector_tools.explain import ExplainedCall, ExplainedValue, Explanation, answer_shown
from connector_tools.explain_resources import ExplainedResources
from connector_tools.explain_resources_text import resource_lines
from connector_tools.explain_summary import summary
from connector_tools.terminal import counted
from connector_tools.text_lines import (
    Line,
    Named,
    content_lines,
    heading,
    named_lines,
    subject_line,
    wrapped,
)

_BLANK: Line = ("", "")


def lines(
    found: Explanation,
    resources: ExplainedResources,
    deployment: Deployment,
    hash_key: bytes | None,
) -> Iterator[Line]:
    """Yield the lines of an explanation: its summary, then all in the order of the planner.

    What the planner did not compute is left out. Lines have 80 characters, except requests, which
    are shown as they are sent. If `hash_key` is given, each subject has the hash that the function
    logs for it.
    """
    yield heading(summary(found, resources))
    yield _BLANK
    yield from wrapped(_event(found), "  ", "bold")
    if deployment.made_up:
        names = ", ".join(deployment.made_up)
        text = f"  made up, since the environment has no value: {names}"
        yield from wrapped(text, "    ", "yellow")
    settings = [Named(one.name, one.value, (one.origin,)) for one in deployment.used]
    yield from _section("settings", settings)
    yield _BLANK
    yield heading("rules")
    yield from _rules(found)
    conditions = [Named(item.about, _value(item), _origins(item)) for item in found.conditions]
    yield from _section("conditions of the rule", conditions)
    yield from _section("values", [Named(v.about, v.value, _origins(v)) for v in found.values])
    yield from resource_lines(resources, hash_key)
    for number, call in enumerate(found.calls, 1):
        yield _BLANK
        yield from _call(number, call, hash_key)
    yield _BLANK
    yield from _end(found, resources)


def _rules(found: Explanation) -> Iterator[Line]:
    """Yield the rules that were asked, and how many were not."""
    asked = [rule for rule in found.rules if rule.asked]
    for rule in asked:
        mark, style = ("->", "green") if rule.chosen else ("  ", "dim")
        yield from wrapped(f"  {mark} {rule.name} (line {rule.line}): {rule.why}", "     ", style)
    if len(asked) < len(found.rules):
        left = counted(len(found.rules) - len(asked), "later rule")
        yield f"     {left} not asked", "dim"


def answer_lines(answer: Answer) -> Iterator[Line]:
    """Yield the lines of an answer to NSPS."""
    yield heading(f"answer {answer.status}")
    for line in json.dumps(answer.body, ensure_ascii=False, indent=2).split("\n"):
        yield line, ""


def _end(found: Explanation, resources: ExplainedResources) -> Iterator[Line]:
    result = found.result or resources.result
    if result:
        yield from answer_lines(answer_shown(result, found.event))
    elif not resources.resources and not any(call.sent for call in found.calls):
        nothing = Result(Outcome.IGNORED, "nothing to do for this event")
        yield from answer_lines(answer_shown(nothing))
    else:
        yield heading("answer 202, if the system confirms each call")
    reads = f"{counted(resources.reads, 'read')} sent. " if resources.reads else ""
    yield f"{reads}Nothing was {'written' if reads else 'sent'}.", "dim"


def _event(found: Explanation) -> str:
    event = found.event
    parts = [f"event {event.event_id}: {event.event_type}"]
    if isinstance(event.i_account, int):
        parts.append(f"account {event.i_account}")
    if event.updated_at:
        parts.append(f"snapshot of {event.updated_at.isoformat()}")
    return ", ".join(parts)


def _call(number: int, call: ExplainedCall, hash_key: bytes | None) -> Iterator[Line]:
    yield f"call {number} (line {call.line})", "bold" if call.sent else "dim"
    style = "" if call.sent else "dim"
    yield f"  {call.request.line}", style
    if call.note:
        yield from wrapped(f"  {call.note}", "    ", "yellow")
    if call.subject is not None:
        yield from wrapped(f"  {subject_line(call.subject, hash_key)}", "    ", style)
    yield from content_lines(call.request, style)
    for reply in call.replies:
        yield from wrapped(f"  reply: {reply}", "    ")
    if call.computed:
        yield "  where it comes from", "dim"
        rows = [Named(item.about, item.value, _origins(item)) for item in call.computed]
        yield from named_lines(rows, "    ", "dim")


def _section(title: str, rows: Sequence[Named]) -> Iterator[Line]:
    if rows:
        yield _BLANK
        yield heading(title)
        yield from named_lines(rows)


def _value(item: ExplainedValue) -> str:
    return f"{item.value} (decides)" if item.decides else item.value


def _origins(item: ExplainedValue) -> tuple[str, ...]:
    """The source of a value, and the fields that it reads."""
    source = " ".join(item.source.split())
    reads = ", ".join(f"{one.about} is {one.value}" for one in item.others)
    return tuple(filter(None, [source, f"({reads})" if reads else ""]))
