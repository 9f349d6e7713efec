"""The schema of mapping files, and the values of a mapping's settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connector.mapping.case import Case
from connector.mapping.entry import Entry
from connector.mapping.expression import Constant
from connector.mapping.reply_rule import ReplyRule
from connector.mapping.schema import MappingFile, directory, schema, validate
from connector.mapping.setting import Setting, hidden_texts, resolve
from connector.mapping.system_entry import seconds
from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.http.entry import Auth, Http
from tests.support import ROOT
from tests.support.mapping_files import mapping

MARKER = "c0ffee-secret-marker"
MINIMAL: dict[str, Any] = {
    "name": "cards",
    "summary": "Keeps cards.",
    "system": {"http": {"base_url": "http://system.test"}},
    "rules": [{"name": "r", "on": "SIM/Updated", "calls": [{"get": "/a"}]}],
}


def refused(kind: type[Entry], entry: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        validate(entry) if kind is MappingFile else kind.model_validate(entry)
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in caught.value.errors()
    )


def settings(**entries: Any) -> MappingFile:
    return validate({**MINIMAL, "settings": entries})


def resolved(entry: dict[str, Any], given: str | None) -> Any:
    found = settings(it={"env": "IT", **entry})
    return resolve(found.name, found.settings, lambda setting: given)["it"]


def problem(entry: dict[str, Any], given: str | None) -> str:
    with pytest.raises(BadSettings) as caught:
        resolved(entry, given)
    (found,) = caught.value.problems
    return found


# The file


def test_a_minimal_mapping_is_accepted() -> None:
    found = validate(MINIMAL)
    assert (found.name, len(found.rules), found.tests, found.values) == ("cards", 1, (), {})


@pytest.mark.parametrize("missing", MINIMAL)
def test_each_required_key_of_a_mapping_is_required(missing: str) -> None:
    entry = {name: value for name, value in MINIMAL.items() if name != missing}
    assert refused(MappingFile, entry) == f"{missing}: Field required"


@pytest.mark.parametrize("name", ["", "Cards", "1cards", "ca rds", "ca_rds", "cards\n", 5])
def test_a_mappings_name_has_lower_case_letters_digits_and_hyphens(name: Any) -> None:
    assert refused(MappingFile, {**MINIMAL, "name": name}).startswith("name: ")


def test_a_mapping_without_rules_is_refused() -> None:
    assert refused(MappingFile, {**MINIMAL, "rules": []}).startswith("rules: ")


@pytest.mark.parametrize("name", ["Api", "a-b", "1a", "a.b", ""])
def test_settings_and_values_have_names_that_expressions_can_read(name: str) -> None:
    entry = {**MINIMAL, "settings": {name: {"env": "A"}}, "values": {name: 1}}
    message = refused(MappingFile, entry)
    assert "settings" in message
    assert "values" in message


def test_the_directory_of_a_mapping_is_that_of_its_file(tmp_path: Path) -> None:
    assert directory(mapping(tmp_path)) == tmp_path


# The system


def test_a_system_has_default_limits() -> None:
    http = Http.model_validate({"base_url": "http://system.test"})
    assert (http.timeout, http.connect_timeout) == (Constant("30s"), Constant("5s"))
    assert (http.auth, http.rate_limit, http.concurrency) == (None, None, 250)
    assert (http.breaker.after, http.breaker.pause) == (10, Constant("10s"))


@pytest.mark.parametrize(
    "kind",
    [
        {"bearer": "a"},
        {"basic": {"username": "a", "password": "b"}},
        {"api_key": {"header": "X-Key", "value": "a"}},
        {"api_key": {"query": "key", "value": "a"}},
    ],
)
def test_each_kind_of_credentials_is_accepted_alone(kind: dict[str, Any]) -> None:
    assert Auth.model_validate(kind).model_fields_set == set(kind)


@pytest.mark.parametrize(
    "entry",
    [{}, {"bearer": "a", "basic": {"username": "a", "password": "b"}}],
)
def test_no_credentials_or_two_kinds_are_refused(entry: dict[str, Any]) -> None:
    assert "needs exactly one of `basic`, `bearer`, `api_key`" in refused(Auth, entry)


@pytest.mark.parametrize("key", [{"value": "a"}, {"header": "a", "query": "b", "value": "c"}])
def test_an_api_key_has_one_place(key: dict[str, Any]) -> None:
    assert "needs either `header` or `query`" in refused(Auth, {"api_key": key})


@pytest.mark.parametrize("rate", ["50", "0/s", "50/m", "-1/s", "50 /s", "1.5/s", 50])
def test_a_rate_limit_must_be_a_whole_number_per_second(rate: Any) -> None:
    message = refused(Http, {"base_url": "http://system.test", "rate_limit": rate})
    assert message.startswith("rate_limit: ")


@pytest.mark.parametrize("name", ["concurrency", "breaker"])
def test_concurrency_and_breaker_after_must_be_at_least_one(name: str) -> None:
    value: Any = {"after": 0} if name == "breaker" else 0
    assert name in refused(Http, {"base_url": "http://system.test", name: value})


@pytest.mark.parametrize(
    "outcome", ["duplicate", "ignored", "queued", "superseded", "invalid", "unauthorized", "maybe"]
)
def test_outcomes_that_the_connector_decides_are_refused_for_a_reply(outcome: str) -> None:
    assert refused(ReplyRule, {"if": "true", "outcome": outcome}).startswith("outcome: ")


@pytest.mark.parametrize(
    "outcome", ["applied", "rejected", "unknown_resource", "throttled", "failed", "unavailable"]
)
def test_each_outcome_of_a_call_is_accepted_for_a_reply(outcome: str) -> None:
    found = ReplyRule.model_validate({"if": "true", "outcome": outcome})
    assert found.outcome is Outcome(outcome)


def test_a_test_needs_an_outcome() -> None:
    assert refused(Case, {"name": "a", "event": "e.json"}) == "outcome: Field required"


# Durations


@pytest.mark.parametrize(
    ("value", "expected"),
    [(30, 30), (0.5, 0.5), ("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5s", 1.5), (" 5s ", 5)],
)
def test_a_duration_is_a_number_of_seconds_or_text_with_a_unit(value: Any, expected: float) -> None:
    assert seconds(value) == pytest.approx(expected)


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "30", "s", "-5s", "1h", "1e3s", "5 s", "", None, True, []]
)
def test_a_duration_must_be_above_zero_and_have_a_unit_if_it_is_text(value: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(value)


# Settings


def test_a_setting_comes_from_the_environment_or_from_the_secrets() -> None:
    assert Setting(env="A").variable == "A"
    assert Setting(secret="B").variable == "B"
    for entry in ({}, {"env": "A", "secret": "B"}):
        assert "needs either `env` or `secret`" in refused(Setting, entry)


@pytest.mark.parametrize(
    ("entry", "given", "value"),
    [
        ({}, "a text", "a text"),
        ({}, " 5 ", "5"),
        ({"default": "d"}, None, "d"),
        ({"default": "d"}, "given", "given"),
        ({"default": 5}, None, "5"),
        ({"optional": True}, None, None),
        ({"type": "number"}, "30", 30.0),
        ({"type": "number", "default": 30}, None, 30.0),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "url"}, "https://host/wtl/hlr/v1", "https://host/wtl/hlr/v1"),
        ({"type": "url"}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ({"type": "pattern"}, "^00101|^00102", "^00101|^00102"),
        ({"matches": "[a-z]+"}, "abc", "abc"),
    ],
)
def test_a_setting_has_the_type_that_the_file_says(
    entry: dict[str, Any], given: str | None, value: Any
) -> None:
    found = resolved(entry, given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("entry", "given", "message"),
    [
        ({}, None, "IT: is required by cards (it)"),
        ({"type": "number"}, MARKER, "IT: must be a number"),
        ({"type": "number"}, "nan", "IT: must be a number"),
        ({"type": "number"}, "1e9", "IT: must be a number"),
        ({"type": "number"}, "-1", "IT: must be a number"),
        ({"type": "number"}, "\u0665", "IT: must be a number"),
        ({"type": "url"}, MARKER, "IT: must be a URL"),
        ({"type": "url"}, "ftp://host/", "IT: must be a URL"),
        ({"type": "url"}, f"https://user:{MARKER}@host/", "IT: must be a URL"),
        ({"type": "url"}, f"https://host/?key={MARKER}", "IT: must be a URL"),
        ({"type": "url"}, "https://host/#part", "IT: must be a URL"),
        ({"type": "url"}, "https://ho st/", "IT: must be a URL"),
        ({"type": "pattern"}, f"({MARKER}", "IT: must be a regular expression"),
        ({"matches": "[a-z]+"}, "abc1", "IT: must match [a-z]+"),
        ({}, f"{MARKER}\r\nX-Admin: 1", "IT: must not have control characters"),
        ({"type": "number", "default": "many"}, None, "IT: must be a number"),
    ],
)
def test_the_problem_of_a_wrong_setting_does_not_quote_its_value(
    entry: dict[str, Any], given: str | None, message: str
) -> None:
    found = problem(entry, given)
    assert found.startswith(message)
    assert MARKER not in found


def test_a_json_setting_is_its_object() -> None:
    given = '{\n  "client_email": "a@b",\n  "private_key": "-----BEGIN\\n"\n}'
    found = {"client_email": "a@b", "private_key": "-----BEGIN\n"}
    assert resolved({"type": "json"}, given) == found


@pytest.mark.parametrize("given", [MARKER, f'"{MARKER}"', "[]", "{", "null"])
def test_a_json_setting_that_is_no_object_is_refused_and_not_repeated(given: str) -> None:
    assert problem({"type": "json"}, given) == "IT: must be a JSON object"


def test_all_texts_inside_of_a_json_setting_are_hidden() -> None:
    value = {"a": "one", "b": {"c": ["two", 3, None, True]}}
    assert hidden_texts(value) == ["one", "two", "3"]
    assert hidden_texts("text") == ["text"]
    assert hidden_texts(None) == []


def test_the_problem_of_a_wrong_secret_names_the_secret() -> None:
    found = settings(token={"secret": "TOKEN", "matches": "[a-z]+"})
    with pytest.raises(BadSettings) as caught:
        resolve(found.name, found.settings, lambda setting: MARKER)
    assert caught.value.problems == ("TOKEN: must match [a-z]+",)


def test_all_wrong_settings_are_reported_at_once() -> None:
    found = settings(
        a={"env": "A"}, b={"env": "B", "type": "number"}, c={"secret": "C"}, d={"env": "D"}
    )
    with pytest.raises(BadSettings) as caught:
        resolve(
            found.name, found.settings, lambda setting: {"B": "x", "D": "y"}.get(setting.variable)
        )
    assert [message.partition(":")[0] for message in caught.value.problems] == ["A", "B", "C"]


@pytest.mark.parametrize("pattern", ["(", "[a-z"])
def test_an_invalid_regular_expression_under_matches_is_refused(
    pattern: str,
) -> None:
    assert "matches" in refused(Setting, {"env": "A", "matches": pattern})


# The published schema


def test_the_published_schema_is_current() -> None:
    """If it fails: `connector schema > mappings/mapping.schema.json`."""
    file = ROOT / "mappings" / "mapping.schema.json"
    assert file.read_text(encoding="utf-8") == json.dumps(schema(), indent=2) + "\n"


def test_each_mapping_points_its_editor_to_the_schema() -> None:
    for file in (ROOT / "mappings").glob("*.yaml"):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=mapping.schema.json"


def test_the_schema_has_every_key_of_an_entry() -> None:
    found = schema()
    definitions: dict[str, Any] = found["$defs"] | {"MappingFile": found}
    for kind in (MappingFile, Http, Auth, Case, ReplyRule, Setting):
        names = {info.alias or name for name, info in kind.model_fields.items()}
        assert set(definitions[kind.__name__]["properties"]) == names
        assert definitions[kind.__name__]["additionalProperties"] is False


def test_the_schema_accepts_one_event_type_without_a_list() -> None:
    assert {"type": "string"} in schema()["$defs"]["Rule"]["properties"]["on"]["anyOf"]


def test_the_schema_accepts_a_boolean_condition() -> None:
    assert schema()["$defs"]["Ignore"]["properties"]["if"]["type"] == ["string", "boolean"]
