"""`connector simulate`: its sub-commands, and a load test of a deployment."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from connector_tools.cli.app import app
from tests.support import ROOT
from tests.support.command_line import COMMAND, connector
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
    return simulate("load", url, "--file", WTL, "--events", "80", "--rate", "4", *options)


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
        (["--ledger", "sqlite"], "No such option: --ledger"),
        (["--instances", "2"], "No such option: --instances"),
        (["--fault", "kill"], "there is no fault `kill` here"),
        (["--file", "nothing.yaml"], "nothing.yaml"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(options: list[str], said: str, function: Function) -> None:
    done = load(function, *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_wrong_token_is_told_at_once(function: Function, system: ScriptedServer) -> None:
    done = simulate("load", function.url, "--file", WTL, token="wrong")
    assert (done.returncode, "API_TOKEN" in done.stderr) == (2, True), done.stderr
    assert system.requests == []


def test_what_is_no_connector_is_told_at_once(scripted: ScriptedServer) -> None:
    done = simulate("load", scripted.url)
    assert (done.returncode, "answers 422" in done.stderr) == (2, True), done.stderr
    nobody = simulate("load", "http://127.0.0.1:1/process-event")
    assert (nobody.returncode, "no connection" in nobody.stderr) == (2, True), nobody.stderr


def test_a_mapping_for_other_events_is_refused(tmp_path: Path) -> None:
    """Or the simulation waited for ever for an event that it could send."""
    other = tmp_path / "other.yaml"
    other.write_text(Path(WTL).read_text().replace("on: SIM/", "on: Invoice/"))
    done = simulate("load", "http://127.0.0.1:1", "--file", str(other))
    assert (done.returncode, "no rule for an event that is simul" in done.stderr) == (2, True)


# The other sub-commands, and what all of them share


@pytest.mark.parametrize("name", ["virtual", "osmo-hlr"])
def test_a_small_world_converges(name: str) -> None:
    if name == "osmo-hlr" and shutil.which("osmo-hlr") is None:
        pytest.skip("osmo-hlr is not installed")
    done = simulate(name, "--events", "20", "--rate", "2", "--fault", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Seed 1: 20 events, 100 subscribers, " + name)
    assert "Converged: 0 of " in done.stdout


def test_a_world_that_does_not_converge_fails() -> None:
    """The ledger in memory is lost when an instance is killed."""
    faults = ["--fault", "all", "--fault", "kill=60", "--fault", "stale=0.3"]
    done = simulate("virtual", "--events", "300", "--subscribers", "10", *faults)
    assert (done.returncode, "NOT CONVERGED" in done.stdout) == (1, True), done.stdout


def test_several_instances_on_a_ledger_in_memory_are_refused_with_the_mend() -> None:
    for name in ("virtual", "functions"):
        done = connector("simulate", name, "--instances", "2")
        assert done.exit_code == 2
        assert "give --ledger sqlite" in done.stderr


@pytest.mark.parametrize(
    ("name", "ledgers"),
    [("virtual", ["memory", "sqlite"]), ("functions", ["memory", "sqlite", "firestore"])],
)
def test_only_the_ledgers_of_a_sub_command_are_taken(name: str, ledgers: list[str]) -> None:
    for ledger in (*ledgers, "redis"):
        done = connector("simulate", name, "--ledger", ledger, "--rate", "0")  # which is too low
        assert done.exit_code == 2
        refused = "Invalid value for '--ledger'" in done.stderr
        assert refused == (ledger not in ledgers)


def test_alone_it_prints_its_help_with_an_example() -> None:
    told = connector("simulate").output
    assert "Example: connector simulate virtual" in told
    for name in ("virtual", "functions", "osmo-hlr", "load"):
        assert f"\n  {name} " in told


@pytest.mark.parametrize("name", ["virtual", "functions", "osmo-hlr", "load"])
def test_every_sub_command_has_the_options_of_the_world_and_an_example(name: str) -> None:
    told = connector("simulate", name, "--help").stdout
    for option in ("events", "subscribers", "seed", "rate", "fault", "fresh", "drop-4xx", "cache"):
        assert f"\n  --{option} " in told
    assert f"Example: connector simulate {name}" in told


@pytest.mark.parametrize(
    ("former", "now"),
    [
        (["--events", "2000", "--ledger", "sqlite"], "connector simulate virtual"),
        (["--real", "--instances", "2"], "simulate functions [OPTIONS]  real functions, formerly"),
        (["--osmo"], "connector simulate osmo-hlr [OPTIONS]   a real osmo-hlr, formerly --osmo"),
        (["--url=http://host/"], "connector simulate load URL [OPTIONS]   a deployment, formerly"),
    ],
    ids=str,
)
def test_the_former_options_are_refused_with_the_command_that_replaces_them(
    former: list[str], now: str
) -> None:
    done = connector("simulate", *former)
    assert (done.exit_code, now in done.stderr) == (2, True), done.stderr


def test_every_run_of_make_soak_is_a_command_that_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    soak = makefile.partition("\nsoak:")[2].partition("\n\n")[0]
    runs = [shlex.split(run)[1:] for run in re.findall(r'"([a-z0-9 -]+ --[^"]+)"', soak)]
    simulate = get_group(app).commands["simulate"]
    assert isinstance(simulate, TyperGroup)
    assert len(runs) >= 5
    for name, *options in runs:
        simulate.commands[name].make_context(name, options)
