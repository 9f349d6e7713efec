"""Stories: several events on one ledger and one scripted system."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector_tools.mapping_tests import run_cases
from connector_tools.mapping_tests.story_events import events_of
from tests.support import ROOT
from tests.support.mapping_files import HEAD, checked, mapping

RULES = """\
rules:
  - name: a card changed
    on: SIM/Updated
    subject: imsi:{{ sim.imsi }}
    calls: [{put: "/cards/{{ sim.imsi }}", json: {open: true}}]
  - name: a card was swapped
    on: SIM/Replaced
    calls:
      - subject: imsi:{{ prev_sim.imsi }}
        releases: true
        delete: /cards/{{ prev_sim.imsi }}
      - {subject: "imsi:{{ sim.imsi }}", put: "/cards/{{ sim.imsi }}", json: {open: true}}
"""
UPDATED = "event: events/sim-updated.json"
PUT = "calls: [{put: /cards/001010000000001}]"
OTHER = "{pb_data.account_info.i_account: 99, data.variables.i_account: 99}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "events").symlink_to(ROOT / "mappings" / "events")
    return tmp_path


def problems(folder: Path, *steps: str, system: str = "{}") -> list[str]:
    """What the runner says of a story with these steps."""
    lines = "".join(f"      - {{{step}}}\n" for step in steps)
    text = f"{RULES}stories:\n  - name: s\n    system: {system}\n    steps:\n{lines}"
    (result,) = run_cases(mapping(folder, text))
    return result.problems


@pytest.mark.parametrize(
    "steps",
    [
        (f"{UPDATED}, {PUT}, outcome: applied", f"{UPDATED}, {PUT}, outcome: applied"),
        (f"{UPDATED}, {PUT}, outcome: applied", "same_as: 1, outcome: duplicate"),
        # the same event with a newer snapshot is a replay
        (f"{UPDATED}, {PUT}, outcome: applied", f"same_as: 1, at: 1h, {PUT}, outcome: applied"),
        (
            f"{UPDATED}, at: 2m, {PUT}, outcome: applied",
            f"{UPDATED}, at: 90s, outcome: superseded",
            f"{UPDATED}, {PUT}, outcome: applied",
        ),
        # an old SIM that another account got meanwhile is not released
        (
            f"{UPDATED}, at: 5m, change: {OTHER}, {PUT}, outcome: applied",
            "event: events/sim-replaced.json, at: 1m, "
            "calls: [{put: /cards/001010000000002}], outcome: applied",
        ),
        (
            f"{UPDATED}, at: 1m, change: {OTHER}, {PUT}, outcome: applied",
            "event: events/sim-replaced.json, at: 5m, calls: [{delete: /cards/001010000000001},"
            "{put: /cards/001010000000002}], outcome: applied",
        ),
    ],
)
def test_a_story_is_judged_by_the_ledger(folder: Path, steps: tuple[str, ...]) -> None:
    assert problems(folder, *steps) == []


def test_the_events_of_other_files_are_events_of_one_story(folder: Path) -> None:
    """Two files with the same snapshot and the same numbers must not be one event."""
    removed = "event: events/sim-deleted.json, change: {data.event_type: SIM/Updated}"
    first = f"{UPDATED}, {PUT}, outcome: applied"
    assert problems(folder, first, f"{removed}, {PUT}, outcome: applied") == []


def test_a_failed_event_comes_again(folder: Path) -> None:
    system = "{'PUT /cards/*': [{status: 400}, {}]}"
    steps = (f"{UPDATED}, {PUT}, outcome: failed", f"same_as: 1, {PUT}, outcome: applied")
    assert problems(folder, *steps, system=system) == []


def test_the_replies_of_a_step_come_before_those_of_the_story(folder: Path) -> None:
    own = "system: {'PUT /cards/*': {status: 400}}"
    steps = (f"{UPDATED}, {own}, {PUT}, outcome: failed", f"same_as: 1, {PUT}, outcome: applied")
    assert problems(folder, *steps, system="{'PUT /*/*': {}}") == []


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (f"{UPDATED}, {PUT}, outcome: failed", "step 2: outcome is applied, not failed"),
        (f"{UPDATED}, outcome: applied", "step 2: 1 calls instead of 0"),
        (
            f"{UPDATED}, system: {{PUT /a: {{}}}}, {PUT}, outcome: applied",
            "step 2: no request fits",
        ),
        ("event: events/none.json, outcome: applied", "cannot run: "),
        (f"{UPDATED}, change: {{evnt_id: a}}, outcome: applied", "cannot run: `evnt_id`"),
    ],
)
def test_a_step_that_does_not_hold_is_reported_with_its_number(
    folder: Path, step: str, told: str
) -> None:
    found = problems(folder, f"{UPDATED}, {PUT}, outcome: applied", step, system="{PUT /*/*: {}}")
    assert any(told in problem for problem in found), found


def test_a_reply_that_no_step_fetched_is_reported_once(folder: Path) -> None:
    system = "{'PUT /cards/*': {}, GET /cards: {}}"
    found = problems(folder, *[f"{UPDATED}, {PUT}, outcome: applied"] * 2, system=system)
    assert found == ["no request fits `GET /cards` of `system`: correct or remove it"]


def test_the_times_of_an_event_move_together(folder: Path) -> None:
    steps = "".join(
        f"{{{UPDATED}, outcome: applied, {more}}}, " for more in ("at: 10m", "at: 1h", "")
    )
    text = f"{RULES}stories: [{{name: s, steps: [{steps}{{same_as: 2, outcome: applied}}]}}]\n"
    found = mapping(folder, text)
    sent: list[dict[str, Any]] = [json.loads(body) for body in events_of(found, found.stories[0])]
    assert [event["updated_at"][11:19] for event in sent] == [
        *("10:25:32", "11:15:32", "10:17:32", "11:15:32"),
    ]
    assert [event["data"]["variables"]["event_time"][11:19] for event in sent] == [
        *("10:25:30", "11:15:30", "10:17:30", "11:15:30"),
    ]
    assert [event["event_id"] for event in sent] == ["step-1", "step-2", "step-3", "step-2"]
    assert [event["data"]["variables"]["i_event"] for event in sent] == [1, 2, 3, 2]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{same_as: 2, outcome: applied}", "step 1: `same_as` must be the number of an earlier"),
        ("{outcome: applied}", "needs either `event` or `same_as`"),
        (f"{{{UPDATED}, same_as: 1, outcome: applied}}", "needs either `event` or `same_as`"),
        (f"{{{UPDATED}, at: soon, outcome: applied}}", "must be a time such as 30s, 5m or 2h"),
    ],
)
def test_a_step_that_cannot_be_told_is_an_error_of_the_file(
    folder: Path, step: str, told: str
) -> None:
    found = checked(folder, f"{HEAD}{RULES}stories: [{{name: s, steps: [{step}]}}]\n")
    assert told in str(found[0])
