"""What is known of the resources of an event before the system is asked, for `connector explain`.

The function never imports this module. What is wanted, and which calls are possible, is said by
`connector.plan.target`; values that depend on what the system holds are shown as source text.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.plan.computed import Computed, computed_value, condition
from connector.plan.holding import Phase, ResourceStep
from connector.plan.scope import EventScope
from connector.plan.step import Step
from connector.plan.target import Target
from connector.plan.trace import TracedCall, rendered


class TracedWrite(NamedTuple):
    """A call that may be made.

    `key` is its place in the resource, such as `create` or `set status`. `call` is None if the
    mapping has no call for this case; then the event is refused.
    """

    key: str
    call: TracedCall | None


class TracedResource(NamedTuple):
    """A resource of one SIM.

    `wanted` is None if the verb removes it or leaves it as it is.
    """

    target: Target
    read: TracedCall
    wanted: Computed | None
    writes: tuple[TracedWrite, ...]


def resources(steps: Iterable[Step]) -> tuple[TracedResource, ...]:
    """The resources of a plan, in the order in which they are read."""
    return tuple(
        _traced(step.target)
        for step in steps
        if isinstance(step, ResourceStep) and step.phase is Phase.LOOK
    )


def _traced(target: Target) -> TracedResource:
    left = target.scope.meter.left  # notes are not paid for: see `connector.plan.trace`
    try:
        unknown = frozenset({"found", "changed", *(other.name for other in target.above)})
        unknown |= {"want"} if target.waits else frozenset()
        scope = target.scope.with_names({"want": target.planned})
        return TracedResource(
            target=target,
            read=_call(target, target.entry.read, ("read",), scope, unknown),
            wanted=_wanted(target, scope, unknown),
            writes=tuple(_writes(target, scope, unknown)),
        )
    finally:
        target.scope.meter.left = left


def _wanted(target: Target, scope: EventScope, unknown: frozenset[str]) -> Computed | None:
    if target.value is None:
        return None
    found = computed_value("wanted", target.value, scope, unknown)
    return found if target.waits else found._replace(value=target.planned)


def _writes(target: Target, scope: EventScope, unknown: frozenset[str]) -> Iterator[TracedWrite]:
    for key in target.possible:
        if key == "set":
            for name, entry in target.entry.set_.items():
                call = _call(target, entry, (key, name), scope, unknown)
                yield TracedWrite(f"set {name}", call)
            continue
        entries: tuple[CallEntry, ...] | None = getattr(target.entry, key)
        if entries is None:
            yield TracedWrite(key, None)
        for index, entry in enumerate(entries or ()):
            yield TracedWrite(key, _call(target, entry, (key, index), scope, unknown))


def _call(
    target: Target, entry: CallEntry, at: Loc, scope: EventScope, unknown: frozenset[str]
) -> TracedCall:
    """A call of the resource; what depends on `unknown` names is in it as source text."""
    traced = TracedCall(entry, (*target.loc, *at), subject=target.subject)
    if entry.when and not entry.when.names & unknown:
        when = condition("when", entry.when, scope)
        if not (when.value or when.failure):
            return traced._replace(left_out=when)
    return rendered(traced, scope, entry.names_read & unknown)
