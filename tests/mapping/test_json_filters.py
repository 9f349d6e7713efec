"""Filters for JSON text and objects."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope, compile_condition
from connector.portabilling import SimInfo


def computed(source: str, **names: Any) -> Any:
    return compile_condition(source).evaluate(Scope(names))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXTS
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(DATA.filter(lambda value: value is not None))
def test_json_text_is_read_again_as_the_same(value: Any) -> None:
    text = computed("v | to_json", v=value)
    assert json.loads(text) == value
    assert computed("t | from_json", t=text) == value


def test_json_text_is_what_a_body_would_be() -> None:
    assert computed("{'a': 5.0, 'é': [none, omit]} | to_json") == '{"a":5,"é":[null]}'
    sim = SimInfo.model_validate({"imsi": "001010000000001"})
    assert computed("s | to_json", s=sim) == '{"imsi":"001010000000001"}'


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "'a'", "[" * 300])
def test_text_that_is_not_json_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"^`t \| from_json`: text that is not JSON$"):
        computed("t | from_json", t=text)


def test_only_text_is_read_as_json() -> None:
    with pytest.raises(EvaluationError, match="takes text, not a list"):
        computed("[1] | from_json")
    assert computed("n | from_json", n=None) is None


@given(st.dictionaries(TEXTS, LEAVES), st.dictionaries(TEXTS, LEAVES))
def test_merged_has_all_keys_and_the_second_wins(first: Any, second: Any) -> None:
    before = dict(first)
    found = computed("a | merged(b)", a=first, b=second)
    assert found == {**first, **second}
    assert first == before, "the data of the event stays as it is"


@pytest.mark.parametrize("source", ["a | merged(none)", "a | merged([1])", "'x' | merged(a)"])
def test_only_objects_are_merged(source: str) -> None:
    with pytest.raises(ValueError, match=r"takes two objects|these arguments"):
        computed(source, a={})


def test_none_stays_none() -> None:
    """An object that was not found does not become one with the wanted keys only."""
    assert computed("n | merged({'a': 1})", n=None) is None
