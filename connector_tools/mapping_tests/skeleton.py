"""The first tests of a mapping file that has none, for its author to complete."""

import json
from collections.abc import Iterator

from connector.event import Envelope
from connector.mapping.call_entry import CallEntry
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile, directory

_MOST_FILES = 200  # that are looked at for an event


def skeleton(mapping: MappingFile) -> str:
    """YAML with a test for each rule: its event, its calls as the rule has them, and the outcome.

    Events are taken from the folder `events` beside the file; a type without one gets the name of a
    file that is still to be written.
    """
    events = dict(_events(mapping))
    return "\n".join(["tests:", *(line for rule in mapping.rules for line in _test(rule, events))])


def _events(mapping: MappingFile) -> Iterator[tuple[str, str]]:
    """Yield the type of each event beside the mapping, and the file that has it."""
    folder = directory(mapping)
    for file in sorted(folder.glob("events/*.json"), reverse=True)[:_MOST_FILES]:
        try:
            kind = Envelope.model_validate_json(file.read_bytes()).data.event_type
        except (OSError, ValueError):
            continue
        yield kind.lower(), file.relative_to(folder).as_posix()


def _test(rule: Rule, events: dict[str, str]) -> Iterator[str]:
    kind = rule.on[0]
    file, name = events.get(kind.lower()), kind.lower().replace("/", "-")
    yield f"  - name: {json.dumps(rule.name, ensure_ascii=False)}"
    note = "" if file else "  # save an event of this type here"
    yield f"    event: {file or f'events/{name}.json'}{note}"
    calls = [entry for entry in rule.calls if isinstance(entry, CallEntry) and not entry.when]
    yield "    calls:" if calls else "    calls: []"
    for entry in calls:
        address = getattr(entry.address, "source", None) or getattr(entry.address, "value", "")
        note = "  # with the values of the event" if "{{" in str(address) else ""
        yield f"      - {{{entry.method}: {json.dumps(str(address), ensure_ascii=False)}}}{note}"
    yield "    outcome: applied"
