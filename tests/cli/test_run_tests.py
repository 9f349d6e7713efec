"""`connector test`."""

from pathlib import Path

from tests.support import ROOT
from tests.support.command_line import connector
from tests.support.mapping_files import change, line_of


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
    mapping.write_text(mapping.read_text().partition("  - name: without a SIM")[0])
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


def test_test_runs_stories_too(mapping: Path) -> None:
    step = "{event: event.json, calls: [{put: /sims/001010000000001}], outcome: failed}"
    mapping.write_text(f"{mapping.read_text()}stories:\n  - {{name: s, steps: [{step}]}}\n")
    result = connector("test", mapping)
    line = line_of(mapping, "{name: s")
    assert result.exit_code == 1
    assert f"FAILED  s ({mapping}:{line})\n        step 1: outcome is applied" in result.stdout
    assert result.stdout.endswith("2 passed, 1 failed\n")
