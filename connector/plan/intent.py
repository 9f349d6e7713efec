"""What a plan would do, in a form that can be compared with another plan of the same event.

`connector.shadow` compares the plans of two mapping files on live events, `connector diff` on
recorded ones. Neither sends anything.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connector.call import CALL_FIELDS, Call
from connector.event import Event
from connector.mapping.json_value import json_value
from connector.mapping.schema import MappingFile
from connector.outcome import Detail, Refusal, Result
from connector.plan.holding import Phase, ResourceStep
from connector.plan.planner import Plan, plan
from connector.plan.step import PlannedCall, Replies

_NOT_KNOWN = "a call that needs replies"


class Intent(NamedTuple):
    """One thing that a plan would do.

    `name` tells it from others and has no data: `PUT /subscribers/{}`, `hold number`, `the event`.
    `fields` are its data by their paths, such as `body.status`. They are personal. They are None if
    they depend on replies that are not known.
    """

    name: str
    fields: dict[str, Any] | None


class Difference(NamedTuple):
    """A field of an intent that another plan has with another value.

    `field` is empty if only one of the plans has the intent. The values are personal; an absent
    field has the value None.
    """

    intent: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Name the place, without a value."""
        if self.field:
            return f"{self.intent}: {self.field}"
        return f"{self.intent}: {'new' if self.before is None else 'gone'}"


def decision(event: Event, mapping: MappingFile, settings: Mapping[str, Any]) -> Plan | Result:
    """The plan of an event, or the result if the event is not good enough for one."""
    try:
        return plan(event, mapping, settings)
    except Refusal as refusal:
        return refusal.result


def differences(
    before: Plan | Result, after: Plan | Result, replies: Replies | None = None
) -> list[Difference]:
    """What one plan of an event would do otherwise than another.

    `replies` are what the system answered to the calls of `before`, if they were sent.
    """
    old, new = (_named(intents(one, replies or {})) for one in (before, after))
    found: list[Difference] = []
    for name in dict.fromkeys([*old, *new]):
        if name not in old:
            found.append(Difference(name, "", None, True))
        elif name not in new:
            found.append(Difference(name, "", True, None))
        else:
            found += _fields(name, old[name], new[name])
    return found


def intents(decided: Plan | Result, replies: Replies) -> Iterator[Intent]:
    """Yield what a plan would do, in its order."""
    if isinstance(decided, Result) or decided.result:
        result = decided if isinstance(decided, Result) else decided.result
        if result:
            details = {f"details.{_where(item)}": item.rule for item in result.details}
            yield Intent(
                "the event", {"outcome": result.outcome.value, "reason": result.reason, **details}
            )
        return
    earlier: set[str] = set()
    for step in decided.steps:
        if isinstance(step, PlannedCall):
            yield _of_call(step, replies if earlier <= replies.keys() else None)
            earlier |= {step.id} - {""}
        elif isinstance(step, ResourceStep) and step.phase is Phase.COMPARE:
            target = step.target
            known = None if target.waits else dict(_flat("", {"want": target.planned}))
            yield Intent(f"{target.verb} {target.name}", known)


def _where(detail: Detail) -> str:
    """The field of the event; in place of a line of the mapping file, which moves, `mapping`."""
    return re.sub(r"[^/]+:\d+", "mapping", detail.field)


def _of_call(step: PlannedCall, replies: Replies | None) -> Intent:
    """The intent of a call; `replies` is None if the reply to an earlier call is not known."""
    try:
        call = step.ready if replies is None else step.call(replies)
    except Refusal:
        call, replies = None, None
    if call is None and replies is None:
        return Intent(f"{_NOT_KNOWN}: {step.id}" if step.id else _NOT_KNOWN, None)
    if call is None:
        return Intent(f"no call {step.id}", {})
    return Intent(f"{call.method} {call.target}", dict(_data(call)))


def _data(call: Call) -> Iterator[tuple[str, Any]]:
    """Yield the data of a call: the fields that its protocol compares."""
    for field in dataclasses.fields(call):
        if field.compare and field.name not in CALL_FIELDS:
            yield from _flat(field.name, _readable(getattr(call, field.name)))


def _readable(value: Any) -> Any:
    """A body of JSON as a document, other bytes as text, pairs as an object."""
    if isinstance(value, bytes):
        try:
            return json.loads(value)
        except ValueError:
            return value.decode(errors="backslashreplace")
    pairs = isinstance(value, tuple) and all(isinstance(it, tuple) and len(it) == 2 for it in value)
    return dict(value) if pairs and value else value


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each value of a document with its path; a list of plain values is one value."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _flat(f"{path}[{index}]", item)
    else:
        yield path, value


def _named(found: Iterator[Intent]) -> dict[str, Intent]:
    """The intents by their names; of several with one name, the later ones get a number."""
    seen: Counter[str] = Counter()
    named = {}
    for intent in found:
        seen[intent.name] += 1
        number = seen[intent.name]
        named[intent.name if number == 1 else f"{intent.name} ({number})"] = intent
    return named


def _fields(name: str, old: Intent, new: Intent) -> Iterator[Difference]:
    if old.fields is None or new.fields is None:
        if old.fields is not new.fields:
            yield Difference(name, "whether it needs replies", old.fields, new.fields)
        return
    for field in dict.fromkeys([*old.fields, *new.fields]):
        before, after = old.fields.get(field), new.fields.get(field)
        if _same(before, after):
            continue
        yield Difference(name, field, before, after)


def _same(before: Any, after: Any) -> bool:
    if before == after:
        return isinstance(before, bool) == isinstance(after, bool)
    try:
        return bool(json_value(before) == json_value(after))
    except (TypeError, ValueError):
        return False
