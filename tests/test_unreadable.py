"""Who reads an unreadable field or an absent part refuses the event (contract 6.1, 6.5)."""

import copy
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import log
from connector.event import PARTS, SECTIONS, Event, parse, personal
from connector.mapping.expression import compile_condition
from connector.mapping.load import load
from connector.outcome import Outcome, Refusal
from connector.plan.scope import event_scope
from connector.unreadable import Unreadable
from tests.support import ROOT
from tests.support.events import event
from tests.support.pipelines import Bench

MAPPING = load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
FULL = event("sim-replaced")
FULL["pb_data"]["product_info"] = {"i_product": 1, "name": "Mobile L"}
FULL["pb_data"]["full_vd_counter_info"] = [{"remaining": "5", "allocated_amount": 5}]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
Way = tuple[str | int, ...]


def read(document: Any) -> Event:
    return parse(json.dumps(document).encode())


def changed(way: Way, value: Any) -> dict[str, Any]:
    document: Any = copy.deepcopy(FULL)
    place = document
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return document  # type: ignore[no-any-return]  # the top of FULL


def evaluated(found: Event, source: str) -> Any:
    return compile_condition(source).evaluate(event_scope(found, MAPPING, {}))


def fields(value: Any, way: Way = ()) -> Iterator[Way]:
    """The paths of all fields below `pb_data`, not those of items of lists."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(key, str):
            yield (*way, key)
        if isinstance(item, dict | list):
            yield from fields(item, (*way, key))


FIELDS = [("pb_data", *way) for way in fields(FULL["pb_data"])]


def source(way: Way) -> str:
    """The expression that reads a field of `pb_data`."""
    names = {part: name for name, part in SECTIONS.items()}
    steps = [names[str(way[1])], *way[2:]]
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]


@settings(max_examples=60)
@given(st.sampled_from(FIELDS), JSON)
def test_each_field_is_read_refuses_its_reader_or_is_what_was_sent(way: Way, value: Any) -> None:
    """Whatever is sent in a field, the event can be read, and so can its other fields."""
    found = read(changed(way, value))
    wrong = [each.detail for each in found.unreadable]
    for other in FIELDS:
        inside = other[: len(way)] == way or way[: len(other)] == other
        try:
            evaluated(found, source(other))
        except Refusal as refusal:
            assert inside, "another field became unreadable"
            assert set(refusal.result.details) <= set(wrong)
    for detail in wrong:
        steps = [int(step) if step.isdecimal() else step for step in detail.field.split(".")]
        while isinstance(steps[-1], int):
            steps.pop()
        with pytest.raises(Refusal) as caught:
            evaluated(found, source(tuple(steps)))
        assert caught.value.result.details == (detail,)


@pytest.mark.parametrize("way", FIELDS, ids=lambda way: ".".join(map(str, way)))
def test_what_was_sent_in_an_unreadable_field_is_masked(way: Way) -> None:
    found = read(changed(way, {"of": ["c0ffee-personal", 4207000017]}))
    if len(way) == 2 and not found.unreadable:
        return  # a part may be an object, with new fields in it
    assert {"c0ffee-personal", "4207000017"} <= set(personal(found))
    assert "c0ffee-personal" not in repr(found)


@pytest.mark.parametrize(
    ("part", "sent"),
    [("sim_info", {"imsi": "0010100000000x"}), ("account_info", {"zip": 11000})],
)
def test_what_is_not_of_its_form_is_masked(part: str, sent: dict[str, Any]) -> None:
    found = read(changed(("pb_data", part), sent))
    assert {str(*sent.values())} <= set(personal(found))


SAME = [
    "not account",
    "account.zip is none",
    "account.zip or 1",
    "account.zip == 'x'",
    "account.zip | default('x')",
    "account.zip | string",
    "account['zip']",
    "[account.zip]",
    "[account] | map(attribute='zip') | list",
    "[account] | selectattr('zip') | list",
    "[account] | sum(attribute='zip')",
    "1 if account.zip else 2",
    "account.zip is string",
    "account.zip in ['x']",
]


@pytest.mark.parametrize("text", SAME)
def test_every_way_to_read_an_unreadable_field_refuses_the_event(text: str) -> None:
    found = read(changed(("pb_data", "account_info", "zip"), [1]))
    if text == "not account":
        assert evaluated(found, text) is False
        return
    with pytest.raises(Refusal) as caught:
        evaluated(found, text)
    (detail,) = caught.value.result.details
    assert detail == ("pb_data.account_info.zip", "must be text")


def test_an_attribute_of_a_policy_that_cannot_be_read_refuses_the_event() -> None:
    items = [{"name": "a", "value": "1"}, {"name": ["b"], "value": "2"}]
    found = read(changed(("pb_data", "access_policy_info"), {"attributes": items}))
    assert evaluated(found, "policy | attribute('a')") == "1"
    with pytest.raises(Refusal):
        evaluated(found, "policy | attribute('b')")


# Absent parts


@pytest.mark.parametrize("name", SECTIONS)
def test_a_part_that_is_absent_refuses_its_reader_and_nobody_else(name: str) -> None:
    document = copy.deepcopy(FULL)
    part = SECTIONS[name]
    del document["pb_data"][part]
    found = read(document)
    rule = f"{part} is missing: add it to the required data of the NSPS handler"
    for text in (
        name,
        f"not {name}",
        f"{name}.x",
        f"{name} is none",
        f"[1] | map('default', {name})",
    ):
        with pytest.raises(Refusal) as caught:
            evaluated(found, text)
        assert caught.value.result.details == ((f"pb_data.{part}", rule),)
    for text in (f"'{part}' in event.parts and {name}", f"false and {name}", f"true or {name}.x"):
        evaluated(found, text)
    assert evaluated(found, f"1 if '{part}' not in event.parts else {name}") == 1
    assert evaluated(read(changed(("pb_data", part), None)), name) in (None, [])


def test_an_event_without_enrichment_has_no_part() -> None:
    found = read({"event_id": "e", "data": {"event_type": "X", "variables": {"a": 1}}})
    assert evaluated(found, "variables.a") == 1
    for name in PARTS:
        with pytest.raises(Refusal):
            evaluated(found, name)


def test_a_value_of_the_mapping_is_computed_only_where_it_is_needed() -> None:
    document = copy.deepcopy(FULL)
    del document["pb_data"]["account_info"]
    found = read(document)
    assert evaluated(found, "false and open") is False
    with pytest.raises(Refusal):
        evaluated(found, "true and open")


# At the system and in the log


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("INFO", written)
    yield Bench(tmp_path, written)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


async def test_a_fault_that_nobody_reads_is_logged_and_the_event_applied(bench: Bench) -> None:
    sent = event(
        change={
            "handler_id": {"id": 1},
            "created_at": "soon",
            "pb_data.account_info.zip": ["c0ffee-11000"],
            "pb_data.account_info.assigned_addons": [{"i_product": "x"}, {"name": 5}],
            "pb_data.full_vd_counter_info": [{"allocated_amount": "N/A"}],
        }
    )
    assert (await bench.handle(sent)).outcome is Outcome.APPLIED
    (warning,) = [
        line for line in bench.lines() if line["message"] == "event has unreadable fields"
    ]
    assert warning["severity"] == "WARNING"
    assert warning["event_id"] == sent["event_id"]
    assert set(warning["fields"]) == {
        "handler_id",
        "created_at",
        "pb_data.account_info.zip",
        "pb_data.account_info.assigned_addons.0.i_product",
        "pb_data.full_vd_counter_info.0.allocated_amount",
    }
    assert "c0ffee" not in bench.written.getvalue()


async def test_a_swap_of_nobody_knows_whom_is_refused(bench: Bench) -> None:
    """Without the account nobody can say whether the old SIM is still its own."""
    change = {"pb_data.account_info.i_account": "x", "pb_data.prev_sim_info.i_account": 277147}
    refused = await bench.handle(event("sim-replaced", change=change))
    assert refused.outcome is Outcome.INVALID
    assert refused.details[0].field == "pb_data.account_info.i_account"


async def test_a_snapshot_from_the_future_leaves_a_warning(bench: Bench) -> None:
    sent = event(change={"updated_at": "2999-01-01T00:00:00Z"})
    assert (await bench.handle(sent)).outcome is Outcome.APPLIED
    assert (await bench.handle(sent)).outcome is Outcome.DUPLICATE
    found = [line for line in bench.lines() if line["message"] == "snapshot from the future"]
    assert [line["severity"] for line in found] == ["WARNING", "WARNING"]
    assert found[0]["seconds_ahead"] > 1e9


def test_the_marker_never_shows_the_value() -> None:
    (found,) = read(changed(("pb_data", "sim_info", "imsi"), "c0ffee")).unreadable
    assert isinstance(found, Unreadable)
    assert "c0ffee" not in repr(found)
    for use in (bool, str, len, iter, lambda each: each == 1, lambda each: each < 1):
        with pytest.raises(Refusal):
            use(found)
