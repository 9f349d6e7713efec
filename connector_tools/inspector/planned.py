"""The explanation of an event for the page. Nothing is sent."""

from collections.abc import Mapping
from typing import Any

from connector.event import Event, parse
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal
from connector_tools import explain_json
from connector_tools.explain import explain
from connector_tools.explain_resources import explain_resources
from connector_tools.inspector.observed import Observed
from connector_tools.reading import Reading, recalled

Document = dict[str, Any]


def plan_document(
    event: Event, mapping: MappingFile, shown: Mapping[str, Any], reading: Reading | None = None
) -> Document:
    """The document `Plan`; `shown` are the settings with `***` in place of each secret.

    With a `reading`, resources have what was found and what differs.
    """
    found = explain(event, mapping, shown)
    resources = explain_resources(found, mapping, shown, reading)
    return explain_json.plan_document(found, resources, mapping)


async def plan_of(observed: Observed) -> Document | None:
    """The explanation of an event that was handled; None if it could not be read."""
    mapping, values = observed.mapping, observed.values
    if observed.kind != "event" or mapping is None:
        return None
    try:
        event = parse(observed.body)
        reads = [one.reply for one in observed.calls if one.call.read_only and one.reply]
        reading = await recalled(event, mapping, values, reads) if reads else None
        return plan_document(event, mapping, observed.shown, reading)
    except Refusal:
        return None


def refused(refusal: Refusal) -> str:
    """Why an event cannot be read, in one sentence."""
    details = "; ".join(map(str, refusal.result.details))
    return details or refusal.result.reason or "the event cannot be read"
