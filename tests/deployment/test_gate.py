"""terraform/gate.py: plans that would lose data are refused; test_terraform.py has real plans."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.deployment

GATE = ROOT / "terraform" / "gate.py"
LEDGER = 'module.connector["wtl-hlr"].google_firestore_database.ledger'


def change(address: str, actions: list[str], **values: Any) -> dict[str, Any]:
    """A change as `terraform show -json` prints it; each value is `(before, after)`."""
    before = {name: value[0] for name, value in values.items()}
    after = {name: value[1] for name, value in values.items()}
    (kind,) = re.findall(r"google_\w+", address)
    described = {"actions": actions, "before": before, "after": after}
    return {"address": address, "mode": "managed", "type": kind, "change": described}


def run(folder: Path, *changes: dict[str, Any], allowed: str = "", **options: Any) -> Any:
    (folder / "plan.json").write_text(json.dumps({"resource_changes": changes}))
    (folder / "destroys.txt").write_text(allowed)
    arguments = [str(folder / "plan.json"), "--allowed", str(folder / "destroys.txt")]
    return ran(*arguments, *options.get("more", ()))


def ran(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(GATE), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plan_that_makes_and_changes_things_passes(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        change(LEDGER, ["create"]),
        change("google_pubsub_topic.events", ["update"], message_retention_duration=("1s", "2s")),
        change("google_monitoring_dashboard.this", ["delete"]),
    )
    assert (done.returncode, done.stdout) == (0, "The plan loses no data.\n")


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (["delete"], "would be deleted"),
        (["delete", "create"], "would be replaced"),
        (["create", "delete"], "would be replaced"),
    ],
)
def test_what_holds_data_is_not_destroyed(tmp_path: Path, actions: list[str], said: str) -> None:
    done = run(tmp_path, change(LEDGER, actions))
    assert done.returncode == 1
    first = f"{LEDGER} {said}: without its ledger, the connector can apply old events again"
    assert done.stdout.splitlines()[0] == first
    assert "Refused: 1 change would lose data." in done.stdout


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        (
            "message_retention_duration",
            "2678400s",
            "86400s",
            "a shorter message_retention_duration",
        ),
        ("message_retention_duration", "2678400s", None, "a shorter message_retention_duration"),
        ("version_destroy_ttl", "2592000s", "", "a shorter version_destroy_ttl"),
        (
            "retention_policy",
            [{"is_locked": False, "retention_period": "31536000"}],
            [{"is_locked": False, "retention_period": 86400}],
            "a shorter retention_policy: what is older than 86400 s is gone at once",
        ),
        ("retention_policy", [{"retention_period": "31536000"}], [], "a shorter retention_policy"),
        (
            "point_in_time_recovery_enablement",
            "POINT_IN_TIME_RECOVERY_ENABLED",
            "POINT_IN_TIME_RECOVERY_DISABLED",
            "would lose point_in_time_recovery_enablement",
        ),
        ("deletion_protection", True, False, "would lose deletion_protection"),
        (
            "delete_protection_state",
            "DELETE_PROTECTION_ENABLED",
            "DELETE_PROTECTION_DISABLED",
            "would lose delete_protection_state",
        ),
    ],
)
def test_what_protects_data_does_not_become_weaker(
    tmp_path: Path, name: str, before: object, after: object, said: str
) -> None:
    done = run(tmp_path, change(LEDGER, ["update"], **{name: (before, after)}))
    assert done.returncode == 1
    assert said in done.stdout
    assert run(tmp_path, change(LEDGER, ["update"], **{name: (after, before)})).returncode == 0


def test_the_bucket_of_the_source_may_go(tmp_path: Path) -> None:
    """It holds only copies of the repository; the bucket of the archive holds dead letters."""
    source = 'module.connector["a"].google_storage_bucket.source'
    assert run(tmp_path, change(source, ["delete"])).returncode == 0
    archive = 'module.connector["a"].google_storage_bucket.archive[0]'
    assert run(tmp_path, change(archive, ["delete"])).returncode == 1


def test_a_change_passes_on_purpose_until_its_last_day(tmp_path: Path) -> None:
    wanted = change(LEDGER, ["delete"])
    assert run(tmp_path, wanted, allowed=f"2999-12-31 {LEDGER} # moved").returncode == 0
    assert run(tmp_path, wanted, allowed=f"2020-12-31 {LEDGER} # moved").returncode == 1
    other = f"2999-12-31 {LEDGER.replace('wtl-hlr', 'other')}"
    assert run(tmp_path, wanted, allowed=other).returncode == 1


@pytest.mark.parametrize("line", [LEDGER, "2999-12-31", "2999-13-31 a.b", "tomorrow a.b"])
def test_a_line_of_the_list_without_a_day_or_an_address_is_refused(
    tmp_path: Path, line: str
) -> None:
    done = run(tmp_path, allowed=f"# why\n{line}\n")
    assert done.returncode == 2
    assert "line 2: write a last day and an address: 2026-12-31 ADDRESS" in done.stderr


def test_the_json_has_each_problem(tmp_path: Path) -> None:
    done = run(tmp_path, change(LEDGER, ["delete"]), more=["--json"])
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)
    assert (problem["address"], problem["change"]) == (LEDGER, "would be deleted")


@pytest.mark.parametrize("text", ["", "Terraform used the selected providers", "[]", "{}"])
def test_a_file_that_is_not_a_plan_is_refused_with_one_line(text: str) -> None:
    done = ran("-", stdin=text)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("connector: - is not ")


def test_the_help_has_an_example() -> None:
    assert (
        "Example: terraform show -json tfplan | python terraform/gate.py -" in ran("--help").stdout
    )
