"""`connector diff`: what another mapping file would do otherwise for recorded events."""

import json
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command_line import connector
from tests.support.events import event, subscriber

WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    file = tmp_path / "changed.yaml"
    text = WTL.read_text(encoding="utf-8")
    file.write_text(
        text.replace("cs_profile: =cs_profile", "cs_profile: another"), encoding="utf-8"
    )
    return file


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.ndjson"
    other = event(change={"data.event_type": "SIM/Other"})
    lines = [event(imsi=subscriber(1)), event(imsi=subscriber(2)), other]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_events_are_grouped_by_rule_and_difference(changed: Path, events: Path) -> None:
    result = connector("diff", WTL, changed, events)
    assert result.exit_code == 1
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith("2 events, rule `")
    assert "cs_profile" in second
    assert second.endswith(' -> "another"')
    assert result.stdout.endswith("1 event the same, 2 different\n")


def test_equal_files_do_not_differ(events: Path) -> None:
    result = connector("diff", WTL, WTL, events)
    assert (result.exit_code, result.stdout) == (0, "3 events the same, 0 different\n")


def test_values_are_masked_unless_they_shall_be_clear(changed: Path, events: Path) -> None:
    text = changed.read_text(encoding="utf-8")
    changed.write_text(text.replace("cs_profile: another", "cs_profile: a-{{ sim.imsi }}"))
    assert subscriber(1) not in connector("diff", WTL, changed, events).stdout
    assert subscriber(1) in connector("diff", WTL, changed, events, "--clear").stdout


def test_the_document_has_groups_and_counts(changed: Path, events: Path) -> None:
    result = connector("diff", WTL, changed, events, "--json")
    document = json.loads(result.stdout)
    assert (document["equal"], document["different"], document["unreadable"]) == (1, 2, [])
    (group,) = document["groups"]
    assert len(group["events"]) == 2
    assert group["differences"][0]["after"] == '"another"'


@pytest.mark.parametrize("line", ["{", "[1]", '{"event_id": "x"}'])
def test_what_cannot_be_read_is_told_and_the_rest_compared(
    changed: Path, events: Path, line: str
) -> None:
    events.write_text(f"{events.read_text()}\n{line}")
    result = connector("diff", WTL, changed, events)
    assert result.exit_code == 2
    assert "line 4" in result.stderr
    assert "2 different" in result.stdout


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_file_that_is_not_there_is_one_line(changed: Path, events: Path, missing: int) -> None:
    names = [WTL, changed, events]
    names[missing] = Path("no-such-file")
    result = connector("diff", *names)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_file_without_events_does_not_pass(changed: Path, events: Path) -> None:
    events.write_text("\n")
    result = connector("diff", WTL, changed, events)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "there is no event in" in result.stderr


def test_an_event_id_that_is_made_of_a_number_is_masked(changed: Path, tmp_path: Path) -> None:
    imsi = subscriber(1)
    file = tmp_path / "one.json"
    file.write_text(json.dumps(event(imsi=imsi, change={"event_id": f"sim-{imsi}"})))
    for options in ([], ["--json"]):
        assert imsi not in connector("diff", WTL, changed, file, *options).stdout
    assert f"sim-{imsi}" in connector("diff", WTL, changed, file, "--clear").stdout
