"""The command line `connector`: help, `check`, `test` and `schema`."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector.mapping.schema import schema
from connector_tools.cli.app import app
from tests.support import ROOT
from tests.support.function import environment

WTL = "mappings/wtl-hlr-hss.yaml"
MAPPING = """\
name: crm
summary: For the tests of the command line.
settings:
  url: {env: CRM_URL, type: url}
system:
  http: {base_url: =settings.url}
rules:
  - name: a SIM changed
    on: SIM/Updated
    ignore:
      - {if: not sim, because: no SIM}
    calls:
      - {put: "/sims/{{ sim.imsi }}"}
tests:
  - name: a SIM is put
    event: event.json
    calls: [{put: /sims/001010000000001}]
    outcome: applied
  - name: without a SIM there is nothing to do
    event: event.json
    change: {pb_data.sim_info: null}
    outcome: ignored
"""
EVENT = {
    "event_id": "e",
    "data": {"event_type": "SIM/Updated"},
    "pb_data": {"sim_info": {"imsi": "001010000000001"}},
}


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    file = tmp_path / "crm.yaml"
    file.write_text(MAPPING)
    return file


def connector(*arguments: object, **variables: str | None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=variables)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def line_of(file: Path, text: str) -> int:
    return file.read_text()[: file.read_text().index(text)].count("\n") + 1


def test_alone_it_tells_the_usual_order() -> None:
    result = connector()
    assert result.exit_code == 0
    words = result.stdout.split("usual order", 1)[1]
    places = [words.index(f"`{name}`") for name in ("check", "test", "explain", "run", "send")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "name", ["check", "test", "explain", "run", "demo", "send", "schema", "openapi"]
)
def test_the_help_of_each_command_has_an_example(name: str) -> None:
    assert f"Example: connector {name}" in connector(name, "--help").stdout
    assert f"\n  {name} " in connector("--help").stdout


def test_it_runs_as_a_module_and_is_plain_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector_tools.cli", "check", WTL],
        env=environment(""),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith(f"{WTL}: no lints, 5 rules, ")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_gets_colours(mapping: Path) -> None:
    change(mapping, "on: SIM/Updated", "on: SIM/Updated\n    frobnicate: true")
    here, there = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "connector_tools.cli", "check", str(mapping)],
        env=environment("") | {"TERM": "xterm-256color"},
        cwd=ROOT,
        check=False,
        stdin=there,
        stdout=there,
        timeout=60,
    )
    assert b"\x1b[31m" in os.read(here, 10_000)
    os.close(here)
    os.close(there)


def test_check_names_place_reason_and_mend_of_an_error(mapping: Path) -> None:
    change(mapping, "not sim,", "not simm,")
    result = connector("check", mapping)
    line = line_of(mapping, "{if: not simm")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{mapping}:{line}:")
    assert "error: unknown name `simm`; did you mean `sim`? [unknown-name]\n" in result.stdout
    assert result.stdout.endswith(f"{mapping}: 1 error, 1 rule, 2 tests\n")


def test_check_is_content_with_warnings(mapping: Path) -> None:
    change(mapping, "rules:", "values:\n  unused: =sim.imsi\nrules:")
    result = connector("check", mapping)
    assert result.exit_code == 0
    assert "warning: nothing uses the value `unused`; remove it [unused-value]" in result.stdout
    assert result.stdout.endswith(f"{mapping}: 1 warning, 1 rule, 2 tests\n")


def test_check_prints_long_lints_on_one_line(mapping: Path) -> None:
    name = "x" * 300
    change(mapping, "not sim,", f"{name},")
    assert f"unknown name `{name}`; " in connector("check", mapping).stdout.splitlines()[0]


@pytest.mark.parametrize("text", ["", "name: [", "- a\n- b\n"])
def test_check_of_what_is_no_mapping_fails(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    result = connector("check", file)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{file}:")
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_check_of_a_missing_file_says_so(tmp_path: Path) -> None:
    result = connector("check", tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "cannot read" in result.stdout


def test_check_leaves_the_environment_alone_unless_asked(mapping: Path) -> None:
    assert connector("check", mapping, CRM_URL=None).exit_code == 0


def test_check_with_environment_names_each_setting_that_is_missing(mapping: Path) -> None:
    result = connector("check", mapping, "--environment", CRM_URL=None, API_TOKEN=None)
    assert result.exit_code == 1
    assert "environment: error: CRM_URL: is required by crm (url)" in result.stdout
    assert "environment: error: API_TOKEN: is required" in result.stdout


def test_check_with_environment_names_a_setting_of_the_wrong_type(mapping: Path) -> None:
    result = connector("check", mapping, "--environment", CRM_URL="crm", API_TOKEN="t")
    assert result.exit_code == 1
    assert "environment: error: CRM_URL: must be a URL" in result.stdout


def test_check_with_environment_is_content_with_what_the_function_would_start_with(
    mapping: Path,
) -> None:
    result = connector("check", mapping, "--environment", CRM_URL="http://crm", API_TOKEN="t")
    assert result.exit_code == 0
    assert "all settings are there" in result.stdout


def test_test_prints_a_line_for_each_test_and_the_sum(mapping: Path) -> None:
    result = connector("test", mapping)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ok      a SIM is put",
        "ok      without a SIM there is nothing to do",
        "2 passed, 0 failed",
    ]


def test_test_passes_what_the_project_ships() -> None:
    result = connector("test", *sorted((ROOT / "mappings").glob("*.yaml")))
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith(" passed, 0 failed\n")


def test_test_tells_what_a_failed_test_saw_and_where_it_stands(mapping: Path) -> None:
    change(mapping, "outcome: applied", "outcome: failed")
    result = connector("test", mapping)
    line = line_of(mapping, "- name: a SIM is put")
    assert result.exit_code == 1
    assert f"FAILED  a SIM is put ({mapping}:{line})\n        outcome is applied" in result.stdout
    assert result.stdout.endswith("1 passed, 1 failed\n")


def test_test_fails_if_no_test_reaches_a_branch(mapping: Path) -> None:
    mapping.write_text(MAPPING.partition("  - name: without a SIM")[0])
    result = connector("test", mapping)
    line = line_of(mapping, "{if: not sim")
    assert result.exit_code == 1
    assert f"{mapping}:{line}:" in result.stdout
    assert "no test reaches this `ignore`; add one under `tests` [untested]" in result.stdout
    assert result.stdout.endswith("1 passed, 0 failed\n")


def test_test_of_several_files_sums_them_up(mapping: Path) -> None:
    broken = mapping.with_name("broken.yaml")
    broken.write_text("name: broken\n")
    result = connector("test", broken, mapping)
    assert result.exit_code == 1
    assert f"{broken}:1:1: error: `summary` is missing" in result.stdout
    assert result.stdout.endswith("2 passed, 0 failed\n")


def test_schema_prints_the_json_schema_of_mapping_files() -> None:
    result = connector("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema()
    assert result.stdout == json.dumps(schema(), indent=2) + "\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    result = connector("frobnicate")
    assert result.exit_code == 2
    assert "No such command" in result.stderr
