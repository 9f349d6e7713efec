"""cloudbuild.yaml: its steps, their order and their commands; and the smoke test that it runs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.devtools.cloudbuild_v1.types import Build
from google.protobuf import json_format

from tests.support import ROOT
from tests.support.function import TOKEN, Function
from tests.support.scripted import ScriptedServer

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
        "install",
        "check",
        "test",
        "plan",
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

    assert {"check", "test", "plan"} <= after("apply")
    assert {"apply"} <= after("smoke")


def test_a_build_deploys_only_if_deploy_is_true() -> None:
    document = _document()
    assert document["substitutions"]["_DEPLOY"] == "false"
    for step in document["steps"]:
        if step["id"] in ("apply", "smoke"):
            assert step["args"][1].startswith('if [ "$_DEPLOY" = true ]; then ')


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
    assert asked == {"install", "lint", "test", "terraform-plan", "terraform-apply", "smoke"}
    assert asked <= targets


def _smoke(
    function: Function, tmp_path: Path, token: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    target = {"url": f"{function.url}/process-event", "health_url": f"{function.url}/health"}
    file = tmp_path / "targets.json"
    file.write_text(json.dumps({"wtl-hlr": target | {"token": "in the environment"}}))
    return subprocess.run(
        [sys.executable, str(SMOKE), "--targets", str(file), "--patience", "5", *arguments],
        env={"API_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_smoke_test_accepts_a_function_that_works(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    ran = _smoke(function, tmp_path, TOKEN)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "wtl-hlr: healthy, safe, and accepts events\n"
    assert function.lines(outcome="ignored", event_type="Connector/SmokeTest")
    assert not system.requests


def test_the_smoke_test_fails_with_a_refused_token(function: Function, tmp_path: Path) -> None:
    ran = _smoke(function, tmp_path, "an-old-token", "wtl-hlr")
    assert ran.returncode == 1
    assert ran.stdout == "wtl-hlr: the test event was answered 401, not 202\n"
    assert "an-old-token" not in ran.stdout + ran.stderr


def test_the_smoke_test_fails_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    url = "http://127.0.0.1:9"
    file.write_text(json.dumps({"wtl-hlr": {"url": url, "health_url": url, "token": ""}}))
    ran = subprocess.run(
        [sys.executable, str(SMOKE), "--targets", str(file), "--patience", "0"],
        env={"API_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "did not answer 200" in ran.stdout


def test_the_smoke_test_refuses_a_connector_that_is_not_deployed(
    function: Function, tmp_path: Path
) -> None:
    ran = _smoke(function, tmp_path, TOKEN, "wtl-hrl")
    assert ran.returncode == 1
    assert ran.stderr == "Not deployed: wtl-hrl\n"
