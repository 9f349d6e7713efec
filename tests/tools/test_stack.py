"""`make run`: the stack that keeps running, what it tells, and what it leaves behind."""

import json
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from connector.mapping.load import load
from connector_tools.program import free_port
from connector_tools.stack.example_event import example
from connector_tools.stack.text import event_line, record_text
from tests.support import ROOT
from tests.support.stack import SECONDS, paste, running

RECORD = {
    "imsi": "001010000000001",
    "subscriber_status": "serviceGranted",
    "msisdn": ["420700000001"],
    "cs_profile": "mobile-l",
    "eps_profile": "mobile-l",
}
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="finds processes in /proc"
)


def below(pid: int) -> set[int]:
    """The processes that a process started, and theirs."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text().rpartition(") ")
        except OSError:  # it has ended meanwhile
            continue
        parents[int(stat.parent.name)] = int(rest.split()[1])
    children = {child for child, parent in parents.items() if parent == pid}
    return children.union(*(below(child) for child in children))


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_the_lines_that_run_shows_work_when_they_are_pasted_and_each_event_is_told() -> None:
    port = free_port()
    with running(port) as stack:
        health = stack.until("^Function").rpartition("health: ")[2].rstrip(")")
        send, subscribers = stack.until("sim-updated.json"), stack.until("curl .*/subscribers$")
        stack.until("Ctrl-C")
        assert health == f"http://127.0.0.1:{port}/health"
        assert paste(f"curl --noproxy '*' -sS {health}").stdout == "{}"
        assert json.loads(paste(subscribers).stdout) == {}
        assert json.loads(paste(send).stdout) == {"message": "Event accepted for processing"}
        assert json.loads(paste(send).stdout) == {"message": "Event ignored: already applied"}
        assert list(json.loads(paste(subscribers).stdout)) == [RECORD["imsi"]]
        record = "HLR: granted 420700000001 cs-pp-20250319/eps-pp-20250319"
        expected = rf"\d\d:\d\d:\d\d  SIM/Updated +imsi:\*+0001  applied +1 call  \d+ ms  {record}"
        assert re.fullmatch(expected, stack.until("applied"))
        assert re.search(rf"duplicate +0 calls .* {record}$", stack.until("duplicate"))


def test_a_token_of_the_environment_is_taken_and_not_shown_and_another_is_refused() -> None:
    tokens = "first-secret-token, second-secret-token"
    with running(API_TOKEN=tokens) as stack:
        send = stack.until("sim-updated.json")
        stack.until("Ctrl-C")
        assert "AUTHENTICATION_ERROR" in paste(send, API_TOKEN="another").stdout
        stack.until("POST .*unauthorized")
        assert "accepted for processing" in paste(send, API_TOKEN=tokens).stdout
        stack.until("applied .*HLR: granted")
        assert stack.end(signal.SIGINT) == 0
        assert "secret-token" not in stack.output()


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_all_of_it_with_exit_code_0(how: signal.Signals) -> None:
    with running() as stack:
        stack.until("Ctrl-C")
        started = below(stack.process.pid)
        assert len(started) >= 3, "the HLR, the function's server and its worker"
        assert stack.end(how) == 0
        assert alive(started) == set()
        assert stack.output().splitlines()[-1] == "Stopped."


@needs_proc
def test_ctrl_c_while_it_starts_ends_all_of_it_too() -> None:
    with running() as stack:
        stack.until("Starting")
        deadline = time.monotonic() + SECONDS
        while len(started := below(stack.process.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert stack.end(signal.SIGINT) == 0
        assert alive(started) == set()


def test_a_port_that_is_in_use_is_told_with_the_mend() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running(port) as stack:
            assert stack.process.wait(SECONDS) == 2
            told = stack.output()
    assert f"Port {port} cannot be used: Address already in use" in told
    assert re.search(r"choose another one: connector run --port \d+$", told)
    assert "Traceback" not in told


def test_a_function_that_does_not_start_is_told_with_the_end_of_its_log() -> None:
    with running(API_TOKEN="first-secret-token,,") as stack:
        stack.until("Starting")
        assert stack.process.wait(SECONDS) == 2
        told = stack.output()
    assert "The function did not start." in told
    assert "API_TOKEN: must be one or several tokens, none of them empty" in told
    assert "secret" not in told
    assert "Traceback" not in told


def test_a_swap_is_told_with_the_records_of_both_sims() -> None:
    line = {
        "time": "2026-03-02T10:15:32.480000Z",
        "event_type": "SIM/Replaced",
        "outcome": "applied",
        "subject": ["imsi:***********0001", "imsi:***********0002"],
        "subject_hash": ["one", "two"],
        "calls": [{}, {}],
        "milliseconds": 12.34,
    }
    old = {**RECORD, "subscriber_status": "operatorDeterminedBarring", "msisdn": []}
    told = event_line(line, {"one": old, "two": RECORD})
    assert told.endswith(
        "SIM/Replaced  imsi:***********0001 imsi:***********0002  applied     2 calls  12 ms  "
        "HLR: barred (no number) mobile-l; granted 420700000001 mobile-l"
    )
    assert event_line(line, {}).endswith("HLR: no record; no record")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "granted 420700000001 mobile-l"),
        ({"subscriber_status": "operatorDeterminedBarring"}, "barred 420700000001 mobile-l"),
        ({"subscriber_status": "other"}, "other 420700000001 mobile-l"),
        ({"msisdn": []}, "granted (no number) mobile-l"),
        ({"msisdn": ["1", "2"]}, "granted 1 2 mobile-l"),
        ({"cs_profile": "mobile-m"}, "granted 420700000001 mobile-m/mobile-l"),
        ({"eps_profile": None}, "granted 420700000001 mobile-l/none"),
    ],
)
def test_a_records_words_tell_all_of_it(change: dict[str, object], text: str) -> None:
    """The demo compares the words: what they left out it could not find wrong."""
    assert record_text(RECORD | change) == text


@pytest.mark.parametrize("file", sorted((ROOT / "mappings").glob("*.yaml")), ids=lambda it: it.stem)
def test_the_event_to_send_first_is_one_that_the_mapping_file_has_a_rule_for(file: Path) -> None:
    sent = json.loads(example(file).read_text())["data"]["event_type"].lower()
    assert sent in {name.lower() for rule in load(file).rules for name in rule.on}


def test_a_copied_mapping_file_without_its_events_has_an_event_to_send(tmp_path: Path) -> None:
    file = tmp_path / "copied.yaml"
    file.write_text((ROOT / "mappings" / "wtl-hlr-hss.yaml").read_text())
    assert example(file) == ROOT / "mappings" / "events" / "sim-updated.json"
