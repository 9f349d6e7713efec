"""cloudbuild.yaml: its steps, their order and their commands."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.devtools.cloudbuild_v1.types import Build
from google.protobuf import json_format

from tests.support import ROOT

pytestmark = pytest.mark.deployment

FILE = ROOT / "cloudbuild.yaml"
SMOKE = ROOT / "terraform" / "smoke.py"
# The substitutions of Cloud Build itself that our file may use.
GIVEN = {"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "COMMIT_SHA", "BRANCH_NAME"}


def _document() -> dict[str, Any]:
    document = yaml.safe_load(FILE.read_text())
    assert isinstance(document, dict)
    return document


def _build() -> Build:
    """The file as a message of Cloud Build's API; unknown keys and wrong types are refused."""
    build = Build()
    json_format.ParseDict(_document(), Build.pb(build), ignore_unknown_fields=False)
    return build


def test_the_file_is_a_valid_build_by_the_definition_of_cloud_build() -> None:
    build = _build()
    assert [step.id for step in build.steps] == [
        "terraform",
        "settings",
        "lock",
        "install",
        "check",
        "test",
        "plan",
        "gate",
        "apply",
        "smoke",
    ]
    assert json_format.MessageToDict(Build.pb(build))["timeout"] == "3600s"
    assert build.options.logging.name == "CLOUD_LOGGING_ONLY"


@pytest.mark.parametrize(
    ("key", "value"), [("step", []), ("timeout", "an hour"), ("options", {"logging": "NOWHERE"})]
)
def test_the_definition_of_cloud_build_refuses_unknown_keys_and_wrong_values(
    key: str, value: object
) -> None:
    with pytest.raises(json_format.ParseError):
        json_format.ParseDict(_document() | {key: value}, Build.pb(Build()))


def test_each_step_waits_only_for_earlier_steps() -> None:
    before: set[str] = set()
    for step in _build().steps:
        assert step.wait_for
        assert set(step.wait_for) <= before | {"-"}
        before.add(step.id)


def test_nothing_is_deployed_before_lint_and_tests() -> None:
    waits = {step.id: set(step.wait_for) for step in _build().steps}

    def after(step: str) -> set[str]:
        return waits[step].union(*(after(other) for other in waits[step] - {"-"}))

    assert {"check", "test", "plan", "gate"} <= after("apply")
    assert {"lock"} <= after("plan")
    assert {"apply"} <= after("smoke")


def test_a_build_deploys_only_if_deploy_is_true() -> None:
    document = _document()
    assert document["substitutions"]["_DEPLOY"] == "false"
    for step in document["steps"]:
        if step["id"] in ("apply", "smoke"):
            assert step["args"][1].startswith('if [ "$_DEPLOY" = true ]; then ')


def test_a_pull_request_whose_plan_loses_data_fails() -> None:
    """The gate does not depend on _DEPLOY, so the plan is refused before anybody approves it."""
    (gate,) = [step for step in _document()["steps"] if step["id"] == "gate"]
    assert gate["args"] == ["make", "terraform-gate"]


def test_an_apply_runs_the_gate_as_well() -> None:
    """Somebody who applies by hand has no CI that could refuse the plan."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^terraform-apply: terraform-gate ##", makefile, re.M)


def test_a_plan_needs_the_lock_file_of_the_providers(tmp_path: Path) -> None:
    (tmp_path / "terraform").mkdir()
    command = ["make", "-f", str(ROOT / "Makefile"), "terraform-plan", "STATE_BUCKET=b"]
    ran = subprocess.run(
        [*command, "TERRAFORM=false"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "The providers are not pinned: run make terraform-lock" in ran.stderr


@pytest.mark.parametrize(
    ("environment", "data", "settings"),
    [("", ".terraform", ""), ("prod", ".terraform/prod", " -var-file=environments/prod.tfvars")],
)
def test_each_environment_has_its_own_state_and_settings(
    tmp_path: Path, environment: str, data: str, settings: str
) -> None:
    """With one folder for all, a plan of production could meet the state of another one."""
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / ".terraform.lock.hcl").touch()
    asked = tmp_path / "asked"
    fake = tmp_path / "terraform.sh"
    fake.write_text(f'#!/bin/sh\necho "$TF_DATA_DIR $*" >> {asked}\n')
    fake.chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), "terraform-plan", "STATE_BUCKET=b"]
    command += [f"TERRAFORM={fake}", f"ENVIRONMENT={environment}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    start, plan = asked.read_text().splitlines()
    name = f"tfplan-{environment}" if environment else "tfplan"
    assert start == (
        f"{data} -chdir=terraform init -input=false -lockfile=readonly -backend-config=bucket=b"
    )
    assert plan == f"{data} -chdir=terraform plan -input=false -out={name}{settings}"


def test_each_substitution_is_given_or_defined() -> None:
    document = _document()
    own = set(document["substitutions"])
    assert all(name.startswith("_") for name in own)
    used = set(re.findall(r"(?<!\$)\$\{?([A-Z_]+)\}?", json.dumps(document)))
    assert used - own - GIVEN == set()
    assert own <= used


def test_each_command_is_a_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    steps = _document()["steps"]
    asked = set(re.findall(r"\bmake,? ([a-z-]+)", " ".join(" ".join(s["args"]) for s in steps)))
    terraform = {"terraform-lock", "terraform-plan", "terraform-gate", "terraform-apply"}
    assert asked == {"install", "lint", "test", "smoke"} | terraform
    assert asked <= targets
