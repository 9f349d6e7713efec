"""Values in a command are data: they cannot end it, begin another one, or change its meaning."""

import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope, SourceText
from connector.systems.line.call import LineCallEntry
from connector.systems.line.command import command, compile_command

COMMAND = compile_command('MOD SUB:IMSI="{{ one }}",NAME="{{ two }}",TPLID={{ three }};')
SHAPE = re.compile(r'MOD SUB:IMSI="([^"]*)",NAME="([^"]*)",TPLID=([^",;=\s]*);')
HOSTILE = [
    'x"',
    'x";RMV SUB:IMSI="1',
    "x;",
    "x\r\nRMV SUB;",
    "x\n",
    "x\r",
    "x\0",
    "x\x1b[A",
    "x\x7f",
    "x\xff\xf4",
    "x\x85y",
    "x\u2028y",
    "x\\",
    "`reboot`",
    "$HOME",
    "help?",
    "\ud800",
    "Söhne",
    "",
]


def written(one: Any = "1", two: Any = "2", three: Any = "3") -> str:
    return command(COMMAND, Scope(one=one, two=two, three=three))


def test_values_are_put_into_their_places() -> None:
    found = written("001010000000001", "O'Brien & Sons, Inc. (a=b)", 7)
    assert found == 'MOD SUB:IMSI="001010000000001",NAME="O\'Brien & Sons, Inc. (a=b)",TPLID=7;'
    assert written(True, 0.5, -3) == 'MOD SUB:IMSI="true",NAME="0.5",TPLID=-3;'


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_could_end_a_command_is_refused_between_quotes(value: str) -> None:
    with pytest.raises(EvaluationError, match=r"between quotes|surrogate") as caught:
        written(one=value)
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize(
    "value", [*HOSTILE, "a b", "a,b", "a=b", "a'b", "a:b", "--all", "-rf", "a|b", "a>b", "a*"]
)
def test_a_value_outside_of_quotes_is_one_word(value: str) -> None:
    with pytest.raises(EvaluationError, match=r"outside of quotes|surrogate"):
        written(three=value)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_a_value_without_a_text_is_refused(value: Any) -> None:
    with pytest.raises(EvaluationError):
        written(one=value)


@given(st.text(), st.text(), st.text())
def test_no_values_change_the_shape_of_a_command(one: str, two: str, three: str) -> None:
    try:
        found = written(one, two, three)
    except EvaluationError:
        return
    shape = SHAPE.fullmatch(found)
    assert shape
    assert shape.groups() == (one, two, three)
    assert found.isascii()
    assert found.isprintable()
    assert found.count(";") == 1


@given(st.text(alphabet="'\" ;\\$`?\n\xffab-", max_size=6))
def test_no_value_between_single_quotes_leaves_them(value: str) -> None:
    single = compile_command("set name '{{ one }}'")
    try:
        found = command(single, Scope(one=value))
    except EvaluationError:
        return
    assert shlex.split(found) == ["set", "name", value]


def test_a_command_has_a_bounded_length() -> None:
    with pytest.raises(EvaluationError, match="4,000"):
        written(two="x" * 4000)


@pytest.mark.parametrize(
    "text", ["=sim.imsi", 'A:B="{{ one }};', "A;\nB;", "A\t", "Ä;", "it's {{ one }}"]
)
def test_a_command_of_the_file_that_is_not_one_closed_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|quote"):
        compile_command(text)


def test_a_command_that_waits_for_a_reply_shows_its_source() -> None:
    entry = LineCallEntry.model_validate({"line": 'A:B="{{ found.x }}";'})
    shown = entry.with_sources(frozenset(("found",))).render(Scope())
    assert shown.command == 'A:B="{{ found.x }}";'
    assert isinstance(entry.with_sources(frozenset(("found",))).line.evaluate(Scope()), SourceText)
    assert entry.render(Scope(found={"x": "1"})).target == 'A:B="{}";'
