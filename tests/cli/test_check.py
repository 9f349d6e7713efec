"""`connector check`."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import connector
from tests.support.mapping_files import change, line_of


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
    """As for `connector test`: the command could not do its work."""
    result = connector("check", tmp_path / "none.yaml")
    assert result.exit_code == connector("test", tmp_path / "none.yaml").exit_code == 2
    assert "error: cannot read: No such file or directory; name a" in result.stdout


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


def test_check_of_several_files_ends_with_one_summary(mapping: Path) -> None:
    other = mapping.with_name("other.yaml")
    other.write_text(mapping.read_text())
    change(other, "not sim,", "not simm,")
    result = connector("check", mapping, other)
    assert result.exit_code == 1
    assert f"{mapping}: no lints, 1 rule, 2 tests\n" in result.stdout
    assert f"{other}: 1 error, 1 rule, 2 tests\n" in result.stdout
    assert result.stdout.endswith("\n2 files: 1 error\n")


def test_strict_makes_a_warning_fail(mapping: Path) -> None:
    assert connector("check", mapping, "--strict").exit_code == 0
    change(mapping, "on: SIM/Updated", "on: SIM/Update")
    assert connector("check", mapping).exit_code == 0
    assert connector("check", mapping, "--strict").exit_code == 1


def test_json_has_one_document_for_all_files(mapping: Path) -> None:
    other = mapping.with_name("other.yaml")
    other.write_text(mapping.read_text())
    change(other, "on: SIM/Updated", "on: SIM/Update")
    missing = mapping.with_name("none.yaml")
    result = connector("check", mapping, other, missing, "--json")
    assert result.exit_code == 2  # a file is missing
    found = json.loads(result.stdout)
    assert (found["errors"], found["warnings"]) == (1, 1)
    assert [one["file"] for one in found["files"]] == [str(mapping), str(other), str(missing)]
    assert [one["tests"] for one in found["files"]] == [2, 2, None]
    (lint,) = found["files"][1]["lints"]
    line = line_of(other, "SIM/Update")
    assert lint == {
        "code": "event-type",
        "severity": "warning",
        "message": "PortaBilling sends no `SIM/Update`",
        "mend": "did you mean `SIM/Updated`?",
        "file": str(other),
        "start": {"line": line, "column": 9},
        "end": {"line": line, "column": 19},
        "fix": [
            {
                "start": {"line": line, "column": 9},
                "end": {"line": line, "column": 19},
                "text": "SIM/Updated",
            }
        ],
        "guess": True,
        "page": "docs/lints.md#event-type",
    }


def test_json_has_what_stops_a_start_in_this_environment(mapping: Path) -> None:
    result = connector("check", mapping, "--json", "--environment", CRM_URL=None, API_TOKEN="t")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["files"][0]["environment"]
    assert "CRM_URL" in problem


def test_fix_mends_the_file_and_says_what_it_changed(mapping: Path) -> None:
    before = mapping.read_text()
    change(mapping, "{base_url: =settings.url}", "{base_url: =settings.url, timeout: 30 sec}  # it")
    line = line_of(mapping, "30 sec")
    result = connector("check", mapping, "--fix")
    assert result.exit_code == 0
    assert f"{mapping}:{line}:44: fixed: `system.http.timeout` must be a duration" in result.stdout
    assert "wrote `30s` [constant]\n" in result.stdout
    assert result.stdout.endswith(f"{mapping}: no lints, 1 fixed, 1 rule, 2 tests\n")
    assert mapping.read_text() == before.replace(
        "{base_url: =settings.url}", "{base_url: =settings.url, timeout: 30s}  # it"
    )
    again = connector("check", mapping, "--fix")
    assert again.stdout == f"{mapping}: no lints, 1 rule, 2 tests\n"


def test_check_without_fix_leaves_the_file_alone(mapping: Path) -> None:
    change(mapping, "{base_url: =settings.url}", "{base_url: =settings.url, timeout: 30 sec}")
    before = mapping.read_bytes()
    assert connector("check", mapping).exit_code == 1
    assert mapping.read_bytes() == before
