"""The explanation of an event's resources: wanted, found, difference, and what would be sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.session import HIDDEN
from connector.outcome import Result
from connector.plan.computed import Computed
from connector.plan.holding import Phase, ResourceStep, place
from connector.plan.resource_trace import TracedResource, resources
from connector.plan.target import Target
from connector.plan.trace import TracedCall
from connector_tools.explain import (
    ExplainedCall,
    ExplainedValue,
    Explanation,
    as_json,
    explained_call,
    explained_value,
)
from connector_tools.reading import Reading, is_read_later, writing

_VEILED = "not shown: it depends on a secret"
_LATER = "what is needed then, read once the resources are there that it needs"
_CASES = {"create": "if there is none", "remove": "if there is one"}


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """An owned field: its values as JSON. `found` is empty if the resource is absent."""

    name: str
    wanted: str
    found: str
    differs: bool


@dataclass(frozen=True, slots=True)
class ExplainedResource:
    """A resource of one SIM.

    `title` has verb and name, `line` is that of the mapping file. `writes` are the calls that can
    be needed, each with its key and the case. If the system was read, `found` says what it holds
    and `fields` compares it; else both are empty.
    """

    title: str
    line: int
    subject: str
    read: ExplainedCall
    wanted: ExplainedValue | None
    require: tuple[str, ...]
    writes: tuple[tuple[str, ExplainedCall | None], ...]
    note: str = ""
    found: str = ""
    fields: tuple[ExplainedField, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainedResources:
    """The resources of an event, in the order in which they are read.

    `order` has the phases that follow, each with the resources that it can write. If the system
    was read, `requests` are what would be sent, each with its step: a preview, or a sentence why
    there is none. `result` is not None if the event ends before that, or at one of these requests.
    `reads` is the number of calls that were sent to read.
    """

    resources: tuple[ExplainedResource, ...]
    order: tuple[tuple[str, str], ...]
    requests: tuple[tuple[str, Preview | str], ...] = ()
    result: Result | None = None
    known: bool = False
    reads: int = 0


def explain_resources(
    found: Explanation,
    mapping: MappingFile,
    settings: Mapping[str, Any],
    reading: Reading | None = None,
) -> ExplainedResources:
    """Explain the resources of an event; `settings` have `***` in place of each secret."""
    explained = tuple(
        _resource(item, mapping, settings, reading) for item in resources(found.steps)
    )
    order = tuple(_order(found))
    if reading is None:
        return ExplainedResources(explained, order)
    sends = reading.result is None or reading.wrote
    return ExplainedResources(
        resources=explained,
        order=order,
        requests=tuple(_requests(found, reading, mapping, settings)) if sends else (),
        result=reading.result,
        known=True,
        reads=reading.sent,
    )


def _resource(
    item: TracedResource,
    mapping: MappingFile,
    settings: Mapping[str, Any],
    reading: Reading | None,
) -> ExplainedResource:
    target = item.target
    calls = ((write, write.call) for write in item.writes)
    return ExplainedResource(
        title=f"{target.verb} {target.name}",
        line=mapping.document.place(target.loc).line,
        subject=target.subject,
        read=_call(item.read, mapping, settings),
        wanted=item.wanted and _wanted(item.wanted),
        require=tuple(_require(target)),
        writes=tuple(
            (_case(write.key), call and _call(call, mapping, settings)) for write, call in calls
        ),
        note=_note(target),
        found=_found(target, reading) if reading else "",
        fields=tuple(_fields(target, reading)) if reading else (),
    )


def _wanted(item: Computed) -> ExplainedValue:
    explained = explained_value(item)
    if item.waits_for:
        return replace(explained, value="depends on what is found")
    return replace(explained, value="absent") if item.value is None else explained


def _require(target: Target) -> Iterator[str]:
    """Yield the conditions on what is found; they are checked for every `hold`."""
    for entry in target.entry.require if target.verb == "hold" else ():
        yield f"{' '.join(entry.that.source.split())}, else {entry.outcome.value}"


def _call(item: TracedCall, mapping: MappingFile, settings: Mapping[str, Any]) -> ExplainedCall:
    explained = explained_call(item._replace(waits_for=()), mapping, settings)
    notes, when = [explained.note] if explained.note else [], getattr(item.entry, "when", None)
    if item.waits_for:
        notes.append("depends on what is found")
    if when and when.names.intersection(item.waits_for):
        notes.append(f"only if {when.source}")
    return replace(explained, note="; ".join(notes))


def _case(key: str) -> str:
    return f"{key}, {_CASES.get(key, 'if it differs')}"


def _note(target: Target) -> str:
    if not target.possible:
        return "only read" if target.verb == "hold" else "left as it is"
    return "left out if the SIM belongs to another account by now" * (target.verb == "release")


def _found(target: Target, reading: Reading) -> str:
    state = target.state(reading.replies)
    if state.differs is None:
        return "not compared: the event ends before"
    if state.waits:
        above = ", ".join(f"`{other.name}`" for other in target.parents)
        return f"not read, because the system does not hold what it needs: {above}"
    if state.found is None:
        return "the system holds none"
    return "the system holds it"


def _fields(target: Target, reading: Reading) -> Iterator[ExplainedField]:
    """Yield the owned fields; of an object inside one, only the keys that are wanted."""
    state, shown = target.state(reading.replies), target.state(reading.shown)
    for name, wanted in (state.wanted or {}).items():
        held = state.found or {}
        texts = as_json(wanted), as_json(_owned(held.get(name), wanted))
        if (shown.wanted or {}).get(name) != wanted:  # it is made from a secret
            texts = HIDDEN, HIDDEN
        differs = state.differs == ("created",) or name in (state.differs or ())
        yield ExplainedField(name, texts[0], texts[1] if state.found else "", differs)


def _owned(found: Any, wanted: Any) -> Any:
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {key: _owned(found.get(key), value) for key, value in wanted.items()}
    return found


def _order(found: Explanation) -> Iterator[tuple[str, str]]:
    """Yield each phase that can write, with its steps in order."""
    for phase in (Phase.TAKE, Phase.GIVE):
        steps = (one for one in found.steps if isinstance(one, ResourceStep))
        titles = [
            f"{step.target.verb} {step.target.name}"
            for step in steps
            if step.phase is phase and _can_write(step.target, phase)
        ]
        if titles:
            yield phase.value, ", ".join(titles)


def _can_write(target: Target, phase: Phase) -> bool:
    keys = set(target.possible)
    if phase is Phase.TAKE:
        return bool(keys - {"create"})
    return target.verb == "hold" and bool(keys - {"remove"})


def _requests(
    found: Explanation, reading: Reading, mapping: MappingFile, settings: Mapping[str, Any]
) -> Iterator[tuple[str, Preview | str]]:
    """Yield each request that would be sent, in order, with its step."""
    for step in found.steps:
        if not isinstance(step, ResourceStep):
            continue
        real, shown = (writing(step, learned) for learned in (reading.replies, reading.shown))
        differs, seems = (
            step.target.state(one).differs for one in (reading.replies, reading.shown)
        )
        secret = differs != seems or len(real) != len(shown)
        for call in real if secret else shown:
            preview = mapping.protocol.preview(call, mapping.system, settings)
            yield place(step) or "", _VEILED if secret else preview
        if is_read_later(step, reading.replies):
            yield place(step) or "", _LATER
