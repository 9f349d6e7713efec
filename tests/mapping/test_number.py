"""`int`, `float` and `round` never invent a number (contract 6.7)."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    Scope,
    compile_condition,
)


def value(source: str, v: Any = None) -> Any:
    return compile_condition(source).evaluate(Scope(v=v))


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("12", 12),
        (" 7 ", 7),
        ("\t7\r\n", 7),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("5.0", 5),
        ("1e3", 1000),
        ("1E+3", 1000),
        ("100e-2", 1),
        (5.0, 5),
        (True, 1),
        (False, 0),
        (10**30, 10**30),
        ("9" * 4300, int("9" * 4300)),
        (1e22, 10**22),
    ],
)
def test_a_whole_number_is_read_exactly(given: Any, number: int) -> None:
    found = value("v | int", given)
    assert (found, type(found)) == (number, int)
    assert value("v | int(0)", given) == number


NO_NUMBERS: list[Any] = [
    "",
    " ",
    "N/A",
    "1_000",
    "0x10",
    "\uff11\uff12",
    "\u0663",
    "1,5",
    "1.",
    ".5",
    "1 000",
]
NO_NUMBERS += ["inf", "nan", "Infinity", "-", "7 EUR", "1e", "--1", float("inf"), float("nan")]
NO_NUMBERS += [[], [1], {}, {"a": 1}]


@pytest.mark.parametrize("given", NO_NUMBERS, ids=repr)
def test_a_value_that_is_not_a_number_is_refused_unless_there_is_a_default(given: Any) -> None:
    for name in ("int", "float"):
        with pytest.raises(EvaluationError, match=f"`v | {name}`: .* not a number"):
            value(f"v | {name}", given)
        assert value(f"v | {name}(0)", given) == 0
        assert value(f"v | {name}(none)", given) is None
        assert value(f"v | {name}(default=-1)", given) == -1


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("int", "2.5"),
        ("int", 2.5),
        ("int", "1e-400"),
        ("int", "9" * 4301),
        ("int", "1e400"),
        ("float", "1e400"),
        ("float", "1e-400"),
        ("float", "9" * 400),
        ("float", "9" * 4301),
        ("float", 10**400),
        ("float", 2**53 + 1),
        ("float", str(2**53 + 1)),
    ],
)
def test_a_number_that_would_lose_something_is_refused_even_with_a_default(
    source: str, given: Any
) -> None:
    for written in (source, f"{source}(0)"):
        with pytest.raises(EvaluationError, match="number"):
            value(f"v | {written}", given)


@pytest.mark.parametrize(
    ("given", "number"), [("2.5", 2.5), ("1e23", 1e23), (" 0.1 ", 0.1), (7, 7.0), (True, 1.0)]
)
def test_a_number_with_a_fraction_is_read(given: Any, number: float) -> None:
    found = value("v | float", given)
    assert (found, type(found)) == (number, float)


@pytest.mark.parametrize(
    ("source", "number"), [("'ff' | int(0, 16)", 255), ("'0x10' | int(base=16)", 16)]
)
def test_another_base_can_be_named(source: str, number: int) -> None:
    assert value(source) == number


@pytest.mark.parametrize("source", ["'f_f' | int(base=16)", "'9' | int(base=8)"])
def test_text_of_another_base_is_refused(source: str) -> None:
    with pytest.raises(EvaluationError, match="not a number"):
        value(source)


@pytest.mark.parametrize("base", ["0", "1", "37", "'x'"])
def test_an_unknown_base_is_refused(base: str) -> None:
    with pytest.raises(ExpressionError, match="cannot work with these arguments"):
        value(f"'1' | int(0, {base})")


@given(
    st.text(st.sampled_from("0123456789.eE+-_ x\uff11\u0663"), max_size=8) | st.floats().map(str)
)
def test_any_text_keeps_its_number_or_is_refused(text: str) -> None:
    for name in ("int", "float"):
        try:
            found = value(f"v | {name}", text)
        except EvaluationError:
            continue
        assert re.fullmatch(r"\s*[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*", text, re.ASCII)
        assert found == (Fraction(text) if name == "int" else float(text))


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("2.6 | round", 3.0),
        ("2.345 | round(1, 'floor')", 2.3),
        ("0.29 | round(2, 'floor')", 0.29),
        ("-7.5 | round(0, 'ceil')", -7.0),
        (f"{10**17 + 1} | round(0, 'floor')", 10**17 + 1),
        (f"{10**17 + 1} | round", 10**17 + 1),
        ("12345 | round(-2, 'ceil')", 12400),
        ("2.5 | round(0, 'floor') | int", 2),
    ],
)
def test_rounding_invents_no_digits(source: str, number: float) -> None:
    found = value(source)
    assert (found, type(found)) == (number, type(number))


@given(st.floats(-1e15, 1e15), st.integers(-15, 15))
def test_rounding_down_and_up_encloses_the_number(number: float, places: int) -> None:
    low, high = (value(f"v | round({places}, '{how}')", number) for how in ("floor", "ceil"))
    assert low <= number <= high
    assert Decimal(repr(high)) - Decimal(repr(low)) <= Decimal(1).scaleb(-places) * 2


@pytest.mark.parametrize(
    "source", ["'2.6' | round", "none | abs | round(1, 'ceil')", "1 | round(v)"]
)
def test_only_numbers_are_rounded(source: str) -> None:
    if source.startswith("none"):
        assert value(source) is None
    else:
        with pytest.raises(EvaluationError, match="`round` takes numbers only"):
            value(source, "1")


@pytest.mark.parametrize("given", ["%s", "%0999999999d", "4", None, [2]])
def test_the_tests_for_numbers_do_not_format_text(given: Any) -> None:
    """`%` formats text in Python: `'%0999999999d' is even` would fill the memory."""
    for name in ("even", "odd", "divisibleby(2)"):
        with pytest.raises(EvaluationError, match="takes a number"):
            value(f"v is {name}", given)


@pytest.mark.parametrize("source", ["'7' * 3", "'%s' % 1", "[1] * 2", "['7'] | sum", "'7' + 1"])
def test_text_and_lists_are_not_multiplied_formatted_or_added_up(source: str) -> None:
    with pytest.raises(EvaluationError):
        value(source)
