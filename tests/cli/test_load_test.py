"""`connector simulate --url`: a deployment is loaded, and what became of the events is told."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command_line import COMMAND
from tests.support.function import TOKEN, Function
from tests.support.scripted import Scripted, ScriptedServer

pytestmark = pytest.mark.deployment

WTL = str(ROOT / "mappings" / "wtl-hlr-hss.yaml")


def simulate(*options: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "simulate", *options]
    env = {"API_TOKEN": token, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def load(function: Function, *options: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    url = f"{function.url}/process-event"
    return simulate("--url", url, "--file", WTL, "--events", "80", "--rate", "4", *options)


def test_every_event_of_a_load_is_accepted_in_the_end(
    function: Function, system: ScriptedServer
) -> None:
    system.script(*[Scripted(400)] * 3)  # which the connector calls failed, and NSPS tries again
    done = load(function, "--fault", "none", "--fault", "reorder")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "80 events" in done.stdout
    assert "Every event was accepted in the end." in done.stdout
    assert "Not measured: whether the external system agrees" in done.stdout
    assert re.search(r"p50 [\d.]+ s, p95 [\d.]+ s, p99 [\d.]+ s, measured here", done.stdout)
    assert re.search(r"\d+  reorder", done.stdout)
    assert "500  API Core HTTP error" in done.stdout
    assert len(system.requests) > 3


def test_a_second_run_is_about_other_subscribers(
    function: Function, system: ScriptedServer
) -> None:
    """Or the deployment's ledger would call it old news."""
    subscribers = []
    for _ in range(2):
        system.reset()
        assert load(function, "--fault", "none").returncode == 0
        subscribers.append({request.json["imsi"] for request in system.requests})
    first, second = subscribers
    assert first
    assert second
    assert not first & second
    assert {imsi[:5] for imsi in first} == {"00101"}
    numbers = {number for request in system.requests for number in request.json["msisdn"]}
    assert {number[:3] for number in numbers} == {"999"}


def test_what_is_never_accepted_is_told_and_fails(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(404)
    done = load(function, "--fault", "none", "--drop-4xx", "--events", "3")
    assert done.returncode == 1
    told = re.findall(r"gave up: SIM/\w+ [0-9a-f-]{36}: 404 Resource not found", done.stdout)
    assert len(told) >= 2
    assert "accepted in the end" not in done.stdout


def test_what_is_rejected_is_told_and_is_no_failure(
    start: Callable[..., Function], tmp_path: Path
) -> None:
    """As its data is, it can never be applied: that is no fault of the deployment."""
    picky = tmp_path / "picky.yaml"
    picky.write_text(Path(WTL).read_text().replace("- that: account\n", "- that: not account\n"))
    function = start(MAPPING_FILE=str(picky))
    done = load(function, "--fault", "none", "--drop-4xx", "--events", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "events rejected (422)" in done.stdout
    assert "Every other event was accepted in the end." in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--real"], "leave the others out"),
        (["--fault", "kill"], "there is no fault `kill` here"),
        (["--file", "nothing.yaml"], "nothing.yaml"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(options: list[str], said: str, function: Function) -> None:
    done = load(function, *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_wrong_token_is_told_at_once(function: Function, system: ScriptedServer) -> None:
    done = simulate("--url", function.url, "--file", WTL, token="wrong")
    assert (done.returncode, "API_TOKEN" in done.stderr) == (2, True), done.stderr
    assert system.requests == []


def test_what_is_no_connector_is_told_at_once(scripted: ScriptedServer) -> None:
    done = simulate("--url", scripted.url)
    assert (done.returncode, "answers 422" in done.stderr) == (2, True), done.stderr
    nobody = simulate("--url", "http://127.0.0.1:1/process-event")
    assert (nobody.returncode, "no connection" in nobody.stderr) == (2, True), nobody.stderr


def test_a_mapping_for_other_events_is_refused(tmp_path: Path) -> None:
    """Or the simulation waited for ever for an event that it could send."""
    other = tmp_path / "other.yaml"
    other.write_text(Path(WTL).read_text().replace("on: SIM/", "on: Invoice/"))
    done = simulate("--url", "http://127.0.0.1:1", "--file", str(other))
    assert (done.returncode, "no rule for an event that is simul" in done.stderr) == (2, True)


def test_a_mapping_file_without_a_deployment_is_refused() -> None:
    done = simulate("--file", WTL)
    assert (done.returncode, "--file goes with --url" in done.stderr) == (2, True)
