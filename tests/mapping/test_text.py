"""Each type has one spelling as text, in every filter and operator, or none at all."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json, to_jsonable_python

from connector.event import parse
from connector.mapping.expression import EvaluationError, Scope, compile_condition, compile_text
from connector.mapping.text import BadValue, text_of, texts_of
from tests.support.events import event

EVENT = parse(to_json(event()))
SPELLINGS: list[tuple[Any, str]] = [
    ("", ""),
    ("Zoë \U0001f4a5", "Zoë \U0001f4a5"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-7, "-7"),
    (10**30, "1" + "0" * 30),
    (5.0, "5"),
    (-0.0, "0"),
    (1073741824.0, "1073741824"),
    (2e16, "20000000000000000"),
    (1e23, "1" + "0" * 23),
    (2.5, "2.5"),
    (1e-7, "0.0000001"),
    (-1.5e-10, "-0.00000000015"),
    (datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC), "2026-03-02T03:04:05Z"),
    (
        datetime(2026, 3, 2, 3, 4, 5, 60, tzinfo=timezone(timedelta(hours=2))),
        "2026-03-02T03:04:05.000060+02:00",
    ),
]
WITHOUT_TEXT: list[Any] = [
    None,
    math.inf,
    math.nan,
    10**4300,
    "\ud800",
    [],
    ["a"],
    ("a",),
    {},
    {"a": 1},
    b"a",
    EVENT,
    EVENT.account,
    [EVENT.account],
    timedelta(1),
    iter(()),
]
# Each takes `v` to text; some put a `#` before it.
MAKERS = ["v | string", "'#' ~ v", "['#', v] | join", "[v] | map('string') | first"]
MAKERS += ["v | trim", "v | replace('\\0', '')", "'#' | replace('#', v)", "['', ''] | join(v)"]


def value(source: str, **names: Any) -> Any:
    return compile_condition(source).evaluate(Scope(names))


@pytest.mark.parametrize(("given", "text"), SPELLINGS)
def test_a_type_has_one_spelling(given: Any, text: str) -> None:
    assert text_of(given) == text
    assert compile_text("{{ v }}").evaluate(Scope(v=given)) == text
    for source in MAKERS:
        assert value(source, v=given).removeprefix("#") == text, source
    for name, changed in (("upper", text.upper()), ("lower", text.lower())):
        assert value(f"v | {name}", v=given) == changed


@pytest.mark.parametrize("given", WITHOUT_TEXT, ids=lambda given: type(given).__name__)
def test_a_value_without_text_is_refused_by_the_name_of_its_expression(given: Any) -> None:
    with pytest.raises(BadValue):
        text_of(given)
    sources = [*MAKERS, "v | upper", "v | lower", "v | title"]
    for source in sources:
        if given is None and re.match(r"v \|", source):
            assert value(source, v=given) is None  # missing data stays missing in a filter
        elif given is None and "map" in source:
            assert value(source, v=given) is None
        else:
            with pytest.raises(EvaluationError, match=f"^`{re.escape(source)}`: "):
                value(source, v=given)
    with pytest.raises(EvaluationError, match=r"^`{{ v }}`: "):
        compile_text("{{ v }}").evaluate(Scope(v=given))


def test_an_error_does_not_quote_the_data() -> None:
    with pytest.raises(EvaluationError) as caught:
        value("['-', v] | join", v={"Olena": "Shevchenko"})
    assert str(caught.value) == "`['-', v] | join`: an object cannot be text"


def test_a_null_in_a_list_does_not_become_the_word_none() -> None:
    with pytest.raises(EvaluationError, match="there is no value"):
        value("[a, b] | join(' ')", a="Olena", b=None)
    assert value("[a, b] | reject('none') | join(' ')", a="Olena", b=None) == "Olena"


@pytest.mark.parametrize("source", ["{'a': 1} | join", "5 | join", "account | join"])
def test_only_a_list_or_text_can_be_joined(source: str) -> None:
    with pytest.raises(EvaluationError, match="`join` takes a list"):
        value(source, account=EVENT.account)


@pytest.mark.parametrize("source", ["['A'] is upper", "none is lower", "true is lower"])
def test_only_text_is_in_upper_or_lower_case(source: str) -> None:
    assert value(source) is False


def test_the_items_of_a_list_keep_their_order_and_null_is_left_out() -> None:
    assert texts_of(["a", None, 1.0, True]) == ("a", "1", "true")
    assert texts_of(("a",)) == texts_of("a") == ("a",)
    assert texts_of(None) == ()
    with pytest.raises(BadValue):
        texts_of([["a"]])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_float_is_the_shortest_decimal_of_the_same_number(number: float) -> None:
    text = text_of(number)
    assert float(text) == number
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", text)
    digits = text.replace(".", "").lstrip("-0").rstrip("0")
    assert digits == re.sub(r"e.*|[.]", "", repr(number)).lstrip("-0").rstrip("0")


@given(st.integers())
def test_the_text_of_a_whole_number_is_exact(number: int) -> None:
    assert int(text_of(number)) == number


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=st.just(UTC) | OFFSETS))
def test_a_date_time_is_spelt_as_before_in_json(moment: datetime) -> None:
    assert datetime.fromisoformat(text_of(moment)) == moment
    assert text_of(moment) == to_jsonable_python(moment)
