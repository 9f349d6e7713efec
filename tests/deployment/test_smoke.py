"""terraform/smoke.py against running functions, direct and buffered."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector_tools.program import kept_environment
from tests.support import ROOT
from tests.support.function import TOKEN, Function, environment
from tests.support.google_signer import ACCOUNT, AUDIENCE, GoogleSigner, SigningRelay
from tests.support.logged_function import CloudLogging
from tests.support.pubsub_emulator import PubSubEmulator, running_emulator
from tests.support.scripted import Scripted, ScriptedServer

pytestmark = pytest.mark.deployment

SMOKE = ROOT / "terraform" / "smoke.py"
DELIVERY = {
    "project": "my-project",
    "filter": 'resource.type="cloud_run_revision" AND jsonPayload.message="event settled"',
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with running_emulator() as address:
        yield address


@dataclass
class Stand:
    """A function that publishes; `subscribe` makes the subscription that delivers its events."""

    function: Function
    subscribe: Callable[[], object]


@pytest.fixture
def stand(emulator: str, system: ScriptedServer, tmp_path: Path) -> Iterator[Stand]:
    pubsub = PubSubEmulator(emulator)
    events = pubsub.topic("events")
    with SigningRelay(GoogleSigner()) as relay:
        env = environment(
            system.url,
            INGRESS="publish",
            PUBSUB_TOPIC=events,
            PUBSUB_SERVICE_ACCOUNT=ACCOUNT,
            PUBSUB_AUDIENCE=AUDIENCE,
            OIDC_CERTS_URL=f"{relay.url}/certs",
            PUBSUB_EMULATOR_HOST=emulator,
        )
        with Function(tmp_path / "log", env) as running:
            relay.open(f"{running.url}/pubsub")
            yield Stand(running, lambda: pubsub.subscription("push", events, push_to=relay.url))


def run(*arguments: str, api_token: str = TOKEN, **changes: Any) -> Any:
    return subprocess.run(
        [sys.executable, str(SMOKE), *arguments],
        env=kept_environment() | {"API_TOKEN": api_token} | changes,
        capture_output=True,
        text=True,
        check=False,
    )


def targets(folder: Path, url: str, **more: Any) -> str:
    """A file with the output `smoke_test` of Terraform for one connector."""
    target = {
        "url": f"{url}/process-event",
        "health_url": f"{url}/health",
        "token": "in the environment",
        "source": None,
        "delivery": None,
    }
    file = folder / "targets.json"
    file.write_text(json.dumps({"wtl-hlr": target | more}))
    return str(file)


def test_a_function_that_works_passes(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    ran = run("--targets", targets(tmp_path, function.url))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "wtl-hlr: healthy, safe, and accepts events\n"
    assert function.lines(outcome="ignored", event_type="Connector/SmokeTest")
    assert not system.requests


def test_the_json_has_the_problems_of_each_connector(function: Function, tmp_path: Path) -> None:
    ran = run("--json", "--targets", targets(tmp_path, function.url), api_token="an-old-token")
    assert ran.returncode == 1
    assert json.loads(ran.stdout) == {"wtl-hlr": ["the test event was answered 401, not 202"]}


def test_the_source_that_was_deployed_passes(
    start: Callable[..., Function], tmp_path: Path
) -> None:
    running = start(SOURCE_HASH="0123456789abcdef")
    ran = run("--targets", targets(tmp_path, running.url, source="0123456789abcdef"))
    assert ran.stdout == "wtl-hlr: healthy, safe, and accepts events\n"


@pytest.mark.parametrize(
    ("health", "source"), [({"source": "old"}, "old"), ({}, "None"), ("no object", "None")]
)
def test_a_function_that_still_runs_the_old_source_fails(
    system: ScriptedServer, tmp_path: Path, health: object, source: str
) -> None:
    """A failed update leaves the old revision serving, and a second apply can be green."""
    system.default = Scripted(json=health)
    ran = run("--targets", targets(tmp_path, system.url, source="new"), "--patience", "0.5")
    assert ran.returncode == 1
    assert f"/health answered as the source {source}, not as new, in 0 s\n" in ran.stdout


def test_a_buffered_function_whose_event_is_delivered_passes(stand: Stand, tmp_path: Path) -> None:
    stand.subscribe()
    with CloudLogging(stand.function) as log:
        file = targets(tmp_path, stand.function.url, delivery=DELIVERY)
        ran = run("--targets", file, "--logging", log.url, "--patience", "30")
    assert ran.stdout == "wtl-hlr: healthy, safe, and delivers events\n", ran.stderr
    assert ran.returncode == 0
    assert log.asked[0]["path"] == "/v2/entries:list"
    assert log.asked[0]["resourceNames"] == ["projects/my-project"]
    assert log.asked[0]["filter"].startswith(DELIVERY["filter"] + ' AND jsonPayload.event_id="')


def test_a_buffered_function_without_its_subscription_fails(stand: Stand, tmp_path: Path) -> None:
    """It answers 202, and the event is lost: the topic has nobody who gets it."""
    with CloudLogging(stand.function) as log:
        file = targets(tmp_path, stand.function.url, delivery=DELIVERY)
        ran = run("--targets", file, "--logging", log.url, "--patience", "3")
    assert ran.returncode == 1
    assert "the test event was accepted, but not delivered in 3 s" in ran.stdout
    assert stand.function.lines(message="event queued")


def test_an_account_that_may_not_read_the_log_is_told_its_role(
    stand: Stand, tmp_path: Path
) -> None:
    with CloudLogging(stand.function, status=403) as log:
        file = targets(tmp_path, stand.function.url, delivery=DELIVERY)
        ran = run("--targets", file, "--logging", log.url, "--patience", "3")
    assert ran.returncode == 2
    assert ran.stderr == (
        "connector: may not read the log: give this account the role roles/logging.viewer\n"
    )


def test_a_refused_token_fails_and_is_not_shown(function: Function, tmp_path: Path) -> None:
    ran = run("wtl-hlr", "--targets", targets(tmp_path, function.url), api_token="an-old-token")
    assert ran.returncode == 1
    assert ran.stdout == "wtl-hlr: the test event was answered 401, not 202\n"
    assert "an-old-token" not in ran.stdout + ran.stderr


def test_a_function_that_cannot_be_reached_fails(tmp_path: Path) -> None:
    ran = run("--targets", targets(tmp_path, "http://127.0.0.1:9"), "--patience", "0")
    assert ran.returncode == 1
    assert "/health did not answer in 0 s" in ran.stdout


def test_a_connection_that_breaks_after_the_health_is_a_problem(
    system: ScriptedServer, tmp_path: Path
) -> None:
    system.script(Scripted(json={}))
    system.default = Scripted(drop=True)
    ran = run("--targets", targets(tmp_path, system.url))
    assert ran.returncode == 1
    assert ran.stdout.startswith(f"wtl-hlr: {system.url}/process-event did not answer (")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("text", ["no JSON", '{"wtl-hlr": {"address": "x"}}', "[]", None])
def test_targets_that_cannot_be_read_are_one_line(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    if text is not None:
        file.write_text(text)
    ran = run("--targets", str(file))
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1


def test_a_missing_login_is_one_line(function: Function, tmp_path: Path) -> None:
    nobody = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    file = targets(tmp_path, function.url, token="projects/p/secrets/s/versions/latest")
    ran = run("--targets", file, api_token="", **nobody)
    assert ran.returncode == 2
    assert ran.stderr.startswith("connector: cannot read projects/p/secrets/s/versions/latest: ")
    assert len(ran.stderr.splitlines()) == 1


def test_a_connector_that_is_not_deployed_is_refused(function: Function, tmp_path: Path) -> None:
    ran = run("wtl-hrl", "--targets", targets(tmp_path, function.url))
    assert ran.returncode == 2
    assert ran.stderr == "connector: not deployed: wtl-hrl\n"


def test_a_missing_terraform_is_one_line(tmp_path: Path) -> None:
    ran = run(TERRAFORM=str(tmp_path / "no-terraform"))
    assert ran.returncode == 2
    assert ran.stderr.startswith("connector: cannot run ")
    assert "Traceback" not in ran.stderr


def test_the_help_has_an_example() -> None:
    assert "Example: python terraform/smoke.py wtl-hlr" in run("--help").stdout
