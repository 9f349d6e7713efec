"""`connector simulate`: its sub-commands, and a load test of a deployment."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from connector_tools.simulation import inventory
from tests.support import ROOT
from tests.support.command_line import COMMAND, app, connector
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


def test_why_an_event_was_rejected_is_told(start: Callable[..., Function], tmp_path: Path) -> None:
    """The message alone says `Validation failed`, which helps nobody."""
    picky = tmp_path / "picky.yaml"
    wanted = Path(WTL).read_text().replace("- that: account\n", "- that: not account\n")
    picky.write_text(wanted)
    function = start(MAPPING_FILE=str(picky))
    done = load(function, "--fault", "none", "--events", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"422  Validation failed; .*account_info is null", done.stdout), done.stdout
    assert "Every other event was accepted in the end." in done.stdout


def test_a_load_of_which_all_that_is_left_fails_alike_ends_early(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(500)
    done = load(function, "--fault", "none", "--events", "6")
    assert done.returncode == 1
    told = re.search(
        r"ENDED EARLY: (\d+) events left, and each gets the same answer: 5", done.stdout
    )
    assert told, done.stdout
    assert len(re.findall(r"^  SIM/\w+ [0-9a-f-]{36}$", done.stdout, re.MULTILINE)) == int(told[1])
    assert "accepted in the end" not in done.stdout


def test_a_load_is_about_the_sims_and_products_of_the_staging_system(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    """A second run with the same SIMs is newer than the first, and nothing of it is old news."""
    imsis = [f"0010199{number:08d}" for number in range(12)]
    (tmp_path / "imsis").write_text("# of staging\n" + "\n".join(imsis))
    gold = {"i_product": 5, "name": "Gold", "attributes": {"cs_profile": "cs-gold"}}
    (tmp_path / "products.json").write_text(json.dumps([gold]))
    state = tmp_path / "state.ndjson"
    options = ["--imsis", str(tmp_path / "imsis"), "--products", str(tmp_path / "products.json")]
    for _ in range(2):
        system.reset()
        done = load(function, "--fault", "none", *options, "--state", str(state))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "80 events, 12 subscribers" in done.stdout
        said = {one["imsi"]: one for one in map(json.loads, state.read_text().splitlines())}
        assert said.keys() == set(imsis)
        held = {request.json["imsi"]: request.json for request in system.requests}
        assert held.keys() <= set(imsis)
        assert len(held) > 8
        for imsi, request in held.items():
            served = request["subscriber_status"] == "serviceGranted"
            assert (served, request["msisdn"][:1]) == (
                said[imsi]["served"],
                [said[imsi]["number"]] if said[imsi]["number"] else [],
            )
        assert {request.json.get("cs_profile") for request in system.requests} == {"cs-gold", None}
        assert {one.get("product") for one in said.values()} <= {"Gold", None}


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--imsis", "00101\n", "imsis:1 is not an IMSI: write 15 digits"),
        ("--imsis", "# none\n", "has no IMSI"),
        ("--imsis", "001010000000001\n001010000000001\n", "imsis:2 repeats line 1"),
        ("--imsis", None, "cannot read"),
        ("--products", "[{]", "products:1 is not JSON"),
        ("--products", '[{"name": "Gold"}]', "product 1 of the file must have `i_product`"),
        ("--products", "[]", "has no product"),
        ("--products", '[{"i_product": 1, "name": "A"}, {"i_product": 1, "name": "B"}]', "twice"),
    ],
)
def test_a_list_of_the_staging_system_that_is_wrong_is_refused(
    option: str, content: str | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / option.removeprefix("--")
    if content is not None:
        file.write_text(content)
    done = simulate("load", "http://127.0.0.1:1", option, str(file))
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "001010000000001" not in done.stderr


def test_products_can_be_listed() -> None:
    found = inventory.read_products("3774=Mobile L, 3780=Mobile M")
    assert {number: one.name for number, one in found.items()} == {
        3774: "Mobile L",
        3780: "Mobile M",
    }
    with pytest.raises(ValueError, match="`Gold` must be I_PRODUCT=NAME"):
        inventory.read_products("1=Silver,Gold")


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


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["virtual"], "virtual, sqlite, wtl"),
        (["mapping", "wtl-hlr-hss"], "wtl-hlr-hss with a stand-in of WTL's API, sqlite"),
    ],
    ids=["virtual", "mapping"],
)
def test_a_small_world_converges(command: list[str], told: str) -> None:
    done = simulate(*command, "--events", "20", "--rate", "2", "--fault", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"Seed 1: 20 events, 100 subscribers, {told}")
    assert "Converged: 0 of " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["unknown"], "there is no mapping file `unknown`; give its path, or one of "),
        (["mappings/events/sim-updated.json"], "sim-updated.json has no counterpart: write one"),
        (["wtl-hlr-hss", "--counterpart", "none.py"], "there is no file none.py"),
        (
            ["wtl-hlr-hss", "--counterpart", "connector/outcome.py"],
            "outcome.py needs a line `COUNTERPART",
        ),
    ],
)
def test_a_mapping_without_a_counterpart_is_refused(arguments: list[str], told: str) -> None:
    done = simulate("mapping", *arguments)
    assert done.returncode == 2
    assert told in done.stderr.replace("\n", " ")


def test_a_world_that_does_not_converge_fails() -> None:
    """The ledger in memory is lost when an instance is killed."""
    faults = ["--fault", "all", "--fault", "kill=60", "--fault", "stale=0.3"]
    done = simulate(
        "virtual", "--ledger", "memory", "--events", "300", "--subscribers", "10", *faults
    )
    assert (done.returncode, "NOT CONVERGED" in done.stdout) == (1, True), done.stdout
    assert "not promised, expected: a ledger in memory is lost" in done.stdout


def test_what_is_not_promised_happens_only_if_it_is_named() -> None:
    """A ledger in memory forgets when its instance is killed; exchanges of numbers never end."""
    small = ["virtual", "--ledger", "memory", "--events", "60", "--rate", "0.01"]
    small += ["--subscribers", "5"]
    quiet = simulate(*small, "--fault", "all")
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr
    assert not re.search(r" (kill|exchange)\n", quiet.stdout)
    named = simulate(*small, "--fault", "none", "--fault", "kill=30", "--fault", "exchange=0.5")
    assert re.search(r"\d  kill\n", named.stdout), named.stdout + named.stderr
    assert re.search(r"\d  exchange\n", named.stdout)


def test_several_instances_on_a_ledger_in_memory_are_refused_with_the_mend() -> None:
    for name in ("virtual", "functions"):
        done = connector("simulate", name, "--instances", "2", "--ledger", "memory")
        assert done.exit_code == 2
        assert "give --ledger sqlite" in done.stderr


@pytest.mark.parametrize(
    ("name", "ledgers"),
    [
        ("virtual", ["memory", "sqlite"]),
        ("functions", ["memory", "sqlite", "firestore", "postgresql"]),
    ],
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
    for name in ("virtual", "functions", "mapping", "load"):
        assert f"\n  {name} " in told


@pytest.mark.parametrize("name", ["virtual", "functions", "mapping", "load"])
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
        (["--osmo"], "connector simulate mapping osmo-hlr     a real osmo-hlr, formerly --osmo"),
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


def test_a_result_is_one_json_document_for_programs() -> None:
    done = simulate("virtual", "--events", "60", "--fault", "duplicate=0.5", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert told["ok"] is True
    assert told["about"] == "virtual, sqlite, wtl"
    assert (told["seed"], told["events"], told["subscribers"]) == (1, 60, 100)
    assert told["faults"]["duplicate"] > 0
    assert told["attempts"] == sum(answer["count"] for answer in told["answers"])
    assert told["compared"] > 0
    assert not (told["different"] or told["must_not_happen"] or told["gave_up"] or told["left"])


def test_a_failed_load_is_told_as_json(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    system.default = Scripted(404)
    state = tmp_path / "state.jsonl"
    options = ("--fault", "none", "--drop-4xx", "--events", "3", "--json", "--state", str(state))
    done = load(function, *options)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert told["different"] is told["compared"] is None  # the network cannot be seen
    last = told["gave_up"][0]["answers"][-1]
    assert (last["status"], last["message"][:18]) == (404, "Resource not found")
    assert state.read_text()
