"""`connector send`: against the real function, and against servers that are no connector."""

import json
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector_tools.program import free_port
from tests.support import ROOT
from tests.support.command_line import COMMAND, app
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, Function, environment
from tests.support.scripted import Received, Scripted, ScriptedServer


def send(url: str, *arguments: str, events: str | bytes = "", token: str = TOKEN) -> Result:
    env = {"API_TOKEN": token or None, "CONNECTOR_URL": url}
    return CliRunner().invoke(app, ["send", *arguments], input=events, env=env)


def ndjson(*events: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in events)


def ids(requests: Iterable[Received]) -> list[str]:
    return sorted(request.json["event_id"] for request in requests)


def test_an_event_of_a_file_reaches_the_external_system(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(imsi=subscriber(1)), indent=2))
    result = send(function.url, str(file))
    assert result.exit_code == 0
    assert [request.json["imsi"] for request in system.requests] == [subscriber(1)]
    assert "202" in result.stdout
    assert "1 event: 1 accepted, 0 not" in result.stdout


def test_each_event_of_a_list_is_sent(function: Function, system: ScriptedServer) -> None:
    events = [event(imsi=subscriber(number)) for number in (10, 11, 12)]
    result = send(function.url, "-", events=json.dumps(events, indent=2))
    assert result.exit_code == 0
    assert len(system.requests) == 3


def test_a_line_that_is_not_json_is_named_and_the_rest_goes_on(
    function: Function, system: ScriptedServer
) -> None:
    good = [event(imsi=subscriber(number)) for number in (20, 21)]
    lines = "{broken\n" + ndjson(good[0]) + "\n[1]\n" + ndjson(good[1])
    result = send(function.url, "-", events=lines)
    assert result.exit_code == 1
    assert len(system.requests) == 2
    assert "line 1: not JSON" in result.stdout
    assert "line 4: not an event: must be a JSON object" in result.stdout
    assert "4 events: 2 accepted, 2 not" in result.stdout


def test_a_broken_file_is_named_with_the_line_of_the_break(system: ScriptedServer) -> None:
    result = send(system.url, "-", events='[\n  {"event_id": "a"},\n  {"event_id": b}\n]\n')
    assert result.exit_code == 1
    assert "line 3: not JSON" in result.stdout
    assert system.requests == []


def test_an_event_is_posted_as_it_stands_in_the_file(system: ScriptedServer) -> None:
    line = '{"event_id": "a",  "data": {"n": 1.00}}'
    send(system.url, "-", events=f"\ufeff{line}\r\n".encode())
    assert [request.body.decode() for request in system.requests] == [line]


def test_an_input_without_events_is_no_failure(system: ScriptedServer) -> None:
    result = send(system.url, "-", events="\n")
    assert (result.exit_code, result.stdout) == (0, "0 events: 0 accepted, 0 not\n")


def test_an_event_sent_twice_is_applied_once(function: Function, system: ScriptedServer) -> None:
    lines = ndjson(event(imsi=subscriber(30)))
    assert send(function.url, "-", events=lines).exit_code == 0
    assert send(function.url, "-", events=lines).exit_code == 0
    assert len(system.requests) == 1


def test_with_new_ids_an_event_sent_twice_is_applied_twice(
    function: Function, system: ScriptedServer
) -> None:
    lines = ndjson(event(imsi=subscriber(31)))
    assert send(function.url, "-", "--new-ids", events=lines).exit_code == 0
    assert send(function.url, "-", "--new-ids", events=lines).exit_code == 0
    assert len(system.requests) == 2


def test_new_ids_change_nothing_else(system: ScriptedServer) -> None:
    given = event()
    send(system.url, "-", "--new-ids", events=ndjson(given, given))
    first, second = (request.json for request in system.requests)
    assert len({first["event_id"], second["event_id"], given["event_id"]}) == 3
    del given["data"]["variables"]["i_event"]
    assert first | {"event_id": given["event_id"]} == given


def test_a_refused_event_is_told_with_its_line_its_id_and_the_rule(
    function: Function, system: ScriptedServer
) -> None:
    wrong = event(change={"pb_data.account_info.bill_status": "gone"})
    result = send(function.url, "-", events=ndjson(event(imsi=subscriber(40)), wrong))
    assert result.exit_code == 1
    told = next(line for line in result.stdout.splitlines() if line.startswith("line 2:"))
    assert f"event {wrong['event_id']}: 422 Validation failed" in told
    assert "pb_data.account_info.bill_status must be open, suspended" in told


def test_the_summary_counts_by_status_and_message(system: ScriptedServer) -> None:
    slow = {"message": "Too many requests", "error": "Rate limit exceeded", "type": "X"}
    system.script(Scripted(429, slow), Scripted(429, slow))
    system.default = Scripted(202, {"message": "Event accepted for processing"})
    result = send(system.url, "-", events=ndjson(*(event() for _ in range(5))))
    rows = [line.split() for line in result.stdout.splitlines() if " ms" in line]
    assert [(row[0], row[-5]) for row in rows] == [("202", "3"), ("429", "2")]
    assert result.stdout.endswith("5 events: 3 accepted, 2 not\n")


def test_failures_are_grouped_by_answer_the_largest_group_first(system: ScriptedServer) -> None:
    answers = {"a": 404, "b": 500, "c": 500, "d": 202, "e": 500}
    system.default = lambda request: Scripted(
        answers[request.json["event_id"]], {"message": f"as {answers[request.json['event_id']]}"}
    )
    events = ndjson(*({"event_id": name} for name in answers), [1])
    result = send(system.url, "-", "--concurrency", "1", events=events)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "line 1: event a: 404 as 404",
        "line 2: event b: 500 as 500",
        "line 6: not an event: must be a JSON object",
    ]
    assert lines[3:11] == [
        "3 events: 500 as 500",
        "  b  line 2",
        "  c  line 3",
        "  e  line 5",
        "1 event: 404 as 404",
        "  a  line 1",
        "1 event: not an event: must be a JSON object",
        "  -  line 6",
    ]
    assert lines[-1] == "6 events: 1 accepted, 5 not"


def test_of_a_large_group_the_rest_is_counted(system: ScriptedServer) -> None:
    system.default = Scripted(500, {"message": "no"})
    result = send(system.url, "-", events=ndjson(*({"event_id": f"e{n}"} for n in range(25))))
    assert len([line for line in result.stdout.splitlines() if line.startswith("  e")]) == 20
    assert "  and 5 more: --json prints all, --failed FILE writes them" in result.stdout


def test_the_events_that_were_not_accepted_can_be_sent_again(
    system: ScriptedServer, tmp_path: Path
) -> None:
    failed = tmp_path / "failed.ndjson"
    system.default = lambda request: Scripted(500 if request.json["n"] else 202, {"message": "m"})
    given = [{"event_id": "a", "n": 1}, {"event_id": "b", "n": 0}, {"event_id": "c", "n": 2}]
    events = json.dumps(given, indent=1)
    assert send(system.url, "-", "--failed", str(failed), events=events).exit_code == 1
    assert failed.stat().st_mode & 0o077 == 0, "events hold personal data"
    kept = [json.loads(line) for line in failed.read_text().splitlines()]
    assert sorted(one["event_id"] for one in kept) == ["a", "c"]
    system.reset()
    system.default = Scripted(202, {"message": "m"})
    assert send(system.url, str(failed)).exit_code == 0
    assert ids(system.requests) == ["a", "c"]
    assert send(system.url, str(failed), "--failed", str(tmp_path / "none")).exit_code == 0
    assert (tmp_path / "none").read_text() == ""


def test_without_a_connection_every_event_that_was_not_sent_is_kept(tmp_path: Path) -> None:
    failed = tmp_path / "failed.ndjson"
    url = f"http://127.0.0.1:{free_port()}/process-event"
    events = ndjson(*({"event_id": f"e{number}"} for number in range(30)))
    result = send(url, "-", "--failed", str(failed), events=events)
    assert result.exit_code == 2
    kept = [json.loads(line)["event_id"] for line in failed.read_text().splitlines()]
    assert sorted(kept) == sorted(f"e{number}" for number in range(30))


def test_the_file_that_is_read_is_not_written(system: ScriptedServer, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(ndjson({"event_id": "a"}))
    result = send(system.url, str(file), "--failed", str(file))
    assert (result.exit_code, "give another one" in result.stderr) == (2, True)
    assert file.read_text() == ndjson({"event_id": "a"})
    result = send(system.url, str(file), "--failed", str(tmp_path / "no" / "file"))
    assert (result.exit_code, "cannot write" in result.stderr) == (2, True)


def test_a_document_for_programs_has_every_failure(system: ScriptedServer) -> None:
    system.default = lambda request: Scripted(
        202 if request.json["event_id"] == "good" else 422,
        {"message": "Validation failed", "details": [{"field": "data", "rule": "is required"}]},
    )
    events = ndjson({"event_id": "good"}, *({"event_id": f"e{n}"} for n in range(30)))
    result = send(system.url, "-", "--json", events=events)
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["accepted"], document["not_accepted"], document["stopped"]) == (1, 30, None)
    (group,) = document["failures"]
    assert (group["status"], group["count"]) == (422, 30)
    assert group["text"] == "Validation failed: data is required"
    assert len({one["event_id"] for one in group["events"]}) == 30
    assert [row["events"] for row in document["answers"]] == [1, 30]
    nobody = send(f"http://127.0.0.1:{free_port()}/", "-", "--json", events=events)
    assert nobody.exit_code == 2
    assert "nothing listens" in json.loads(nobody.stdout)["stopped"]


def test_a_dry_run_refuses_what_makes_no_sense_with_it(tmp_path: Path) -> None:
    for more in (["--json"], ["--failed", str(tmp_path / "f")]):
        result = send("http://127.0.0.1:9", "-", "--dry-run", WTL, *more, events="")
        assert (result.exit_code, "--dry-run sends nothing" in result.stderr) == (2, True)


def test_no_more_events_are_under_way_than_asked_for(system: ScriptedServer) -> None:
    system.default = Scripted(202, {"message": "Event accepted for processing"}, delay=0.1)
    events = ndjson(*(event() for _ in range(9)))
    assert send(system.url, "-", "--concurrency", "3", events=events).exit_code == 0
    spans = [(request.started, request.ended or 0.0) for request in system.requests]
    most = max(sum(start <= at < end for start, end in spans) for at, _ in spans)
    assert len(spans) == 9
    assert 1 < most <= 3


def test_lines_are_sent_while_the_input_is_still_open(system: ScriptedServer) -> None:
    with running(system.url) as process:
        assert process.stdin
        process.stdin.write(ndjson(event()).encode())
        process.stdin.flush()
        until(lambda: len(system.requests) == 1)
        process.stdin.close()
        assert process.wait(30) == 0


def test_an_interruption_tells_what_was_sent_so_far(system: ScriptedServer) -> None:
    with running(system.url) as process:
        assert process.stdin
        assert process.stdout
        wrong = {"event_id": "first"}
        system.default = Scripted(422, {"message": "Validation failed"})
        process.stdin.write(ndjson(wrong).encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"line 1: event first: 422")
        process.send_signal(signal.SIGINT)
        process.stdin.close()  # as Ctrl-C ends the program before the pipe, too
        assert b"1 event: 0 accepted, 1 not" in process.stdout.read()
        assert process.wait(30) == 130


def test_a_connection_that_breaks_costs_one_event(system: ScriptedServer) -> None:
    system.script(Scripted(drop=True))
    events = ndjson({"event_id": "a"}, {"event_id": "b"})
    result = send(system.url, "-", "--concurrency", "1", events=events)
    assert result.exit_code == 1
    assert "line 1: event a: no answer: " in result.stdout
    assert "2 events: 1 accepted, 1 not" in result.stdout


def test_an_answer_that_is_no_connectors_is_told(system: ScriptedServer) -> None:
    system.default = Scripted(404, body=b"<html>\x1b[31m</html>")
    result = send(system.url, "-", events=ndjson({"event_id": "a"}))
    assert "line 1: event a: 404 not a connector's answer (Not Found)\n" in result.stdout


def test_an_answer_cannot_steer_the_terminal(system: ScriptedServer) -> None:
    system.default = Scripted(500, {"message": "one\x1b[2J\ntwo"})
    result = send(system.url, "-", events=ndjson({"event_id": "a\x1b[2J"}))
    assert "\x1b" not in result.stdout
    assert "event a?[2J: 500 one?[2J two\n" in result.stdout


def test_nothing_that_listens_is_said_with_the_mend() -> None:
    url = f"http://127.0.0.1:{free_port()}/process-event"
    result = send(url, "-", events=ndjson(event(), event()))
    assert result.exit_code == 2
    assert f"nothing listens at {url}: start it with `make run`" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "token", "mend"),
    [
        (["-"], "", "set API_TOKEN or give --token"),
        (["-"], "two words", "printable ASCII without spaces"),
        (["no-such-file.json"], TOKEN, "cannot read no-such-file.json"),
        (["mappings"], TOKEN, "cannot read mappings: Is a directory"),
        (["-", "--url", "ftp://host/"], TOKEN, "must be http(s)://host/path"),
        (["-", "--url", "http://user:word@host/"], TOKEN, "without a user"),
        (["-", "--url", "http://host:port/"], TOKEN, "--url is no URL"),
    ],
)
def test_what_the_user_can_mend_is_one_line(arguments: list[str], token: str, mend: str) -> None:
    result = send("http://127.0.0.1:9/", *arguments, events=ndjson(event()), token=token)
    assert result.exit_code == 2
    assert mend in result.stderr
    assert result.stderr.startswith("connector: ")
    assert result.stderr.count("\n") == 1


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine(
    system: ScriptedServer,
) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    env = environment("", **proxies)
    done = subprocess.run(
        [*COMMAND, "send", "-", "--url", system.url],
        input=ndjson(event()).encode(),
        env=env,
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, len(system.requests)) == (0, 1)


def test_of_several_tokens_the_first_is_sent(system: ScriptedServer) -> None:
    send(system.url, "-", events=ndjson(event()), token="new-token, old-token")
    assert system.requests[0].headers["authorization"] == "Bearer new-token"


def test_the_token_is_never_echoed(function: Function, system: ScriptedServer) -> None:
    system.default = lambda request: Scripted(
        500, {"message": "no", "error": f"refused {request.headers['authorization']}"}
    )
    secret = "wrong-token-5e1f"
    results = [
        send(url, *options, events=ndjson(event()), token=secret)
        for url in (function.url, system.url, f"http://127.0.0.1:{free_port()}/")
        for options in (["-"], ["-", "--token", secret], ["-", "--concurrency", "none"])
    ]
    assert {result.exit_code for result in results} == {1, 2}
    assert "Invalid access token" in results[0].output
    assert all(secret not in result.output for result in results)
    assert (
        secret not in CliRunner().invoke(app, ["send", "--help"], env={"API_TOKEN": secret}).output
    )


def running(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, "send", "-", "--url", url],
        env=environment(""),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def until(true: Any) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --dry-run

WTL = str(ROOT / "mappings" / "wtl-hlr-hss.yaml")


def test_a_dry_run_sends_nothing_and_prints_the_calls_of_each_event(system: ScriptedServer) -> None:
    events = [event(imsi=subscriber(1)), event(change={"data.event_type": "Invoice/Paid"})]
    result = send("http://127.0.0.1:9", "-", "--dry-run", WTL, events=ndjson(*events), token="")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"line 1: event {events[0]['event_id']}: POST /prov",
        f"line 2: event {events[1]['event_id']}: 202 Event ignored: "
        "no rule for events of type Invoice/Paid",
        "2 events: 0 invalid. Nothing was sent.",
    ]
    assert system.requests == []


def test_a_dry_run_names_invalid_events_and_no_personal_data() -> None:
    absent = event(imsi=subscriber(2), remove=("pb_data.account_info",))
    events = ndjson(absent, {"event_id": "e"}) + "{broken\n"
    result = send("http://127.0.0.1:9", "-", "--dry-run", WTL, events=events)
    assert result.exit_code == 1
    first, second, third, last = result.stdout.splitlines()
    assert first.startswith(f"line 1: event {absent['event_id']}: 422 Validation failed; ")
    assert "add it to the required data" in first
    assert second == "line 2: event e: 422 Validation failed; data is required"
    assert third.startswith("line 3: not JSON")
    assert last == "3 events: 3 invalid. Nothing was sent."
    assert subscriber(2) not in result.stdout


def test_a_dry_run_names_resources_and_masked_subjects() -> None:
    hlr = str(ROOT / "mappings" / "osmo-hlr.yaml")
    events = ndjson(event("sim-replaced", imsi=subscriber(5)))
    result = send("http://127.0.0.1:9", "-", "--dry-run", hlr, events=events, token="")
    (line, _) = result.stdout.splitlines()
    *_, planned = line.split(": ", 2)
    assert planned == (
        "release subscriber of imsi:***********0001, "
        f"hold subscriber of imsi:***********{subscriber(5)[-4:]}"
    )


def test_a_dry_run_with_a_broken_mapping_prints_its_lints(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("name: x\n")
    path = str(tmp_path / "m.yaml")
    result = send("http://127.0.0.1:9", "-", "--dry-run", path, events=ndjson(event()))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`system` is missing" in result.stderr


def test_a_full_disk_ends_neither_the_sending_nor_its_summary(system: ScriptedServer) -> None:
    system.default = Scripted(422, {"message": "Validation failed"})
    events = ndjson(*(event(imsi=subscriber(number)) for number in range(60, 63)))
    result = send(system.url, "-", "--failed", "/dev/full", events=events)
    assert result.exit_code == 2
    assert len(system.requests) == 3
    assert "3 events: 0 accepted, 3 not" in result.stdout
    assert "--failed: cannot write /dev/full: No space left on device; 3 events" in result.stderr
