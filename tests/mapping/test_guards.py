"""`connector check` finds a rule that writes what a missing part of the event decided.

The shipped mappings lose their guards one by one. The real planner says which of these files then
write although a part is null; the check must find each of them.
"""

import dataclasses
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from pydantic import ValidationError

from connector.event import SECTIONS, Event, parse
from connector.mapping.document import Document, Loc, read
from connector.mapping.lints import guards
from connector.mapping.load import check
from connector.mapping.schema import MappingFile, validate
from connector.outcome import Refusal
from connector.plan.planner import plan
from connector_tools.mapping_tests import event_of
from connector_tools.mapping_tests import test_settings as settings_of
from tests.mapping.test_fuzz import SOURCES
from tests.support import ROOT
from tests.support.mapping_files import HEAD, checked, marked

FOLDER = ROOT / "mappings"
NAMES = ("wtl-hlr-hss", "osmo-hlr")


# Single rules


def found(folder: Path, rule: str, values: str = "") -> list[tuple[str, Any]]:
    """The lints about missing parts in a file with one rule, and their places."""
    text = f"{HEAD}{values}rules:\n  - {{name: one, on: SIM/Updated, {rule}}}\n"
    lints = [lint for lint in checked(folder, text) if lint.name in guards.NAMES.values()]
    assert all(lint.place == marked(text) for lint in lints if "@@" in text)
    return [(lint.name, lint.level) for lint in lints]


DECIDED = {
    "a comparison": "calls: [@@{put: /a, json: {b: =account.bill_status == 'open'}}]",
    "a field that is sent": "calls: [@@{put: /a, json: {b: [=account.msisdn]}}]",
    "a field that is tested where it is sent": (
        "calls: [@@{put: /a, json: {b: '=[account.msisdn] if account.msisdn else []'}}]"
    ),
    "a boolean": "calls: [@@{put: /a, json: {b: '=1 if account.blocked else 2'}}]",
    "a filter": "calls: [@@{put: /a, json: {b: =account.product_name | upper}}]",
    "the key of a table": "calls: [@@{put: /a, json: {b: '={1: 2}[account.i_product]'}}]",
    "the whole part": "calls: [@@{put: /a, json: =account}]",
    "a list": "calls: [@@{each: account.assigned_addons, put: '/a/{{ item.i_product }}'}]",
    "the `when` of a call": "calls: [@@{when: account.bill_status != 'open', delete: /a}]",
    "the `when` of a call, by a null test": "calls: [@@{when: not account.msisdn, delete: /a}]",
    "the `when` of the rule": "when: account.status != 'open', calls: [@@{delete: /a}]",
    "the `when` of the rule, by a null test": "when: not account.id, calls: [@@{delete: /a}]",
    "an `ignore`": "ignore: [{if: account.status == 'closed', because: a}], calls: [@@{put: /a}]",
    "a `require`": "require: [{that: not account.blocked, because: a}], calls: [@@{put: /a}]",
    "one branch only": (
        "calls: [@@{put: /a, json: '=account.status == \"a\" if variables.a else 1'}]"
    ),
    "a reply to a read with it": (
        "calls: [{id: got, get: /a, query: {b: =account.msisdn}}, @@{when: got.json.id, put: /a}]"
    ),
}


@pytest.mark.parametrize("name", DECIDED)
def test_a_missing_part_must_not_decide_what_is_written(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, DECIDED[name]) == [("unguarded-account", "error")]


def test_values_are_followed(tmp_path: Path) -> None:
    values = "values: {a: =account.status, b: =a}\n"
    assert found(tmp_path, "calls: [@@{put: /a, json: {c: =b == 'x'}}]", values)


GUARDED = {
    "a `require`": "require: [{that: account, because: a}], %s",
    "a `require` of a field": "require: [{that: account.msisdn, because: a}], %s",
    "an `ignore`": "ignore: [{if: not account, because: a}], %s",
    "an `ignore` of a field": "ignore: [{if: account.msisdn is none, because: a}], %s",
    "the `when` of the rule": "when: account is not none, %s",
    "a `require` with another way": (
        "require: [{that: not sim.i_account or account, because: a}], "
        "ignore: [{if: not sim.i_account, because: b}], %s"
    ),
}
SENDS = "calls: [{put: /a, json: {b: =account.bill_status == 'open'}}]"


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_is_seen(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, GUARDED[name] % SENDS) == []


@pytest.mark.parametrize(
    "calls",
    [
        "{when: account, put: /a, json: =account.status == 'a'}",
        "{when: account.msisdn, put: /a, json: =account.msisdn}",
        "{when: account.msisdn is digits, put: /a, json: =account.msisdn}",
        "{put: /a, json: =account.status == 'a' if account else none}",
        "{put: '/a/{{ account.id }}', json: =account.status}",  # a text needs the value
        "{get: /a, query: {b: =account.msisdn}}",  # it changes nothing
        "{put: /a, json: {b: =account is none}}",
    ],
)
def test_what_the_author_asked_for_is_no_fault(tmp_path: Path, calls: str) -> None:
    assert found(tmp_path, f"calls: [{calls}]") == []


LINE = """\
resources:
  line:
    of: [imsi]
    read: {get: "/lines/{{ imsi }}"}
    want: {open: true}
    released: {open: false}
    create: {put: "/lines/{{ imsi }}", json: {number: =account.msisdn}}
    change: {patch: "/lines/{{ imsi }}", json: {open: =want.open, plan: =account.product_name}}
    remove: {delete: "/lines/{{ imsi }}"}
"""


@pytest.mark.parametrize(("verb", "lints"), [("hold", 1), ("release", 1), ("remove", 0)])
def test_only_the_calls_count_that_the_verb_can_send(tmp_path: Path, verb: str, lints: int) -> None:
    rule = f"require: [{{that: sim, because: a}}], {verb}: [@@{{imsi: =sim.imsi}}]"
    assert found(tmp_path, rule, LINE) == [("unguarded-account", "error")] * lints


def test_a_release_creates_nothing(tmp_path: Path) -> None:
    rule = "require: [{that: sim, because: a}], release: [{imsi: =sim.imsi}]"
    line = LINE.replace(", plan: =account.product_name", "")
    assert found(tmp_path, rule, line) == []


@pytest.mark.parametrize("part", SECTIONS)
def test_every_part_has_the_lint(tmp_path: Path, part: str) -> None:
    lints = found(tmp_path, f"calls: [@@{{put: /a, json: ={part}}}]")
    assert lints == [(guards.NAMES[part], "error")]


def test_a_rule_that_was_passed_over_because_of_missing_data_is_seen(tmp_path: Path) -> None:
    """The second rule reads nothing; that it is reached is what the missing part decided."""
    rule = "when: account.status == 'open', calls: [{put: /a}]}\n"
    rule += "  - {name: two, on: SIM/Updated, calls: [@@{delete: /a}]"
    assert found(tmp_path, rule) == [("unguarded-account", "error")]


def test_too_many_conditions_are_a_warning(tmp_path: Path) -> None:
    """Each variable can be true or false, so there are 2 to the power of 30 ways."""
    many = " and ".join(f"(variables.a{n} or not account.msisdn)" for n in range(30))
    rule = f"when: {many}, require: [{{that: account, because: a}}], calls: [{{put: /a}}]"
    assert found(tmp_path, rule) == [("unguarded-account", "warning")]


# The shipped mappings without their guards


class Mutant(NamedTuple):
    """A shipped mapping without some of its guards."""

    lost: tuple[Loc, ...]
    data: dict[str, Any]


@cache
def original(name: str) -> dict[str, Any]:
    data: dict[str, Any] = read(FOLDER / f"{name}.yaml").data
    return data


def without(data: dict[str, Any], lost: tuple[Loc, ...]) -> Mutant:
    changed = deepcopy(data)
    for _, rule, kind, index in sorted(lost, key=str, reverse=True):
        del changed["rules"][rule][kind][index]
    return Mutant(lost, changed)


def mutants(name: str) -> Iterator[Mutant]:
    """Without each guard, without each two of a rule, and without all `require` or all guards."""
    data = original(name)
    everything: list[Loc] = []
    for index, rule in enumerate(data["rules"]):
        of_rule: list[Loc] = [
            ("rules", index, kind, position)
            for kind in ("ignore", "require")
            for position in range(len(rule.get(kind, ())))
        ]
        everything += of_rule
        for first, loc in enumerate(of_rule):
            yield without(data, (loc,))
            for other in of_rule[first + 1 :]:
                yield without(data, (loc, other))
        yield without(data, tuple(loc for loc in of_rule if loc[2] == "require"))
        yield without(data, tuple(of_rule))
    yield without(data, tuple(loc for loc in everything if loc[2] == "require"))
    yield without(data, tuple(everything))


def stopped(name: str) -> Iterator[tuple[str, Event]]:
    """Yield each part, and events that the mapping applies, but not with this part null.

    A removal (no `sim`) is left out: the files say `not sim` in the `when` of its rule.
    """
    mapping = of_data(name, original(name))
    for case in mapping.tests:
        event = parse(event_of(mapping, case))
        for part in [*SECTIONS] if writes(mapping, event) else ():
            if part == "sim" and event.event_type == "SIM/Replaced":
                continue
            null: Any = [] if part == "counters" else None
            lacking = dataclasses.replace(event, **{part: null})
            if SECTIONS[part] in event.parts and not writes(mapping, lacking):
                yield part, lacking


def of_data(name: str, data: dict[str, Any]) -> MappingFile:
    return validate(data).of(read(FOLDER / f"{name}.yaml"))


def writes(mapping: MappingFile, event: Event) -> bool:
    """Whether the real plan of an event has a call that writes, or waits for a reply to do so."""
    try:
        steps = plan(event, mapping, settings_of(mapping, {})).steps
    except Refusal:
        return False
    return not all(step.reads for step in steps)


@pytest.mark.parametrize("name", NAMES)
def test_each_guard_that_is_lost_and_lets_missing_data_through_is_found(
    name: str,
) -> None:
    lacking = list(stopped(name))
    harmful = 0
    for lost, data in mutants(name):
        mapping = of_data(name, data)
        through = {part for part, event in lacking if writes(mapping, event)}
        lints = {lint.name for lint in guards.check(mapping)}
        missed = [part for part in through if guards.NAMES[part] not in lints]
        assert not missed, (lost, missed)
        harmful += bool(through)
    assert harmful >= {"wtl-hlr-hss": 9, "osmo-hlr": 11}[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_mappings_are_guarded(name: str) -> None:
    lints = check(FOLDER / f"{name}.yaml")[1]
    assert [lint for lint in lints if lint.name in guards.NAMES.values()] == []


def test_a_field_that_is_sent_is_named(tmp_path: Path) -> None:
    rule = "{name: a, on: SIM/Updated, calls: [{put: /a, json: {b: =account.product_name}}]}"
    (lint,) = (
        lint for lint in checked(tmp_path, f"{HEAD}rules: [{rule}]\n") if "account" in lint.name
    )
    assert lint.reason.startswith("`account.product_name` decides this call")


# Hostile files


@pytest.mark.parametrize(
    "values",
    [
        "".join(f"v{n + 1}: =v{n} ~ v{n}, " for n in range(60)),
        "".join(f"v{n + 1}: '=[v{n}, v{n}]', " for n in range(60)),
        "".join(f"v{n + 1}: '=v{n} + v{n} if v{n} else account.id', " for n in range(60)),
        "".join(f"v{n + 1}: '=v{n}.a.b', " for n in range(60)),
    ],
    ids=["texts", "lists", "sums", "fields"],
)
def test_values_that_contain_each_other_end_soon(tmp_path: Path, values: str) -> None:
    text = f"{HEAD}values: {{v0: =account.id or sim.imsi, {values}}}\n"
    text += "rules: [{name: a, on: a, when: v60 == account.id, calls: [{put: /a, json: =v60}]}]\n"
    assert all(str(lint) for lint in checked(tmp_path, text))


@given(SOURCES, SOURCES)
def test_any_expressions_are_checked(one: str, other: str) -> None:
    """What the compiler accepts, the check can evaluate without an event."""
    data = {
        **{"name": "cards", "summary": "a", "system": {"http": {"base_url": "http://a"}}},
        "values": {"v": f"={one}"},
        "rules": [
            {
                **{"name": "a", "on": "SIM/Updated", "when": f"v or {other}"},
                "require": [{"that": other, "because": "a"}],
                "calls": [{"put": "/a", "json": [f"={one}", "=v"], "when": other, "each": one}],
            }
        ],
    }
    try:
        mapping = validate(data)
    except ValidationError:
        return
    for lint in guards.check(mapping.of(Document(Path("a.yaml"), data, {}))):
        assert lint.name in guards.NAMES.values()
