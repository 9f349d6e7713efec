"""The events of a story: each with ids of its own, and with times that follow each other."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from connector.instant import instant
from connector.mapping.case import Step, Story
from connector.mapping.schema import MappingFile
from connector_tools.mapping_tests.events import apply, read

_APART = 60.0  # seconds between the snapshots of two steps without `at`
_START = datetime(2026, 1, 1, tzinfo=UTC)  # of a story whose first event has no time
_TIMES = (("updated_at",), ("created_at",), ("data", "variables", "event_time"))


def events_of(mapping: MappingFile, story: Story) -> Iterator[bytes]:
    """Yield the bodies of the events of a story, in the order of its steps.

    The snapshot of the first event was taken at the start of the story, that of each later one a
    minute after the one before, or when its `at` says. A step with `same_as` has the event of that
    step, its ids and its times; its own changes come on top.

    Raises:
        OSError: a file cannot be read.
        ValueError: it is not JSON, or a path of a step does not fit the event.
    """
    told: list[_Told] = []
    start = None
    for number, step in enumerate(story.steps, 1):
        if step.same_as:
            found = told[step.same_as - 1]
        else:
            found = _Told(read(mapping, step.event or ""), number, (number - 1) * _APART)
        after = found.after if step.seconds is None else step.seconds
        told.append(found._replace(after=after, steps=(*found.steps, step)))
        start = start or _taken(found.event) or _START
        yield json.dumps(told[-1].sent(start)).encode()


class _Told(NamedTuple):
    """The event of the step `number`, with the changes of `steps`, `after` seconds of the story."""

    event: dict[str, Any]
    number: int
    after: float
    steps: tuple[Step, ...] = ()

    def sent(self, start: datetime) -> dict[str, Any]:
        """The event as NSPS posts it."""
        event = copy.deepcopy(self.event)
        _shift(event, start + timedelta(seconds=self.after))
        event["event_id"] = f"step-{self.number}"
        variables = _parent(event, _TIMES[-1])
        if "i_event" in variables:
            variables["i_event"] = self.number
        for step in self.steps:
            apply(step, event)
        return event


def _taken(event: dict[str, Any]) -> datetime | None:
    """When the snapshot was taken: `updated_at`, else `created_at`, else `event_time`."""
    return next(filter(None, (_time(event, path) for path in _TIMES)), None)


def _shift(event: dict[str, Any], to: datetime) -> None:
    """Move all times of the event by the same difference, so that it was taken at `to`."""
    taken = _taken(event)
    for path in _TIMES:
        found = _time(event, path)
        if found and taken:
            _parent(event, path)[path[-1]] = (found + (to - taken)).isoformat()


def _time(event: dict[str, Any], path: tuple[str, ...]) -> datetime | None:
    found = _parent(event, path).get(path[-1])
    return instant(found) if isinstance(found, str) else None


def _parent(event: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The object that holds the last key of a path; empty if there is none."""
    found: Any = event
    for step in path[:-1]:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
