"""The comparison of what was found with what is wanted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.resource import OwnedField
from connector.plan.difference import difference, is_off

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "1", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)


def differs(found: Any, wanted: Any, **how: Any) -> bool:
    fields = {"a": OwnedField(**how)}
    return bool(difference({} if found is ... else {"a": found}, {"a": wanted}, fields))


@given(JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert not differs(value, value)
    assert not differs(value, value, compare="set")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [(1, True), (0, False), ("1", 1), (None, ""), (..., 0), ([1, 2], [2, 1]), ({"x": 1}, {"x": 2})],
    ids=str,
)
def test_other_json_differs(found: Any, wanted: Any) -> None:
    assert differs(found, wanted)


@pytest.mark.parametrize(
    ("found", "wanted", "how"),
    [
        (1.0, 1, {}),
        (..., None, {}),
        ({"x": 1, "foreign": 2}, {"x": 1}, {}),
        ("7", 7, {"compare": "text"}),
        (True, "true", {"compare": "text"}),
        ("007.0", 7, {"compare": "number"}),
        (["b", "a"], ["a", "b"], {"compare": "set"}),
        ("a", ["a"], {"compare": "set"}),
        (..., [], {"compare": "set"}),
        ("x", "y", {"compare": "never"}),
        (..., 0, {"default": 0}),
        (None, "auto", {"default": "auto"}),
    ],
    ids=str,
)
def test_what_the_field_says_is_no_difference(found: Any, wanted: Any, how: dict[str, Any]) -> None:
    assert not differs(found, wanted, **how)


@pytest.mark.parametrize(
    ("found", "wanted", "how"),
    [
        ("N/A", 7, {"compare": "number"}),
        (None, 0, {"compare": "number"}),
        ({}, "x", {"compare": "text"}),
        (["a", "a"], ["a"], {"compare": "set"}),
        (1, 0, {"default": 0}),
    ],
    ids=str,
)
def test_what_cannot_be_compared_differs(found: Any, wanted: Any, how: dict[str, Any]) -> None:
    assert differs(found, wanted, **how)


@given(st.dictionaries(st.sampled_from("abcd"), JSON), st.dictionaries(st.sampled_from("ab"), JSON))
def test_writing_the_difference_leaves_none_and_keeps_foreign_fields(
    found: dict[str, Any], wanted: dict[str, Any]
) -> None:
    after = found | difference(found, wanted, {})
    assert difference(after, wanted, {}) == {}
    assert {name: after[name] for name in found.keys() - wanted.keys()} == {
        name: found[name] for name in found.keys() - wanted.keys()
    }


@pytest.mark.parametrize(
    ("value", "off"), [(None, True), ([], True), ("", True), ("0", True), (0, False), ("1", False)]
)
def test_none_empty_values_and_the_value_off_take_service_away(value: Any, off: bool) -> None:
    assert is_off("a", value, {"a": OwnedField(off="0")}) is off


def test_the_value_off_is_compared_as_the_field_is() -> None:
    assert is_off("a", 0, {"a": OwnedField(off="0", compare="number")})
    assert is_off("a", "07", {"a": OwnedField(off=7, compare="number")})
    assert is_off("a", ["y", "x"], {"a": OwnedField(off=["x", "y"], compare="set")})
