"""The text of a value in a message of the control interface."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope
from connector.systems.ctrl.call import CtrlCallEntry
from connector.systems.ctrl.wire import frame

WHOLE = CtrlCallEntry.model_validate({"ctrl_set": "a.b-{{ name }}.c", "value": "=v"})
INSIDE = CtrlCallEntry.model_validate({"ctrl_set": "a", "value": "x{{ v }}"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("420700000001", "420700000001"),
        (True, "1"),  # Osmocom's variables know no other booleans
        (False, "0"),
        (5.0, "5"),
        (2e16, "20000000000000000"),
        (-2.5, "-2.5"),
        (10**30, "1" + "0" * 30),
        (datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02T00:00:00Z"),
    ],
)
def test_a_value_has_one_spelling(value: Any, text: str) -> None:
    assert WHOLE.render(Scope(name="n", v=value)).value == text


def test_a_boolean_inside_text_is_a_word() -> None:
    assert INSIDE.render(Scope(v=True)).value == "xtrue"


@pytest.mark.parametrize("value", [None, "", "a b", "a\nb", "é", [], ["a"], {}, float("nan")])
def test_what_a_message_cannot_hold_is_refused_by_the_name_of_its_expression(value: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^`=v`: "):
        WHOLE.render(Scope(name="n", v=value))


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_any_name_and_value_make_one_message_or_are_refused(value: Any) -> None:
    try:
        call = WHOLE.render(Scope(name=value, v=value))
    except EvaluationError:
        return
    message = frame(f"SET 1 {call.variable} {call.value}")[4:].decode()
    assert re.fullmatch(r"SET 1 a\.b-[A-Za-z0-9_-]+\.c [!-~]+", message)


def test_a_message_that_is_too_long_is_the_fault_of_the_event() -> None:
    assert frame(f"SET {10**18} a {'x' * 64_999}")
    assert WHOLE.render(Scope(name="n", v="x" * 64_000)).value
    with pytest.raises(EvaluationError, match="65,000"):
        WHOLE.render(Scope(name="n", v="x" * 65_000))
