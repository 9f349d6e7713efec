"""`connector check`."""

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
