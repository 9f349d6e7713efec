"""`connector test`."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from tests.support import ROOT
from tests.support.command_line import connector
from tests.support.mapping_files import change, line_of

SECOND = "  - name: without a SIM"


def failing(mapping: Path) -> Path:
    change(mapping, "outcome: applied", "outcome: failed")
    return mapping


def test_test_prints_a_line_for_each_test_the_coverage_and_the_sum(mapping: Path) -> None:
    result = connector("test", mapping)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ok      a SIM is put",
        "ok      without a SIM there is nothing to do",
        f"{mapping}: 100 % covered, 4 of 4 branches",
        "2 passed, 0 failed",
    ]


def test_test_passes_what_the_project_ships_and_reaches_all_of_it() -> None:
    files = sorted((ROOT / "mappings").glob("*.yaml"))
    result = connector("test", *files)
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith(" passed, 0 failed\n")
    assert result.stdout.count(": 100 % covered, ") == len(files)


def test_test_tells_what_a_failed_test_saw_and_where_it_stands(mapping: Path) -> None:
    result = connector("test", failing(mapping))
    line = line_of(mapping, "- name: a SIM is put")
    assert result.exit_code == 1
    assert f"FAILED  a SIM is put ({mapping}:{line})\n        outcome is applied" in result.stdout
    assert result.stdout.endswith("1 passed, 1 failed\n")


def test_failures_are_repeated_at_the_end(mapping: Path) -> None:
    result = connector("test", failing(mapping), ROOT / "mappings" / "notify-smtp.yaml")
    end = result.stdout.split("\nfailures\n")[1].splitlines()
    assert end[0].startswith("FAILED  a SIM is put (")
    assert end[1].startswith("        outcome is applied, not failed")
    assert end[2:] == ["18 passed, 1 failed"]


def test_test_fails_if_no_test_reaches_a_branch(mapping: Path) -> None:
    mapping.write_text(mapping.read_text().partition(SECOND)[0])
    result = connector("test", mapping)
    line = line_of(mapping, "{if: not sim")
    assert result.exit_code == 1
    assert f"{mapping}:{line}:" in result.stdout
    assert "no test reaches this `ignore`; add one under `tests` [untested]" in result.stdout
    assert f"{mapping}: 75 % covered, 3 of 4 branches\n" in result.stdout
    assert result.stdout.endswith("1 passed, 0 failed\n")


def test_coverage_lists_each_branch_that_no_test_reaches(mapping: Path) -> None:
    mapping.write_text(mapping.read_text().partition(SECOND)[0])
    line = line_of(mapping, "{if: not sim")
    told = f"{mapping}:{line}:10: `if` holds\n"
    assert told in connector("test", mapping, "--coverage").stdout
    assert told not in connector("test", mapping).stdout


def test_test_of_several_files_sums_them_up(mapping: Path) -> None:
    broken = mapping.with_name("broken.yaml")
    broken.write_text("name: broken\n")
    result = connector("test", broken, mapping)
    assert result.exit_code == 1
    assert f"{broken}:1:1: error: `summary` is missing" in result.stdout
    assert result.stdout.endswith("2 passed, 0 failed\n")


def test_test_runs_stories_too(mapping: Path) -> None:
    step = "{event: event.json, calls: [{put: /sims/001010000000001}], outcome: failed}"
    mapping.write_text(f"{mapping.read_text()}stories:\n  - {{name: s, steps: [{step}]}}\n")
    result = connector("test", mapping)
    line = line_of(mapping, "{name: s")
    assert result.exit_code == 1
    assert f"FAILED  s ({mapping}:{line})\n        step 1: outcome is applied" in result.stdout
    assert result.stdout.endswith("2 passed, 1 failed\n")


def test_k_runs_the_tests_with_a_text_in_their_names_and_asks_for_no_others(mapping: Path) -> None:
    result = connector("test", mapping, "-k", "A SIM IS")
    assert (result.exit_code, result.stdout) == (0, "ok      a SIM is put\n1 passed, 0 failed\n")


def test_k_without_any_test_is_no_success(mapping: Path) -> None:
    result = connector("test", mapping, "-k", "nobody")
    assert result.exit_code == 2
    assert "no test has `nobody` in its name" in result.stderr


def test_a_file_that_cannot_be_read_is_another_end_than_a_failed_test(mapping: Path) -> None:
    result = connector("test", mapping.with_name("none.yaml"), mapping)
    assert result.exit_code == 2
    assert "none.yaml:1:1: error: cannot read" in result.stdout
    assert result.stdout.endswith("2 passed, 0 failed\n")


def test_a_difference_names_the_field_and_the_types(mapping: Path) -> None:
    change(mapping, '/{{ sim.imsi }}"}', '/{{ sim.imsi }}", json: {imsi: =sim.imsi, a: {n: 1}}}')
    change(mapping, "subject: imsi:0", "json: {imsi: 7, a: {n: 1, m: 2}}, subject: imsi:0")
    told = connector("test", mapping).stdout
    imsi = '"001010000000001" (text)'
    assert f"        call 1: json.imsi: expected 7 (number), found {imsi}\n" in told
    assert "        call 1: json.a.m: expected 2, found nothing\n" in told
    assert "json.a.n" not in told


def test_json_has_the_differences_and_the_coverage_for_programs(mapping: Path) -> None:
    change(mapping, "subject: imsi:0", "query: {a: b}, subject: imsi:0")
    result = connector("test", mapping, "--json")
    document = json.loads(result.stdout)
    (file,) = document["files"]
    assert (result.exit_code, document["passed"], document["failed"]) == (1, 1, 1)
    assert file["tests"][0]["line"] == line_of(mapping, "- name: a SIM is put")
    assert file["tests"][0]["differences"] == [
        {
            "call": 1,
            "field": "query.a",
            "expected": "b",
            "expected_type": "text",
            "found_type": "absent",
        }
    ]
    assert [test["passed"] for test in file["tests"]] == [False, True]
    assert (file["coverage"]["percent"], file["coverage"]["missing"]) == (100.0, [])


def test_json_and_k_leave_out_the_coverage(mapping: Path) -> None:
    (file,) = json.loads(connector("test", mapping, "--json", "-k", "put").stdout)["files"]
    assert (file["coverage"], len(file["tests"])) == (None, 1)


def test_junit_has_a_case_for_each_test_and_one_for_what_is_not_reached(
    mapping: Path, tmp_path: Path
) -> None:
    mapping.write_text(mapping.read_text().partition(SECOND)[0].replace("applied", "failed"))
    file = tmp_path / "junit.xml"
    assert connector("test", mapping, "--junit", file).exit_code == 1
    (suite,) = Xml.fromstring(file.read_bytes()).findall("testsuite")  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    first, last = suite.findall("testcase")
    assert (first.get("name"), last.get("name")) == ("a SIM is put", "the tests reach everything")
    assert "outcome is applied, not failed" in (first.findtext("failure") or "")
    assert "[untested]" in (last.findtext("failure") or "")


def test_junit_that_cannot_be_written_is_one_line(mapping: Path, tmp_path: Path) -> None:
    result = connector("test", mapping, "--junit", tmp_path / "none" / "junit.xml")
    assert result.exit_code == 2
    assert result.stderr.startswith("connector: cannot write ")


@pytest.mark.parametrize("events", [True, False])
def test_a_file_without_tests_gets_some_that_its_author_can_complete(
    mapping: Path, events: bool
) -> None:
    mapping.write_text(mapping.read_text().partition("tests:")[0])
    if events:
        (mapping.parent / "events").mkdir()
        (mapping.parent / "event.json").rename(mapping.parent / "events" / "mine.json")
    result = connector("test", mapping)
    head, _, made = result.stdout.partition("Begin with these, at the end of the file:\n")
    assert (result.exit_code, head) == (1, f"{mapping} has no tests\n")
    made = made.removesuffix("0 passed, 0 failed\n")
    name = "mine" if events else "sim-updated"
    assert yaml.safe_load(made)["tests"] == [
        {
            "name": "a SIM changed",
            "event": f"events/{name}.json",
            "calls": [{"put": "/sims/{{ sim.imsi }}"}],
            "outcome": "applied",
        }
    ]
    mapping.write_text(mapping.read_text() + made)
    assert "value" not in connector("check", mapping).stdout  # it has the shape of tests
