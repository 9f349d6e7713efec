"""JSON from others: half of a surrogate pair, a byte order mark, and what stays refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.event import parse
from connector.json_text import read_json
from connector.outcome import Outcome, Refusal
from tests.support.events import event

HALF = "\ud83d"  # of an emoji, as a sender writes it that cuts text after so many characters
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)  # with halves of pairs
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["", "\ufeff"]))
def test_json_is_read_as_the_json_module_reads_it(value: Any, mark: str) -> None:
    text = json.dumps(value)
    read = read_json((mark + text).encode())
    assert read == json.loads(text)
    assert read_json(mark + text) == read


@pytest.mark.parametrize(
    "rest", ["NaN", "[" * 201 + "]" * 201, "1,}", "'a'", '"\\u12"', "9" * 5000, '"\\ud8"']
)
def test_half_of_a_pair_excuses_nothing_else(rest: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_json(f'["\\ud83d", {rest}]')


@pytest.mark.parametrize("field", ["firstname", "zip", "product_name", "email"])
def test_half_of_a_pair_in_a_field_that_nobody_reads_stops_no_event(field: str) -> None:
    sent = event("sim-updated", change={f"pb_data.account_info.{field}": HALF})
    found = parse(json.dumps(sent).encode())
    assert getattr(found.account, field) == HALF


@pytest.mark.parametrize("field", ["event_id", "data.event_type", "handler_id"])
def test_half_of_a_pair_is_part_of_no_name_of_an_event(field: str) -> None:
    """The ledger could not store it."""
    sent = json.dumps(event("sim-updated", change={field: f"a{HALF}"})).encode()
    if field == "handler_id":
        assert [name.isascii() for name in parse(sent).identities] == [True]
        return
    with pytest.raises(Refusal) as refusal:
        parse(sent)
    assert refusal.value.result.outcome is Outcome.INVALID
    assert [detail.field for detail in refusal.value.result.details] == [field]
