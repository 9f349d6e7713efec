"""Tables: a value for each key, and an explicit answer for every other key."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope, compile_condition
from connector.mapping.tables import Table, Tables
from connector.mapping.text import text_of
from connector.plan.step import PlannedCall
from tests.support.calls import http
from tests.support.mapping_files import HEAD, RULES, checked, marked, with_call
from tests.support.planner import Planner

SPEEDS = Table({"Gold": 100, "7": "seven", "2.5": [1], "true": {"a": None}}, 10, None)
CODES = Table({"Roaming": "R1", "none": None}, None, "the add-on has no code")
FILE = """
tables:
  speeds: {rows: {Gold: 100, Mobile L: {down: 50}}, else: 10}
  codes: {rows: {Roaming EU: R1}, missing: the add-on has no code at the CRM}
"""


def looked_up(source: str, **names: Any) -> Any:
    scope = Scope(tables=Tables(speeds=SPEEDS, codes=CODES), **names)
    return compile_condition(source).evaluate(scope)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("tables.speeds['Gold']", 100),
        ("tables.speeds.Gold", 100),
        ("tables.speeds['gold']", 10),
        ("tables.speeds[7]", "seven"),
        ("tables.speeds['7']", "seven"),
        ("tables.speeds[7.0]", "seven"),
        ("tables.speeds['07']", 10),
        ("tables.speeds[2.5]", [1]),
        ("tables.speeds[true].a", None),
        ("tables.speeds[none]", None),
        ("tables.codes['none']", None),
        ("'Gold' in tables.speeds", True),
        ("7 in tables.speeds", True),
        ("'x' in tables.speeds", False),
        ("none in tables.codes", False),
        ("'x' not in tables.codes", True),
    ],
)
def test_a_key_is_looked_up_by_its_text(source: str, expected: Any) -> None:
    assert looked_up(source) == expected


@pytest.mark.parametrize("key", ["'x'", "none", "''", "0"])
def test_a_table_can_refuse_every_other_key(key: str) -> None:
    with pytest.raises(EvaluationError, match=r"the add-on has no code$"):
        looked_up(f"tables.codes[{key}]")


@pytest.mark.parametrize("key", ["[1]", "{'a': 1}", "l[0]"])
def test_a_key_without_text_is_refused(key: str) -> None:
    with pytest.raises(EvaluationError, match="cannot be text"):
        looked_up(f"tables.speeds[{key}]", l=[[]])


@pytest.mark.parametrize("source", ["tables.speeds | string", "tables.speeds | items", "tables[n]"])
def test_a_table_is_only_for_looking_up(source: str) -> None:
    with pytest.raises(EvaluationError):
        looked_up(source, n="nothing")


@given(st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_key_of_any_type_is_found_by_its_text(key: Any) -> None:
    table = Table({text_of(key): "found"}, "other", None)
    assert table.look_up(key) == "found"
    assert table.look_up(text_of(key)) == "found"
    assert key in table
    assert Table({}, "other", None).look_up(key) == "other"


def test_a_call_reads_tables(tmp_path: Path) -> None:
    body = "{s: '=tables.speeds[account.product_name]', c: '=tables.codes[variables.c]'}"
    call = f"{{put: /a, json: {body}}}"
    rest = FILE + with_call(call).replace(" on:", " when: account, on:")
    known = {"data.variables": {"c": "Roaming EU"}}
    (step,) = Planner(tmp_path)(rest, name="sim-updated", change=known).steps
    assert isinstance(step, PlannedCall)
    assert json.loads(http(step.ready).body or b"") == {"s": {"down": 50}, "c": "R1"}
    unknown = {"data.variables": {"c": "Secret Plan"}}
    detail = Planner(tmp_path).refused_by(rest, name="sim-updated", change=unknown)
    assert detail.rule.endswith("`=tables.codes[variables.c]`: the add-on has no code at the CRM")
    assert "Secret" not in detail.rule


def lint(folder: Path, text: str) -> Any:
    (found,) = [one for one in checked(folder, HEAD + text) if one.name != "no-subject"]
    assert found.place == marked(HEAD + text)
    return found


USES = with_call("{put: /a, json: =tables.t.a}")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{rows: {a: 1}}", "needs either `else`"),
        ("{rows: {a: 1}, else: 1, missing: a}", "needs either `else`"),
        ("{rows: {a: 1}, missing: null}", "needs either `else`"),
    ],
)
def test_a_table_says_what_happens_to_an_unknown_key(tmp_path: Path, entry: str, said: str) -> None:
    assert said in lint(tmp_path, f"tables: {{@@t: {entry}}}\n{USES}").reason


@pytest.mark.parametrize(
    "entry",
    [
        "{@@rows: {a: =account.id}, else: 1}",
        "{@@rows: {a: [{b: 'x {{ account.id }}'}]}, else: 1}",
        "{rows: {a: 1}, else: @@=none}",
        "{rows: {a: 1}, missing: @@'no {{ account.id }}'}",
    ],
)
def test_a_table_has_constants_only(tmp_path: Path, entry: str) -> None:
    assert "constants only" in lint(tmp_path, f"tables: {{t: {entry}}}\n{USES}").reason


def test_a_misspelt_table_is_found(tmp_path: Path) -> None:
    values = (
        "{v: '=tables.@@speds[event.status]', w: '=tables.codes.Europe', x: '=tables.speeds.Gold'}"
    )
    text = f"{FILE}values: {values}\n".replace("Roaming EU", "Europe")
    found = lint(tmp_path, text + with_call("{put: /a, json: '=[v, w, x]'}"))
    assert (found.name, found.mend) == ("unknown-field", "did you mean `speeds`?")


def test_a_table_that_an_event_chooses_is_refused(tmp_path: Path) -> None:
    text = "tables: {t: {rows: {a: 1}, else: 2}}\n" + USES.replace(
        "{put: /a, json: =tables.t.a}", "{put: /a, json: '=@@[tables.t.a, tables[variables.x]]'}"
    )
    assert lint(tmp_path, text).reason == "a table is chosen by its name only"


def test_an_unused_table_is_a_warning(tmp_path: Path) -> None:
    found = lint(tmp_path, "tables: {@@t: {rows: {a: 1}, else: 2}}\n" + RULES)
    assert (found.name, found.level) == ("unused-table", "warning")


def test_a_constant_key_that_a_table_refuses_is_found_by_the_check(tmp_path: Path) -> None:
    text = "tables: {t: {rows: {b: 1}, missing: no such key}}\n" + USES.replace(
        "=tables.t", "@@=tables.t"
    )
    found = lint(tmp_path, text)
    assert found.name == "constant"
    assert found.reason.endswith("no such key")


def test_tables_is_a_reserved_name_in_a_file_with_tables(tmp_path: Path) -> None:
    tables = "tables: {t: {rows: {a: 1}, else: 2}}\n"
    text = tables + "values: {@@tables: 1}\n" + with_call("{put: /a, json: '=tables.t[sim.imsi]'}")
    assert "reserved-name" in [one.name for one in checked(tmp_path, HEAD + text)]
