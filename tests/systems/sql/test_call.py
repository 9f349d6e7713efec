"""Entries of calls over SQL: what the check refuses, and what becomes of values."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connector.mapping.expression import EvaluationError, Scope
from connector.systems.sql.call import SqlCallEntry
from tests.support.mapping_files import checked
from tests.support.sql import HEAD, with_calls

INSERT = "insert into t (a) values (:a)"


def entry(**keys: Any) -> SqlCallEntry:
    return SqlCallEntry.model_validate({"sql": INSERT, "params": {"a": "=value"}, **keys})


def rendered(value: Any) -> Any:
    return entry().render(Scope(value=value)).values["a"]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "'; drop table t; --",
        "a\nb",
        "\0",
        "%_*)(..",
        "é\U0001f4f1",
        7,
        1.5,
        True,
        None,
        ["a", 1],
    ],
)
def test_a_value_is_passed_beside_the_text(value: Any) -> None:
    call = entry().render(Scope(value=value))
    assert call.values == {"a": value}
    assert call.statement.text(lambda name: f":{name}") == INSERT


def test_a_whole_number_has_no_fraction() -> None:
    assert rendered(5.0) == 5
    assert isinstance(rendered(5.0), int)


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [["a"]], "x" * 1_000_001, "\ud800"])
def test_a_value_that_no_parameter_can_be_is_refused(value: Any) -> None:
    with pytest.raises(EvaluationError):
        rendered(value)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"sql": "=statement"}, "must be constant text"),
        ({"sql": "insert into t values ('{{ sim.imsi }}')"}, "must be constant text"),
        ({"sql": "insert into t values ({% if a %}1{% endif %})"}, "under `params`"),
        ({"sql": 7}, "must be the text"),
        ({"sql": "select 1; select 2"}, "two statements"),
        ({"sql": "insert into t values (:a, :b)"}, "`:b` has no value"),
        ({"params": {"a": 1, "b": 2}}, "`params` has `b`"),
        ({"sql": "drop table t"}, "must begin with"),
    ],
)
def test_an_entry_that_could_send_something_else_is_refused(
    keys: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        entry(**keys)


def test_the_check_names_the_place_and_the_mend(tmp_path: Path) -> None:
    head = HEAD.format(driver="postgresql", port=5432, timeout="5s")
    call = "{sql: \"delete from t where a = '{{ sim.imsi }}'\"}"
    (found,) = checked(tmp_path, head + with_calls(call))
    assert found.level == "error"
    assert "write `:name` in its place" in f"{found.reason} {found.mend}"
    assert found.place.line == (head + with_calls(call)).splitlines().index(f"      - {call}") + 1


def test_a_resource_cannot_be_read_with_a_statement_that_writes(tmp_path: Path) -> None:
    head = HEAD.format(driver="postgresql", port=5432, timeout="5s")
    text = """\
resources:
  card:
    of: [imsi]
    read: {sql: "delete from t where a = :imsi returning a", params: {imsi: =imsi}}
    want: {a: =imsi}
    remove: {sql: "delete from t where a = :imsi", params: {imsi: =imsi}}
rules:
  - {name: one, on: SIM/Deleted, remove: {imsi: =sim.imsi}}
"""
    assert any("must change nothing" in str(lint) for lint in checked(tmp_path, head + text))


def test_the_log_has_the_table_and_no_values() -> None:
    call = entry().render(Scope(value="secret"))
    assert (call.method, call.target) == ("INSERT", "t")
    assert "secret" not in repr(call)
