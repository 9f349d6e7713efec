"""The function's log: JSON lines for Cloud Logging, and one record for each event."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.answers import ids
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, Function, environment, free_port, mapping_with
from tests.support.scripted import Scripted, ScriptedServer

Start = Callable[..., Function]
TRACE = "0af7651916cd43dd8448eb211c80319c"
SEVERITIES = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


@pytest.fixture(scope="module")
def function(
    scripted: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    """One function for the module, with the variables that Google Cloud sets."""
    variables = {"GOOGLE_CLOUD_PROJECT": "example-project", "HASH_KEY": "a key"}
    env = environment(scripted.url, LOG_EXECUTION_ID="true", **variables)
    with Function(tmp_path_factory.mktemp("log") / "log", env) as running:
        yield running


def settled(function: Function, sent: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Post an event with these headers; its one log line."""
    before = len(function.lines())
    function.post(sent, headers=headers)
    (line,) = function.lines()[before:]
    assert line["message"] == "event settled"
    return line


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"LOG_EXECUTION_ID": "true", "LOG_LEVEL": "DEBUG", "GUNICORN_LOG_LEVEL": "debug"},
        {"PYTHONWARNINGS": "always", "PYTHONDEVMODE": "1"},
    ],
    ids=["plain", "talkative", "warnings"],
)
def test_every_line_from_start_to_stop_is_a_json_object(
    start: Start, system: ScriptedServer, variables: dict[str, str]
) -> None:
    function = start(**variables)
    for status in (200, 404, 429, 500, 503):
        system.default = Scripted(status)
        function.post(event())
    for body in (b"", b"[]", b"\xff", b"[" * 1000):
        function.post(body)
    function.post(event(), token="wrong")
    function.client.get("/robots.txt")
    function.raw(b"garbage\r\n\r\n", seconds=1)
    function.terminate()
    assert function.process.wait(20) == 0
    lines = [json.loads(text) for text in function.output().splitlines()]
    for line in lines:
        assert line["severity"] in SEVERITIES
        assert line["message"]
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    ours = [line["message"] for line in lines if "logger" not in line]
    assert ours[0].startswith("HASH_KEY: is not set")
    assert ours[1] == "serving"
    assert len([message for message in ours if message == "event settled"]) == 9
    assert ours[-1].startswith("stopped")


@pytest.mark.parametrize("google", [False, True])
def test_lines_of_other_libraries_and_warnings_are_json_and_masked(
    start: Start, tmp_path: Path, google: bool
) -> None:
    """The lines come from the worker, which the framework's server forks."""
    library = """
import logging, os, warnings

def speak():
    logging.getLogger("a.library").error("no account for %s", "420731415926")
    warnings.warn("ada@mail.example is deprecated", DeprecationWarning)

os.register_at_fork(after_in_child=speak)
"""
    (tmp_path / "sitecustomize.py").write_text(library)
    variables = {"LOG_EXECUTION_ID": "true"} if google else {}
    function = start(PYTHONPATH=str(tmp_path), PYTHONWARNINGS="always", **variables)
    error = function.record(logger="a.library")
    assert (error["severity"], error["message"]) == ("ERROR", "no account for ********5926")
    warning = function.record(logger="py.warnings")
    assert warning["severity"] == "WARNING"
    assert "*** is deprecated" in warning["message"]
    assert "ada@" not in function.output()


def test_the_servers_warning_about_an_invalid_request_is_json(start: Start) -> None:
    function = start(GUNICORN_LOG_LEVEL="warning")
    function.raw(b"garbage\r\n\r\n", seconds=1)
    line = function.record(logger="uvicorn.error")
    assert (line["severity"], line["message"]) == ("WARNING", "Invalid HTTP request received.")


def test_the_line_of_a_request_has_its_ids(function: Function) -> None:
    sent = ids()
    line = settled(function, event(), **sent)
    assert (line["request_id"], line["unique_id"]) == (sent["x-b3-traceid"], sent["x-request-id"])


def test_missing_ids_are_generated_for_each_request(function: Function) -> None:
    lines = [settled(function, event()) for _ in range(2)]
    found = {UUID(line[name]) for line in lines for name in ("request_id", "unique_id")}
    assert len(found) == 4


def test_every_line_of_a_request_has_its_ids(start: Start, tmp_path: Path) -> None:
    """A failure that opens the circuit writes a second line."""
    mapping = mapping_with("breaker: {after: 1}", tmp_path)
    function = start(WTL_API_URL=f"http://127.0.0.1:{free_port()}", MAPPING_FILE=mapping)
    sent = ids()
    function.post(event(), headers=sent)
    lines = function.lines(request_id=sent["x-b3-traceid"], unique_id=sent["x-request-id"])
    assert [line["message"] for line in lines] == ["circuit open", "event settled"]


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        {"x-cloud-trace-context": f"{TRACE}/123;o=1"},
        {"x-b3-traceid": TRACE},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_line_points_to_its_trace(function: Function, headers: dict[str, str]) -> None:
    line = settled(function, event(), **headers)
    assert line["logging.googleapis.com/trace"] == f"projects/example-project/traces/{TRACE}"


@pytest.mark.parametrize(
    "headers", [{}, {"traceparent": "00-xyz-1-01"}, {"x-cloud-trace-context": "1/2"}]
)
def test_a_request_without_a_trace_has_none(function: Function, headers: dict[str, str]) -> None:
    assert "logging.googleapis.com/trace" not in settled(function, event(), **headers)


def test_the_trace_has_no_project_outside_of_google_cloud(start: Start) -> None:
    line = settled(start(), event(), **{"x-b3-traceid": TRACE})
    assert line["logging.googleapis.com/trace"] == TRACE


def test_an_applied_event_leaves_one_complete_record(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(delay=0.05)
    sent = event(imsi="001010000098765")
    line = settled(function, sent)
    (call,) = line["calls"]
    assert call["milliseconds"] >= 50
    assert line["milliseconds"] >= call["milliseconds"]
    assert (call["method"], call["target"], call["status"]) == ("POST", "/prov", 200)
    assert (call["attempts"], call["outcome"]) == (1, "applied")
    assert line["subject"] == ["imsi:***********8765"]
    assert len(line["subject_hash"]) == 1
    told = {
        "severity": "INFO",
        "connector": "wtl-hlr-hss",
        "event_id": sent["event_id"],
        "event_type": "SIM/Updated",
        "handler_id": "wtl-hlr-hss",
        "outcome": "applied",
        "status": 202,
        "rule": "a subscriber changed",
    }
    assert told.items() <= line.items()


@pytest.mark.parametrize(
    ("status", "change", "outcome", "severity", "calls"),
    [
        (200, {"data.event_type": "DID/Created"}, "ignored", "INFO", 0),
        (200, {"event_id": 7}, "invalid", "WARNING", 0),
        (404, {}, "unknown_resource", "WARNING", 1),
        (429, {}, "throttled", "WARNING", 1),
        (500, {}, "failed", "ERROR", 1),
        (401, {}, "failed", "ERROR", 1),
        (503, {}, "unavailable", "ERROR", 1),
    ],
)
def test_every_outcome_leaves_one_record(
    function: Function,
    system: ScriptedServer,
    *,
    status: int,
    change: dict[str, Any],
    outcome: str,
    severity: str,
    calls: int,
) -> None:
    system.default = Scripted(status)
    line = settled(function, event(change=change))
    assert (line["outcome"], line["severity"]) == (outcome, severity)
    assert [call["status"] for call in line.get("calls", [])] == [status] * calls
    assert line["connector"] == "wtl-hlr-hss"
    assert line["milliseconds"] >= 0


def test_duplicate_and_superseded_events_leave_a_record(
    function: Function, system: ScriptedServer
) -> None:
    imsi = subscriber(1001)
    newer = event(imsi=imsi, change={"updated_at": "2026-04-01T00:00:00Z"})
    sent = [newer, newer, event(imsi=imsi)]
    assert [settled(function, each)["outcome"] for each in sent] == [
        "applied",
        "duplicate",
        "superseded",
    ]
    assert len(system.requests) == 1


def test_retries_are_counted(function: Function, system: ScriptedServer) -> None:
    system.script(Scripted(503), Scripted(503))
    (call,) = settled(function, event())["calls"]
    assert (call["attempts"], call["status"], call["outcome"]) == (3, 200, "applied")


def test_a_swap_names_both_its_subjects(function: Function, system: ScriptedServer) -> None:
    change = {"pb_data.prev_sim_info.imsi": "001010000011111"}
    line = settled(function, event("sim-replaced", imsi="001010000022222", change=change))
    assert line["subject"] == ["imsi:***********1111", "imsi:***********2222"]
    assert len(set(line["subject_hash"])) == len(line["calls"]) == len(system.requests) == 2


def test_all_lines_of_a_subscriber_have_the_same_hash(function: Function) -> None:
    one, other = subscriber(2001), subscriber(2002)
    lines = [settled(function, event(imsi=imsi)) for imsi in (one, one, other)]
    hashes = [line["subject_hash"] for line in lines]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(function.lines(subject_hash=hashes[0])) == 2


def test_the_hash_depends_on_its_key_and_not_on_the_token(start: Start) -> None:
    def hash_with(**variables: str) -> Any:
        function = start(**variables)
        tokens = variables.get("API_TOKEN", TOKEN)
        function.post(event(), token=tokens.split(",")[0])
        return function.record(message="event settled")["subject_hash"]

    keyed = hash_with(HASH_KEY="one key")
    assert hash_with(HASH_KEY="one key", API_TOKEN="another-token") == keyed
    assert hash_with(HASH_KEY="another key") != keyed


def test_the_log_level_leaves_out_less_severe_lines(start: Start, system: ScriptedServer) -> None:
    function = start(LOG_LEVEL="WARNING")
    function.post(event())
    function.post(b"")
    system.default = Scripted(500)
    function.post(event())
    function.terminate()
    function.process.wait(20)
    assert [line["outcome"] for line in function.lines()] == ["invalid", "failed"]


def test_refused_requests_leave_a_record(function: Function) -> None:
    before = len(function.lines())
    function.post(event(), token="wrong")
    function.client.put("/x")
    refused = function.lines()[before:]
    assert [(line["outcome"], line["status"]) for line in refused] == [
        ("unauthorized", 401),
        ("not_allowed", 405),
    ]
    assert {line["message"] for line in refused} == {"request refused"}
