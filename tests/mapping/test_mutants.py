"""What the check lets pass can start, and applies the events that the unchanged mapping applies.

Each scalar of the shipped mappings is replaced by mistakes that people make. If the check finds
nothing, a client must start with the file, and an event that the rule applied must not always be
refused because of the file. `make fuzz` tries fifty times as many mistakes.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import settings

from connector.event import Event, parse
from connector.mapping.document import Loc, read
from connector.mapping.load import check
from connector.mapping.schema import MappingFile
from connector.mapping.script import Script
from connector.outcome import Refusal
from connector.plan.planner import Plan, plan
from connector.system import End
from connector_tools.mapping_tests import event_of
from connector_tools.mapping_tests import test_settings as settings_of
from tests.support import ROOT
from tests.support.calls import turn_of

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result

NAMES = ("wtl-hlr-hss", "osmo-hlr")
TOKEN = "MUTANT0"  # a plain scalar, replaced by the mistake in the text of the file
MISTAKES = (
    *("", "''", "null", "true", "yes", "5", "0", "-1", "1.5", "[]", "{}", "[a]", "{a: b}"),
    *("00101", "1e3", "1_000", "12:30", "5.", "!!str a", "30 sec", "30", "1 hour", "999999999999s"),
    *("ü", '"a\\u0001b"', '"a\\nb"', "a b", "/a#b", "/a/../b", "http://", "http://a b", "'('"),
    *("=", "=x", "=1 + 'a'", "=1/0", "=none", "=[1]", "='(' | uper", "='a' is matching('(')"),
    *("'{{'", "'{{ none }}'", "'{{ 1/0 }}'", "'{{ sim.imsy }}'", "=sim | map('uper') | list"),
    *("=account.assigned_addons | map(attribute='naem') | list", "=sim.imsi | default(1, 2, 3)"),
    *("9" * 30, "9" * 5000, "x" * 5000),
)
BUDGET = settings.default.max_examples if settings.default else 100
STRIDE = max(1, 8_900 // BUDGET)  # 89 is prime: every mistake comes to many places


class Probe(NamedTuple):
    """An event of the mapping's own tests, and the rule that applies it."""

    event: Event
    rule: int


def scalars(data: Any, loc: Loc = ()) -> Iterator[Loc]:
    """Yield the path of each value that is not a list or an object."""
    if isinstance(data, dict | list) and data:
        for key, item in data.items() if isinstance(data, dict) else enumerate(data):
            yield from scalars(item, (*loc, key))
    else:
        yield loc


def misspelt(value: object) -> Iterator[str]:
    """Yield the value without a letter in the middle, and with a letter twice."""
    text = str(value)
    if len(text) > 2 and isinstance(value, str):
        middle = len(text) // 2
        yield yaml.dump(text[:middle] + text[middle + 1 :], default_style='"').strip()
        yield yaml.dump(text[:middle] + text[middle] + text[middle:], default_style='"').strip()


def mutants(data: dict[str, Any]) -> Iterator[tuple[Loc, str, str]]:
    """Yield the path of each changed scalar, the mistake, and the text of the file."""
    for loc in scalars(data):
        changed = deepcopy(data)
        place: Any = changed
        for step in loc[:-1]:
            place = place[step]
        original, place[loc[-1]] = place[loc[-1]], TOKEN
        text = yaml.dump(changed, Dumper=yaml.CSafeDumper, sort_keys=False, width=10_000)
        for mistake in (*MISTAKES, *misspelt(original)):
            yield loc, mistake, text.replace(TOKEN, mistake)


def probes(mapping: MappingFile) -> list[Probe]:
    """At most two events for each rule, that the mapping applies."""
    found: dict[int, list[Probe]] = {}
    for case in mapping.tests:
        event = parse(event_of(mapping, case))
        done = attempt(event, mapping, settings_of(mapping, {}))
        if isinstance(done, Plan) and done.steps:
            rule = int(done.decided[1])
            found.setdefault(rule, []).append(Probe(event, rule))
    return [probe for some in found.values() for probe in some[:2]]


def attempt(event: Event, mapping: MappingFile, values: dict[str, Any]) -> Plan | Refusal:
    try:
        return plan(event, mapping, values)
    except Refusal as refusal:
        return refusal


async def faults(mapping: MappingFile, found: list[Probe], loc: Loc) -> list[str]:
    """What a mapping without a lint does wrong: it does not start, or refuses every event.

    Raises:
        BadSettings: it does not start.
    """
    values = settings_of(mapping, {})
    script = Script(mapping.protocol.scripted_reply())
    client = mapping.protocol.scripted(mapping.system, values, script)
    rule = loc[1] if loc[0] == "rules" else None
    tried = [probe for probe in found if rule in (None, probe.rule)]
    done = [attempt(probe.event, mapping, values) for probe in tried]
    refused = [item.result.details[0] for item in done if isinstance(item, Refusal)]
    if refused and len(refused) == len(done):
        return [f"{detail.field}: {detail.rule}" for detail in refused]
    first = [step for item in done if isinstance(item, Plan) for step in item.steps[:1]]
    calls = [next(step.talk({}), None) for step in first]
    async with client as system:
        for call in filter(None, calls):
            script.next_call()
            turn = turn_of(10)
            reply = await system.send(call, turn)
            system.leave(turn)
            if reply.end is End.NOT_SENT:
                return [f"not sent: {reply.cause}"]
    return []


@pytest.mark.parametrize("name", NAMES)
async def test_a_mapping_without_a_lint_starts_and_applies_events(
    name: str, tmp_path: Path
) -> None:
    file = ROOT / "mappings" / f"{name}.yaml"
    whole, _ = check(file)
    assert whole
    found, data = probes(whole), read(file).data
    assert len(found) > 4
    del data["tests"]
    changed = tmp_path / "mapping.yaml"
    count = refused = 0
    for loc, mistake, text in islice(mutants(data), 0, None, STRIDE):
        changed.write_text(text, encoding="utf-8")
        mapping, lints = check(changed)
        count += 1
        if any(lint.level == "error" for lint in lints):
            refused += 1
        else:
            assert mapping
            wrong = await faults(mapping, found, loc)
            assert wrong == [], (loc, mistake)
    assert count > 60
    assert refused > count / 2
