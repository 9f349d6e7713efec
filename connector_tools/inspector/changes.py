"""What a changed mapping file would do otherwise for the events that were seen."""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.mapping.schema import MappingFile
from connector_tools.deployment import hide
from connector_tools.events_file import Item
from connector_tools.mapping_tests.values import test_settings
from connector_tools.plan_diff import Comparison, Side

_MOST = 100  # events that are compared
_LINES = 20


def changes(
    before: MappingFile, after: MappingFile, shown: Mapping[str, Any], bodies: Iterable[bytes]
) -> list[str]:
    """A sentence for each difference, with how many events have it; the values are masked."""
    old = {**hide(before, test_settings(before, {})), **shown}
    found = Comparison(Side(before, old), Side(after, shown))
    for number, body in enumerate(list(bodies)[-_MOST:], 1):
        found.add(Item(f"event {number}", 0, "", body))
    lines = []
    for group in found.groups.values():
        for place, (old_value, new_value) in zip(group.places, group.examples, strict=True):
            lines.append(f"{place}: {old_value} -> {new_value} ({len(group.events)} events)")
    return lines[:_LINES]
