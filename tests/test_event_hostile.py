"""Any input is read as an event or refused as invalid, and no refusal quotes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.event import parse
from connector.outcome import Outcome, Refusal, answer
from tests.support.events import event

MARKER = "c0ffee-personal-marker"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def ends_well(body: bytes) -> None:
    try:
        parse(body)
    except Refusal as refusal:
        assert refusal.result.outcome is Outcome.INVALID
        json.dumps(answer(refusal.result).body).encode()


@given(st.binary())
def test_any_bytes_give_an_event_or_a_refusal(body: bytes) -> None:
    ends_well(body)


@given(JSON)
def test_any_json_gives_an_event_or_a_refusal(document: Any) -> None:
    ends_well(json.dumps(document).encode())


def fields(document: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all fields and items of a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[str | int, ...]] = []
    for key, value in items:
        found.append((*way, key))
        if isinstance(value, dict | list):
            found += fields(value, (*way, key))
    return found


FULL = event("sim-replaced")
FULL["pb_data"]["product_info"] = {"i_product": 1, "name": "Mobile L"}
FULL["pb_data"]["full_vd_counter_info"] = [{"remaining": "N/A", "allocated_amount": 5}]


def replaced(way: tuple[str | int, ...], value: Any) -> Any:
    document = json.loads(json.dumps(FULL))
    *parents, last = way
    place = document
    for step in parents:
        place = place[step]
    place[last] = value
    return document


@given(st.sampled_from(fields(FULL)), JSON)
def test_any_value_in_any_known_field_gives_an_event_or_a_refusal(
    way: tuple[str | int, ...], value: Any
) -> None:
    ends_well(json.dumps(replaced(way, value)).encode())


@pytest.mark.parametrize("shape", [MARKER, [MARKER], {"a": MARKER}, [{"a": [MARKER]}]])
@pytest.mark.parametrize("way", fields(FULL), ids=lambda way: ".".join(map(str, way)))
def test_a_refusal_never_repeats_a_value(way: tuple[str | int, ...], shape: Any) -> None:
    try:
        parse(json.dumps(replaced(way, shape)).encode())
    except Refusal as refusal:
        assert MARKER not in json.dumps(answer(refusal.result).body)
        wrong = [detail.field for detail in refusal.result.details]
        path = ".".join(map(str, way))
        assert all(field == path or field.startswith(f"{path}.") for field in wrong)
