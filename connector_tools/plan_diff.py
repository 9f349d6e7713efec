"""Compares what two mapping files would do for recorded events, grouped by rule and difference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.event import Event, parse, personal
from connector.mapping.schema import MappingFile
from connector.masking import redact
from connector.outcome import Refusal, Result
from connector.plan.intent import decision, differences
from connector.plan.planner import Plan
from connector_tools.events_file import Item
from connector_tools.explain import as_json


class Side(NamedTuple):
    """A mapping file, and the values of its settings without secrets."""

    mapping: MappingFile
    settings: Mapping[str, Any]


@dataclass(slots=True)
class Group:
    """The events in which the same rules have the same differences.

    `rules` are the names of both rules, empty where there is none. `places` are the differences
    without values. `examples` are the values of the first event for each place.
    """

    rules: tuple[str, str]
    places: tuple[str, ...]
    events: list[str] = field(default_factory=list)
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Comparison:
    """What was compared so far; `groups` are those of events that differ."""

    old: Side
    new: Side
    clear: bool = False
    equal: int = 0
    unreadable: list[str] = field(default_factory=list)
    groups: dict[tuple[tuple[str, str], tuple[str, ...]], Group] = field(default_factory=dict)

    @property
    def different(self) -> int:
        """The number of events that differ."""
        return sum(len(group.events) for group in self.groups.values())

    def add(self, item: Item) -> None:
        """Compare one event; its values are masked unless `clear`."""
        try:
            if item.problem:
                self.unreadable.append(f"{item.label} {item.problem}")
                return
            event = parse(item.body)
        except Refusal as refusal:
            fields = ", ".join(map(str, refusal.result.details))
            self.unreadable.append(f"{item.label} {fields or refusal.result.reason or 'invalid'}")
            return
        before, after = (decision(event, *side) for side in (self.old, self.new))
        found = differences(before, after)
        if not found:
            self.equal += 1
            return
        places = tuple(map(str, found))
        key = ((_rule(before), _rule(after)), places)
        if key not in self.groups:
            values = [
                (self._shown(one.before, event), self._shown(one.after, event)) for one in found
            ]
            self.groups[key] = Group(*key, examples=tuple(values))
        self.groups[key].events.append(f"{item.place} {self._masked(item.event_id, event)}")

    def _shown(self, value: Any, event: Event) -> str:
        return self._masked(as_json(value), event)

    def _masked(self, text: str, event: Event) -> str:
        return text if self.clear else redact(text, personal(event))


def _rule(decided: Plan | Result) -> str:
    return decided.rule.name if isinstance(decided, Plan) and decided.rule else ""
