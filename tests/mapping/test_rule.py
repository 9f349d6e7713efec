"""The entries of a rule and of its calls: required keys, allowed values, defaults."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from connector.mapping.entry import used
from connector.mapping.expression import Expression, Scope, Text
from connector.mapping.rule import Rule
from connector.systems.http.call import BODIES, METHODS, HttpCallEntry


def refused(entry: dict[str, Any], kind: type[HttpCallEntry] | type[Rule] = HttpCallEntry) -> str:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(entry)
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in caught.value.errors()
    )


def rule(**entries: Any) -> dict[str, Any]:
    return {"name": "r", "on": "SIM/Updated", "calls": [{"get": "/a"}], **entries}


# Methods and bodies


@pytest.mark.parametrize("method", METHODS)
def test_a_call_has_one_method_with_its_path(method: str) -> None:
    call = HttpCallEntry.model_validate({method: "/cards/{{ sim.imsi }}"})
    assert call.method == method
    assert isinstance(call.address, Text)
    assert call.address.outline == "/cards/{}"


def test_a_call_without_a_method_or_with_two_is_refused() -> None:
    message = "needs exactly one of get, post, put, patch, delete"
    assert message in refused({})
    assert message in refused({"json": {}})
    assert message in refused({"get": "/a", "post": "/a"})


@pytest.mark.parametrize("body", BODIES)
def test_a_call_has_at_most_one_body(body: str) -> None:
    entry = {"post": "/a", body: {"a": "1"} if body in ("json", "form") else "a"}
    bodies = HttpCallEntry.model_validate(entry).bodies
    assert [kind for kind, found in bodies.items() if found is not None] == [body]


def test_two_bodies_are_refused() -> None:
    message = "has more than one of json, form, text, xml"
    assert message in refused({"post": "/a", "json": {}, "xml": "<a/>"})
    assert message in refused({"post": "/a", "form": {}, "text": ""})


@pytest.mark.parametrize("path", ["cards", "", "http://evil.test/", "=sim.imsi", 5, None, ["/a"]])
def test_a_path_that_does_not_start_with_a_slash_is_refused(path: Any) -> None:
    assert refused({"get": path})


@pytest.mark.parametrize("kind", ["text", "xml"])
@pytest.mark.parametrize("value", [5, {"a": 1}, ["a"], True])
def test_a_text_or_xml_body_must_be_text(kind: str, value: Any) -> None:
    assert "must be text" in refused({"post": "/a", kind: value})


@pytest.mark.parametrize("status", [0, 199, 600, "many"])
def test_an_accepted_status_must_be_from_200_to_599(status: Any) -> None:
    assert "accept.0" in refused({"get": "/a", "accept": [status]})


@pytest.mark.parametrize("name", ["Upper", "1st", "a-b", "a b", "", "ä"])
def test_an_id_must_be_a_name_that_expressions_can_read(name: str) -> None:
    assert refused({"get": "/a", "id": name}).startswith("id: ")


def test_an_unknown_key_is_refused() -> None:
    assert refused({"get": "/a", "jsn": {}}).startswith("jsn: ")
    assert refused(rule(onn="x"), Rule).startswith("onn: ")


# Conditions


@pytest.mark.parametrize("value", ["", " ", [], {}, 0.5])
def test_a_condition_must_be_an_expression(value: Any) -> None:
    assert "must be an expression" in refused({"get": "/a", "when": value})


@pytest.mark.parametrize("value", ["sim.", "a b", "f()", "sim | nothing", "'open"])
def test_an_expression_that_cannot_be_compiled_is_refused(value: str) -> None:
    assert refused({"get": "/a", "when": value}).startswith("when: ")
    assert refused({"get": "/a", "query": {"a": f"={value}"}}).startswith("query.a: ")
    assert refused({"get": "/a/{{ " + value + " }}"}).startswith("get: ")


def test_a_condition_may_start_with_an_equals_sign() -> None:
    for value in ("sim.imsi", "=sim.imsi"):
        call = HttpCallEntry.model_validate({"get": "/a", "when": value})
        assert call.when
        assert call.when.evaluate(Scope(sim={"imsi": "1"})) == "1"


def test_a_condition_may_be_a_yaml_boolean() -> None:
    for value in (True, False):
        call = HttpCallEntry.model_validate({"get": "/a", "when": value})
        assert call.when
        assert call.when.evaluate(Scope()) is value


# Properties of a call


@pytest.mark.parametrize(
    ("method", "idempotent", "repeatable"),
    [
        ("get", None, True),
        ("put", None, True),
        ("delete", None, True),
        ("post", None, False),
        ("patch", None, False),
        ("post", True, True),
        ("put", False, False),
    ],
)
def test_idempotent_overrides_whether_a_method_may_be_repeated(
    method: str, idempotent: bool | None, repeatable: bool
) -> None:
    call = HttpCallEntry.model_validate({method: "/a", "idempotent": idempotent})
    assert call.repeatable is repeatable


def test_all_expressions_of_a_call_are_found_with_their_paths() -> None:
    call = HttpCallEntry.model_validate(
        {
            "post": "/{{ a.b }}",
            "when": "c",
            "query": {"q": "=d"},
            "headers": {"X": "{{ e }}"},
            "json": {"deep": ["=f"]},
        }
    )
    found = {loc: expression.names for loc, expression in used(call)}
    assert {loc[0]: set(names) for loc, names in found.items()} == {
        "post": {"a"},
        "when": {"c"},
        "query": {"d"},
        "headers": {"e"},
        "json": {"f"},
    }
    assert found["query", "q"] == {"d"}
    assert call.names_read == set("acdef")


# Rules


def test_a_rule_takes_one_type_of_event_or_several() -> None:
    assert Rule.model_validate(rule(on="A/B")).on == ("A/B",)
    assert Rule.model_validate(rule(on=["A/B", "C/D"])).on == ("A/B", "C/D")


@pytest.mark.parametrize("spelt", ["SIM/Updated", "sim/updated", "SIM/UPDATED"])
def test_a_rule_handles_its_event_types_in_upper_and_lower_case(spelt: str) -> None:
    found = Rule.model_validate(rule(on=["Sim/updated", "Account/Blocked"]))
    assert found.handles(spelt)
    assert not found.handles(spelt + "x")


@pytest.mark.parametrize(
    "entries",
    [
        {"on": []},
        {"on": None},
        {"calls": None},
        {"hold": {}},
        {"release": [{}]},
        {"replay": "sometimes"},
        {"ignore": [{"if": "sim"}]},
        {"ignore": [{"because": "x"}]},
        {"ignore": [{"if": None, "because": "x"}]},
        {"ignore": [{"if_": "sim", "because": "x"}]},
        {"require": [{"that": "sim"}]},
        {"require": [{"if": "sim", "because": "x"}]},
        {"require": {"that": "sim", "because": "x"}},
        {"name": None},
    ],
)
def test_a_rule_with_a_missing_or_wrong_key_is_refused(entries: dict[str, Any]) -> None:
    assert re.match(next(iter(entries)), refused(rule(**entries), Rule))


def test_a_rule_that_does_nothing_is_refused() -> None:
    assert "needs `calls`, `hold`, `release` or `remove`" in refused(rule(calls=[]), Rule)


def test_a_replay_with_a_newer_snapshot_is_applied_unless_the_rule_says_never() -> None:
    assert Rule.model_validate(rule()).replay == "apply"
    assert Rule.model_validate(rule(replay="never")).replay == "never"


def test_a_rule_is_immutable() -> None:
    found = Rule.model_validate(rule(when="sim"))
    assert isinstance(found.when, Expression)
    with pytest.raises(ValidationError, match="frozen"):
        found.name = "other"  # type: ignore[misc]
