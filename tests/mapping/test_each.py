"""Lists that are made of other lists inside of a value: `each`, `when`, `give`."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from connector.event import parse
from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    Scope,
    as_json,
    compile_value,
)
from connector.mapping.meter import MOST_ITEMS
from connector.outcome import Refusal
from connector.plan.trace import trace
from tests.support.events import event
from tests.support.mapping_files import checked, mapping, with_call
from tests.support.planner import Planner

ADD_ONS = [
    {"name": "Roaming EU", "i_product": 7, "addon_priority": 10},
    {"name": "Data 5 GB", "i_product": 8, "addon_priority": 20},
]
CODES = {"each": "list", "give": {"code": "=item.name", "n": "=item.n", "fixed": 1}}


def made(raw: Any, **names: Any) -> Any:
    return as_json(compile_value(raw), Scope(names))


def test_a_list_of_objects_is_made_of_a_list() -> None:
    found = made(CODES, list=[{"name": "a", "n": 1}, {"name": "b"}])
    assert found == [{"code": "a", "n": 1, "fixed": 1}, {"code": "b", "n": None, "fixed": 1}]


def test_only_the_items_for_which_when_holds_are_given() -> None:
    raw = {"each": "=list", "when": "=item > 2", "give": "=item"}
    assert made(raw, list=[1, 2, 3, 4]) == [3, 4]
    same = {"each": "list", "when": "=item", "give": "=item"}
    assert made(same, list=[0, 1]) == [1]


def test_a_constant_list_and_text_inside_are_allowed() -> None:
    assert made({"each": ["a", "b"], "give": "{{ item }}!"}) == ["a!", "b!"]
    assert made({"each": [1, 2], "when": True, "give": "x"}) == ["x", "x"]
    assert made({"each": [1, 2], "when": False, "give": "x"}) == []


def test_in_a_nested_list_item_is_the_inner_one_and_then_the_outer_one_again() -> None:
    raw = {
        "each": "list",
        "give": {"inner": {"each": "item.list", "give": "=item.name"}, "name": "=item.name"},
    }
    inner = [{"name": "x"}, {"name": "y"}]
    found = made(raw, list=[{"name": "a", "list": inner}, {"name": "b", "list": None}])
    assert found == [{"inner": ["x", "y"], "name": "a"}, {"inner": None, "name": "b"}]


def test_an_item_of_a_call_is_the_same_after_a_list_in_its_body() -> None:
    scope = Scope(item="outer", list=[1])
    raw = {"a": {"each": "list", "give": "=item"}, "b": "=item"}
    assert as_json(compile_value(raw), scope) == {"a": [1], "b": "outer"}
    with pytest.raises(EvaluationError):
        as_json(compile_value({"each": "list", "give": "=item.a + 'x'"}), scope)
    assert scope["item"] == "outer"


def test_a_list_that_is_none_gives_none() -> None:
    """Missing data is not an empty list: that would take all packages away."""
    assert made(CODES, list=None) is None
    assert made({"each": "list or []", "give": "=item"}, list=None) == []


@pytest.mark.parametrize("value", ["text", {"a": 1}, 5])
def test_what_is_not_a_list_is_refused(value: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^`list`: `each` needs a list, not "):
        made(CODES, list=value)


def test_a_list_is_bounded_in_items_and_in_work() -> None:
    assert len(made({"each": "list", "give": "=item"}, list=[0] * MOST_ITEMS)) == MOST_ITEMS
    with pytest.raises(EvaluationError, match="at most 1000 items"):
        made({"each": "list", "give": "=item"}, list=[0] * (MOST_ITEMS + 1))
    squared = {"each": "list", "give": {"each": "list", "give": 1}}
    with pytest.raises(EvaluationError, match="50,000 steps"):
        made(squared, list=[0] * 500)


@pytest.mark.parametrize(
    ("raw", "said", "at"),
    [
        ({"each": "list", "give": 1, "if": "x"}, "`if`: an object with `each` and `give`", ()),
        ({"each": "list[", "give": 1}, "", ("each",)),
        ({"each": "list", "when": 5, "give": 1}, "must be an expression", ("when",)),
        ({"each": "list", "give": {"a": "=item +"}}, "", ("give", "a")),
    ],
    ids=["key", "each", "when", "give"],
)
def test_a_mistake_in_a_list_has_its_place(raw: Any, said: str, at: tuple[str, ...]) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_value({"list": raw})
    assert said in str(caught.value)
    assert caught.value.at == ("list", *at)


@pytest.mark.parametrize("raw", [{"each": "a", "when": "b"}, {"give": 1}, {"each": 1, "of": 2}])
def test_an_object_without_each_and_give_stays_an_object(raw: Any) -> None:
    assert made(raw) == raw


def test_a_body_with_the_keys_each_and_give_is_written_as_an_expression() -> None:
    assert made("={'each': 1, 'give': 2}") == {"each": 1, "give": 2}


@given(st.lists(st.integers() | st.text() | st.none()), st.integers())
def test_a_list_has_one_value_for_each_item_that_passes(items: list[Any], least: int) -> None:
    expected = [{"v": item} for item in items if isinstance(item, int) and item > least]
    raw = {"each": "l", "when": "item is integer and item > n", "give": {"v": "=item"}}
    assert json.dumps(made(raw, l=items, n=least)) == json.dumps(expected)


# In a mapping file

CALL = """{put: /a, json: {packages: {each: account.assigned_addons, when: item.i_product > 7,
 give: {code: "=item.name", id: "P{{ item.i_product }}", all: =account.i_account}}}}"""


def test_a_body_has_a_list_of_the_events_add_ons(tmp_path: Path) -> None:
    change = {"pb_data.account_info.assigned_addons": ADD_ONS}
    call = Planner(tmp_path).call(CALL, change=change)
    found = json.loads(call.body or b"")
    (package,) = found["packages"]
    assert (package["code"], package["id"]) == ("Data 5 GB", "P8")


def test_a_query_repeats_a_name_for_each_item(tmp_path: Path) -> None:
    change = {"pb_data.account_info.assigned_addons": ADD_ONS}
    call = "{get: /a, query: {p: {each: account.assigned_addons, give: =item.name}}}"
    found = Planner(tmp_path).call(call, change=change)
    assert found.query == (("p", "Roaming EU"), ("p", "Data 5 GB"))


def test_an_unreadable_field_of_an_item_makes_the_event_invalid(tmp_path: Path) -> None:
    change = {"pb_data.account_info.assigned_addons": [{"name": "a", "i_product": "seven"}]}
    with pytest.raises(Refusal) as caught:
        Planner(tmp_path).steps(CALL, change=change)
    (detail,) = caught.value.result.details
    assert detail.field == "pb_data.account_info.assigned_addons.0.i_product"


def test_conditions_on_replies_are_not_computed_to_look_for_unreadable_fields(
    tmp_path: Path,
) -> None:
    call = "{put: /a, expect: [{that: reply.json.ok, because: no}]}"
    unreadable: dict[str, Any] = {"pb_data.account_info.zip": []}
    assert Planner(tmp_path).call(call, change=unreadable).path == "/a"


def test_values_of_an_empty_list_are_not_computed_to_look_for_unreadable_fields(
    tmp_path: Path,
) -> None:
    change = {
        "pb_data.account_info.assigned_addons": [],
        "pb_data.account_info.zip": [],
        "data.variables": {"n": None},
    }
    give = "{a: =item.name, b: =variables.n + 1}"
    call = f"{{put: /a, json: {{each: account.assigned_addons, give: {give}}}}}"
    assert Planner(tmp_path).call(call, change=change).body == b"[]"


HEAD = "name: cards\nsummary: a\nsystem: {http: {base_url: 'http://a'}}\n"


@pytest.mark.parametrize(
    ("each", "name", "said"),
    [
        ("{each: account.assigned_addons, give: =item.nam}", "unknown-field", "`nam`"),
        ("{each: account.assigned_addons, give: '{{ item.nam }}'}", "unknown-field", "`nam`"),
        ("{each: account.assigned_addons, when: item.nam, give: 1}", "unknown-field", "`nam`"),
        ("{each: account.addons, give: 1}", "unknown-field", "`addons`"),
        ("{each: account, give: =item.name}", "unknown-field", "`account` is not a list"),
        ("{each: acount.x, give: 1}", "unknown-name", "`acount`"),
        ("{each: counters, give: =itm.name}", "unknown-name", "`itm`"),
        ("{each: item.a, give: 1}", "unknown-name", "`item`"),
        ("{a: {each: counters, give: 1}, b: =item}", "unknown-name", "`item`"),
        ('{each: counters, give: "=1 + none"}', "constant", "can never be computed"),
        ("{each: counters, give: account.i_account}", "missing-equals", "sent as text"),
        ("{each: counters, give: \"=item.unit is matching('(')\"}", "pattern", "`(`"),
        ("{each: counters, give: =item.unit is matching(item.unit)}", "pattern", "decides"),
        (
            "{each: account.service_features, give: {each: item.attributes, give: =item.nam}}",
            "unknown-field",
            "attributes[0]` has no field `nam`",
        ),
    ],
)
def test_the_lints_see_into_a_list(tmp_path: Path, each: str, name: str, said: str) -> None:
    when = " when: account and counters, on:"
    text = HEAD + with_call(f"{{put: /a, json: {each}}}").replace(" on:", when)
    (found,) = [one for one in checked(tmp_path, text) if one.name != "no-subject"]
    assert found.name == name
    assert said in found.reason


def test_a_correct_list_has_no_lint(tmp_path: Path) -> None:
    text = HEAD + with_call(CALL).replace(" on:", " when: account, on:")
    assert checked(tmp_path, text) == []


def test_an_explanation_shows_each_value_of_a_list(tmp_path: Path) -> None:
    sent = event("sim-updated", change={"pb_data.account_info.assigned_addons": ADD_ONS})
    found = mapping(tmp_path, with_call(CALL).replace(" on:", " when: account, on:"))
    (call,) = trace(parse(to_json(sent)), found, {}).calls
    shown = {item.about: item.value for item in call.computed}
    assert shown["json.packages.when"] == [False, True]
    assert shown["json.packages.give.code"] == ["Data 5 GB"]
    assert shown["json.packages.give.id"] == [8]


def test_an_explanation_shows_a_list_that_waits_for_a_reply_as_source_text(tmp_path: Path) -> None:
    later = "{put: /a, json: {each: b.json.list, give: {code: =item.name, f: 1}}}"
    found = mapping(tmp_path, with_call(f"{{id: b, get: /b}}, {later}"))
    call = trace(parse(to_json(event("sim-updated"))), found, {}).calls[1].call
    assert json.loads(getattr(call, "body", b"")) == [{"code": "=item.name", "f": 1}]


# `omit`


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"a": "=n or omit", "b": "=n"}, {"b": None}),
        ({"a": {"b": "=n | default(omit)", "c": 1}}, {"a": {"c": 1}}),
        ("={'a': omit, 'b': {'c': [1, omit, 2]}}", {"b": {"c": [1, 2]}}),
        (["=n or omit", 1], [1]),
        ({"each": "l", "give": "=item or omit"}, [1]),
        ({"a": "=5 or omit", "b": "=l[0] if l[0] else omit"}, {"a": 5}),
    ],
    ids=["key", "deep", "expression", "item", "each", "if"],
)
def test_omit_leaves_a_key_or_an_item_out(raw: Any, expected: Any) -> None:
    assert made(raw, n=None, l=[0, 1]) == expected


@pytest.mark.parametrize("raw", ["=omit", "x {{ omit }}", {"a": "x {{ omit }}"}, "=omit ~ 'x'"])
def test_omit_is_refused_where_nothing_can_be_left_out(raw: Any) -> None:
    with pytest.raises(EvaluationError, match="omit"):
        made(raw)


def test_an_error_beside_omit_names_its_own_expression() -> None:
    with pytest.raises(EvaluationError, match=r"^`=e`: "):
        made({"a": "=omit", "b": "=e"}, e=object())


def test_omit_leaves_out_headers_and_names_of_query_and_form(tmp_path: Path) -> None:
    call = "{post: /a, query: {q: =omit, r: 1}, headers: {X-A: =omit, X-B: b}, form: {f: =omit}}"
    found = Planner(tmp_path).call(call)
    assert found.query == (("r", "1"),)
    assert found.headers == {"X-B": "b"}
    assert found.body == b""


def test_omit_is_a_reserved_name(tmp_path: Path) -> None:
    text = HEAD + "values: {omit: 1}\n" + with_call("{put: /a, json: =omit}")
    assert next(iter(checked(tmp_path, text))).name == "reserved-name"
