"""Expressions: the data that they read, the Python objects that they cannot reach, and filters."""

import datetime
from typing import Any

import pytest
from pydantic_core import to_json

from connector.event import Event, parse
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Expression,
    ExpressionError,
    Scope,
    compile_condition,
    compile_value,
    expressions,
)
from tests.support.events import event

IMSI = "001010000000001"
MARKER = "c0ffee-personal-marker"


def _event() -> Event:
    return parse(to_json(event()))


EVENT = _event()
SCOPE = Scope(
    {
        "event": EVENT,
        "account": EVENT.account,
        "sim": EVENT.sim,
        "policy": EVENT.policy,
        "prev_sim": None,
        "counters": [],
        "variables": {"a": {"b": [1, 2]}, "keys": "mine", "none": None, "text": "{{ 7 * 7 }}"},
        "number": 5,
        "flag": True,
        "text": "abc",
        "items": [3, 1, 2],
        "secret": MARKER,
        "function": len,
        "thing": datetime,
    }
)


def value(source: str) -> Any:
    return compile_condition(source).evaluate(SCOPE)


# Values


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sim.imsi", IMSI),
        ("account.i_account", 277147),
        ("account.blocked", False),
        ("variables.a.b[1]", 2),
        ("variables['a']['b']", [1, 2]),
        ("variables.keys", "mine"),
        ("account.assigned_addons[0].name", "Roaming EU"),
        ("event.event_type", "SIM/Updated"),
        ("text[0]", "a"),
        ("items[-1]", 2),
        ("items[1:]", [1, 2]),
        ("[sim.imsi]", [IMSI]),
        ("{'imsi': sim.imsi}", {"imsi": IMSI}),
        ("'5'", "5"),
        ("'007'", "007"),
        ("5 == '5'", False),
        ("number + 1", 6),
        ("'a' ~ number", "a5"),
        ("none", None),
        ("true", True),
        ("not flag", False),
        ("'yes' if flag else 'no'", "yes"),
        ("number in [1, 5]", True),
        ("text", "abc"),
        ("variables.text", "{{ 7 * 7 }}"),
    ],
)
def test_an_expression_keeps_its_type(source: str, expected: Any) -> None:
    found = value(source)
    assert found == expected
    assert type(found) is type(expected)


def test_a_date_time_keeps_its_type() -> None:
    assert value("event.updated_at") == EVENT.updated_at


@pytest.mark.parametrize(
    "source",
    [
        "prev_sim.imsi",
        "prev_sim.imsi.length.more",
        "account.nothing",
        "account.nothing.below.it",
        "variables.nothing",
        "variables.none.below",
        "variables['nothing']",
        "variables.a.b[9]",
        "variables.a.b['x']",
        "items[9]",
        "text[9]",
        "number.real",
        "counters[0].remaining",
        "'yes' if prev_sim",
        "counters | first",
        "(counters | first).remaining",
        "counters | last",
        "counters | map(attribute='remaining') | max",
    ],
)
def test_a_path_through_missing_data_is_none(source: str) -> None:
    assert value(source) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(counters | first) is none", True),
        ("(counters | first) or 'other'", "other"),
        ("(counters | first) == none", True),
        ("not (counters | last)", True),
        ("[counters | first]", [None]),
        ("{'a': counters | first}", {"a": None}),
        ("['yes' if prev_sim]", [None]),
        ("('yes' if prev_sim) is none", True),
        ("(counters | map(attribute='remaining') | max) is none", True),
    ],
)
def test_missing_data_inside_an_expression_is_none(source: str, expected: Any) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    "filtered", ["lower", "upper", "title", "trim", "string", "replace('a', 'b')"]
)
def test_missing_data_does_not_become_the_text_none(filtered: str) -> None:
    assert value(f"prev_sim.imsi | {filtered}") is None


def test_missing_data_cannot_be_joined_to_text() -> None:
    with pytest.raises(EvaluationError):
        value("'imsi:' ~ prev_sim.imsi")


def test_default_replaces_missing_data_only() -> None:
    assert value("prev_sim.imsi | default('none')") == "none"
    assert value("account.blocked | default(true)") is False


def test_a_lazy_filter_gives_a_list_that_can_be_read_twice() -> None:
    assert value("items | map('string')") == ["3", "1", "2"]
    assert value("items | select('odd')") == [3, 1]


@pytest.mark.parametrize(
    "source",
    ["number + none", "none < 1", "'a' < 1", "1 / 0", "'a' in none", "none | length", "secret + 1"],
)
def test_an_evaluation_error_names_the_expression_but_no_data(source: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value(source)
    assert source in str(caught.value)
    assert MARKER not in str(caught.value)


def test_an_evaluation_error_names_only_the_type_of_its_cause() -> None:
    nothing: frozenset[Any] = frozenset()
    quoting = Expression("a source", nothing, nothing, lambda scope: int(scope["secret"]))
    with pytest.raises(EvaluationError) as caught:
        quoting.evaluate(SCOPE)
    assert MARKER in str(caught.value.__cause__)
    assert str(caught.value) == "`a source`: ValueError"


# Names


@pytest.mark.parametrize(
    ("source", "names", "paths"),
    [
        ("account.bill_status == 'open'", {"account"}, {("account", "bill_status")}),
        ("sim", {"sim"}, {("sim",)}),
        ("a.b.c or a.b", {"a"}, {("a", "b", "c"), ("a", "b")}),
        ("a[b.c].d", {"a", "b"}, {("a",), ("b", "c")}),
        ("(a | first).b", {"a"}, {("a",)}),
        ("x if y.z else [w]", {"x", "y", "w"}, {("x",), ("y", "z"), ("w",)}),
        ("p | attribute(q.r)", {"p", "q"}, {("p",), ("q", "r")}),
        ("{'k': v}", {"v"}, {("v",)}),
        ("1 + 2", set(), set()),
    ],
)
def test_compiling_finds_names_and_paths(
    source: str, names: set[str], paths: set[tuple[str, ...]]
) -> None:
    found = compile_condition(source)
    assert found.names == names
    assert found.paths >= paths
    assert {path[0] for path in found.paths} == names


@pytest.mark.parametrize("name", ["range", "dict", "cycler", "namespace", "lipsum", "self", "loop"])
def test_global_names_of_jinja_are_ordinary_names(name: str) -> None:
    """So the lint `unknown-name` reports them, as no mapping defines them."""
    assert compile_condition(name).names == {name}


# Refused expressions and unreadable attributes


@pytest.mark.parametrize(
    "source",
    [
        "account.__class__",
        "account.__class__.__mro__",
        "account['__class__']",
        "account.model_dump",
        "account['model_dump']",
        "account.model_fields",
        "account._msisdn",
        "text.upper",
        "text['format']",
        "text.__class__",
        "items.append",
        "variables.items",
        "variables.__len__",
        "event.__class__",
        "event.identities",
        "event.snapshot",
        "event['identities']",
        "function.__globals__",
        "thing.sys",
        "thing['datetime']",
        "[sim] | map(attribute='__class__') | first",
        "[text] | map(attribute='upper') | first",
    ],
)
def test_attributes_of_python_objects_cannot_be_read(source: str) -> None:
    assert value(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "function(text)",
        "text.upper()",
        "range(5)",
        "lipsum()",
        "self.x()",
        "(items | first)()",
        "[function()]",
        "'{}'.format(number)",
        "text | replace('a', function())",
        "x if function() else y",
    ],
)
def test_a_call_in_an_expression_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError, match="nothing can be called"):
        compile_condition(source)


@pytest.mark.parametrize("name", ["attr", "format", "safe", "tojson", "pprint", "xmlattr", "nope"])
def test_only_filters_of_the_language_are_known(name: str) -> None:
    with pytest.raises(ExpressionError, match="no filter has the name"):
        compile_condition(f"text | {name}")


@pytest.mark.parametrize("name", ["callable", "sameas", "escaped", "filter", "undefined", "nope"])
def test_only_tests_of_the_language_are_known(name: str) -> None:
    with pytest.raises(ExpressionError, match="no test has the name"):
        compile_condition(f"text is {name}")


def test_an_unknown_filter_inside_an_if_is_refused() -> None:
    with pytest.raises(ExpressionError, match="no filter has the name `nope`"):
        compile_condition("(text | nope) if text else 1")


def test_an_unknown_test_inside_an_if_is_refused() -> None:
    with pytest.raises(ExpressionError, match="no test has the name `nope`"):
        compile_condition("(text is nope) if text else 1")


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "a b",
        "a +",
        "a; b",
        "{{ a }}",
        "a }}",
        "{% if a %}",
        "lambda: 1",
        "a = 1",
        "a, b =",
        "[x for x in a]",
        "'open",
        "a.",
        "= =a",
        "a #}",
    ],
)
def test_a_malformed_expression_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(source)
    assert str(caught.value)


# Our own filters and tests


def test_an_attribute_of_the_access_policy_is_found_by_name_and_group() -> None:
    assert value("policy | attribute('cs_profile')") == "cs-pp-20250319"
    assert value("policy | attribute('cs_profile', 'lte.wtl')") == "cs-pp-20250319"
    assert value("policy | attribute('cs_profile', group='other')") is None
    assert value("policy | attribute('nothing')") is None
    assert value("prev_sim | attribute('cs_profile')") is None
    assert value("text | attribute('cs_profile')") is None


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (f"'{IMSI}' is imsi", True),
        (f"'{IMSI[1:]}' is imsi", False),
        (f"'{IMSI}0' is imsi", False),
        (f"'{IMSI}\\n' is imsi", False),
        (f"{int(IMSI)} is imsi", False),
        (f"'{chr(0x661) * 15}' is imsi", False),
        ("none is imsi", False),
        ("'0' is digits", True),
        ("'' is digits", False),
        ("'1 ' is digits", False),
        ("'1\\n' is digits", False),
        (f"'{chr(0x661)}' is digits", False),
        ("5 is digits", False),
        ("none is digits", False),
        ("text is matching('[a-c]+')", True),
        ("text is matching('[a-b]+')", False),
        ("text ~ '\\n' is matching('[a-c]+')", False),
        ("none is matching('.*')", False),
        ("5 is matching('5')", False),
    ],
)
def test_the_tests_imsi_digits_and_matching_check_the_whole_text(source: str, holds: bool) -> None:
    assert value(f"({source.rpartition(' is ')[0]}) is {source.rpartition(' is ')[2]}") is holds


# Values of the file


def test_text_is_an_expression_only_if_the_file_says_so() -> None:
    def found(raw: Any) -> Any:
        return compile_value(raw).evaluate(SCOPE)

    assert found("=number") == 5
    assert found("{{ number }}") == "5"
    assert found("number") == "number"
    assert found(" =number") == " =number"
    assert found("{number} {# #}") == "{number} {# #}"
    assert [found(raw) for raw in (5, 0.5, True, None)] == [5, 0.5, True, None]
    assert isinstance(compile_value("number"), Constant)


def test_a_list_or_object_is_computed_at_every_depth_in_its_order() -> None:
    tree = compile_value({"b": ["=number", {"c": "n{{ number }}"}], "a": 1})
    assert tree.evaluate(SCOPE) == {"b": [5, {"c": "n5"}], "a": 1}
    assert list(tree.evaluate(SCOPE)) == ["b", "a"]
    assert len(expressions(tree)) == 2


def test_an_expression_keeps_its_source() -> None:
    found = compile_value("=account.bill_status")
    assert isinstance(found, Expression)
    assert found.source == "=account.bill_status"
