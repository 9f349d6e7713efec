"""The embedded HLR/HSS: its rules first, without I/O, then the process over a real socket."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from connector_tools.hlr import ACTIONS, BARRED, EPILOG, GRANTED, Hlr, Reply, Subscriber

IMSI = "001010000000001"
OTHER_IMSI = "001010000000002"
FOREIGN_IMSI = "999990000000001"
NUMBER = "9990000001"
OTHER_NUMBER = "9990000002"
FULL = {
    "imsi": IMSI,
    "subscriber_status": GRANTED,
    "msisdn": [NUMBER],
    "cs_profile": "default",
    "eps_profile": "gold",
}
RECORD = Subscriber(IMSI, GRANTED, (NUMBER,), "default", "gold")
DONE = Reply(200, {"result": True})
TOKEN = "a-token-for-tests"
PROV = "/wtl/hlr/v1/prov"
ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "connector_tools.hlr"]
SERVE = [*COMMAND, "--port", "0", "--token", TOKEN, "--profiles", "default,gold"]


@pytest.fixture
def hlr() -> Hlr:
    return Hlr(network="00101", profiles=("default", "gold"))


def refusal(reply: Reply) -> tuple[int, object]:
    """Status and error of a refused request."""
    assert reply.body["result"] is False
    return reply.status, reply.body["error"]


# --- What each action does ---


def test_insert_creates_a_record_with_the_given_fields(hlr: Hlr) -> None:
    assert hlr.provision({**FULL, "action": "insert"}) == DONE
    assert hlr.subscribers == {IMSI: RECORD}


def test_insert_creates_a_record_of_another_network_too(hlr: Hlr) -> None:
    assert hlr.provision({"action": "insert", "imsi": FOREIGN_IMSI}) == DONE
    assert FOREIGN_IMSI in hlr.subscribers


def test_a_new_record_is_barred_without_number_and_profiles_unless_the_request_says(
    hlr: Hlr,
) -> None:
    hlr.provision({"action": "insert", "imsi": IMSI})
    assert hlr.subscribers == {IMSI: Subscriber(IMSI, BARRED, (), None, None)}


def test_insert_of_an_imsi_that_has_a_record_is_a_409_and_changes_nothing(hlr: Hlr) -> None:
    hlr.provision({**FULL, "action": "insert"})
    again = hlr.provision({"action": "insert", "imsi": IMSI, "cs_profile": "gold"})
    assert refusal(again) == (409, "imsi exists")
    assert hlr.subscribers == {IMSI: RECORD}


@pytest.mark.parametrize("action", ["update", "set"])
def test_update_and_set_create_the_record_of_a_sim_of_the_own_network(
    hlr: Hlr, action: str
) -> None:
    assert hlr.provision({**FULL, "action": action}) == DONE
    assert hlr.subscribers == {IMSI: RECORD}


@pytest.mark.parametrize("action", ["update", "set"])
def test_update_and_set_of_an_unknown_imsi_of_another_network_are_a_404(
    hlr: Hlr, action: str
) -> None:
    reply = hlr.provision({**FULL, "imsi": FOREIGN_IMSI, "action": action})
    assert refusal(reply) == (404, "unknown imsi")
    assert hlr.subscribers == {}


def test_update_of_an_inserted_imsi_of_another_network_works(hlr: Hlr) -> None:
    hlr.provision({"action": "insert", "imsi": FOREIGN_IMSI})
    reply = hlr.provision({"action": "update", "imsi": FOREIGN_IMSI, "cs_profile": "gold"})
    assert reply == DONE
    assert hlr.subscribers[FOREIGN_IMSI].cs_profile == "gold"


def test_modify_without_a_record_is_a_404_in_the_own_network_too(hlr: Hlr) -> None:
    assert refusal(hlr.provision({**FULL, "action": "modify"})) == (404, "unknown imsi")
    assert hlr.subscribers == {}


@pytest.mark.parametrize("action", ["update", "set", "modify"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, RECORD),
        ({"subscriber_status": BARRED}, Subscriber(IMSI, BARRED, (NUMBER,), "default", "gold")),
        (
            {"msisdn": [OTHER_NUMBER]},
            Subscriber(IMSI, GRANTED, (OTHER_NUMBER,), "default", "gold"),
        ),
        ({"msisdn": []}, Subscriber(IMSI, GRANTED, (), "default", "gold")),
        ({"cs_profile": "gold"}, Subscriber(IMSI, GRANTED, (NUMBER,), "gold", "gold")),
        ({"eps_profile": "default"}, Subscriber(IMSI, GRANTED, (NUMBER,), "default", "default")),
    ],
)
def test_a_change_sets_the_given_fields_and_keeps_the_others(
    hlr: Hlr, action: str, given: dict[str, object], expected: Subscriber
) -> None:
    hlr.provision({**FULL, "action": "insert"})
    assert hlr.provision({"action": action, "imsi": IMSI, **given}) == DONE
    assert hlr.subscribers == {IMSI: expected}


def test_the_same_update_twice_is_as_good_as_once(hlr: Hlr) -> None:
    assert hlr.provision({**FULL, "action": "update"}) == DONE
    assert hlr.provision({**FULL, "action": "update"}) == DONE
    assert hlr.subscribers == {IMSI: RECORD}


def test_unset_clears_the_given_fields_and_keeps_the_others(hlr: Hlr) -> None:
    hlr.provision({**FULL, "action": "insert"})
    reply = hlr.provision(
        {"action": "unset", "imsi": IMSI, "msisdn": [NUMBER], "cs_profile": "gold"}
    )
    assert reply == DONE
    assert hlr.subscribers == {IMSI: Subscriber(IMSI, GRANTED, (), None, "gold")}


def test_unset_without_a_record_is_a_404(hlr: Hlr) -> None:
    reply = hlr.provision({"action": "unset", "imsi": IMSI, "msisdn": []})
    assert refusal(reply) == (404, "unknown imsi")


def test_unset_cannot_clear_the_status(hlr: Hlr) -> None:
    hlr.provision({**FULL, "action": "insert"})
    reply = hlr.provision({"action": "unset", "imsi": IMSI, "subscriber_status": BARRED})
    assert refusal(reply) == (200, "invalid subscriber_status")
    assert hlr.subscribers == {IMSI: RECORD}


def test_delete_removes_the_record(hlr: Hlr) -> None:
    hlr.provision({**FULL, "action": "insert"})
    assert hlr.provision({"action": "delete", "imsi": IMSI}) == DONE
    assert hlr.subscribers == {}


def test_delete_without_a_record_is_a_404(hlr: Hlr) -> None:
    reply = hlr.provision({"action": "delete", "imsi": IMSI})
    assert refusal(reply) == (404, "unknown imsi")


# --- One number on one IMSI ---


@pytest.mark.parametrize("action", ["insert", "update", "set"])
def test_a_number_that_another_imsi_holds_is_refused_to_a_new_record(hlr: Hlr, action: str) -> None:
    hlr.provision({**FULL, "action": "insert"})
    reply = hlr.provision({**FULL, "imsi": OTHER_IMSI, "action": action})
    assert refusal(reply) == (200, "msisdn in use")
    assert hlr.subscribers == {IMSI: RECORD}


@pytest.mark.parametrize("action", ["update", "set", "modify"])
def test_a_number_that_another_imsi_holds_is_refused_and_none_of_the_request_is_applied(
    hlr: Hlr, action: str
) -> None:
    hlr.provision({**FULL, "action": "insert"})
    hlr.provision({"action": "insert", "imsi": OTHER_IMSI, "msisdn": [OTHER_NUMBER]})
    before = hlr.subscribers
    reply = hlr.provision({**FULL, "imsi": OTHER_IMSI, "action": action})
    assert refusal(reply) == (200, "msisdn in use")
    assert hlr.subscribers == before


@pytest.mark.parametrize(
    "freeing",
    [
        {"action": "update", "msisdn": []},
        {"action": "modify", "msisdn": [OTHER_NUMBER]},
        {"action": "unset", "msisdn": []},
        {"action": "delete"},
    ],
)
def test_a_number_that_was_freed_can_go_to_another_imsi(
    hlr: Hlr, freeing: dict[str, object]
) -> None:
    """A SIM swap: the old IMSI frees the number, then the new one gets it."""
    hlr.provision({**FULL, "action": "insert"})
    assert hlr.provision({"imsi": IMSI, **freeing}) == DONE
    assert hlr.provision({**FULL, "imsi": OTHER_IMSI, "action": "update"}) == DONE
    assert hlr.subscribers[OTHER_IMSI].msisdn == (NUMBER,)


def test_a_reset_forgets_the_records_and_frees_their_numbers(hlr: Hlr) -> None:
    hlr.provision({**FULL, "action": "insert"})
    hlr.reset()
    assert hlr.subscribers == {}
    assert hlr.provision({**FULL, "imsi": OTHER_IMSI, "action": "insert"}) == DONE


# --- The rules of the fields ---


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"imsi": ""}, "invalid imsi"),
        ({"imsi": "00101000000000"}, "invalid imsi"),
        ({"imsi": "0010100000000010"}, "invalid imsi"),
        ({"imsi": "00101000000000x"}, "invalid imsi"),
        ({"imsi": IMSI + "\n"}, "invalid imsi"),
        ({"imsi": "\u0660" * 15}, "invalid imsi"),
        ({"action": "upsert"}, "invalid action"),
        ({"action": "UPDATE"}, "invalid action"),
        ({"action": ""}, "invalid action"),
        ({"subscriber_status": "granted"}, "invalid subscriber_status"),
        ({"subscriber_status": ""}, "invalid subscriber_status"),
        ({"msisdn": [NUMBER, OTHER_NUMBER]}, "invalid msisdn"),
        ({"msisdn": [""]}, "invalid msisdn"),
        ({"msisdn": ["+9990000001"]}, "invalid msisdn"),
        ({"msisdn": ["\u0669" * 3]}, "invalid msisdn"),
        ({"cs_profile": ""}, "invalid cs_profile"),
        ({"cs_profile": "2g"}, "invalid cs_profile"),
        ({"cs_profile": "default\n"}, "invalid cs_profile"),
        ({"cs_profile": "a b"}, "invalid cs_profile"),
        ({"cs_profile": "silver"}, "unknown cs_profile"),
        ({"eps_profile": "-gold"}, "invalid eps_profile"),
        ({"eps_profile": "silver"}, "unknown eps_profile"),
        ({"msisdns": [NUMBER]}, "unknown field"),
    ],
)
def test_a_value_that_breaks_a_rule_is_a_result_of_false_with_http_200(
    hlr: Hlr, change: dict[str, object], error: str
) -> None:
    reply = hlr.provision({**FULL, "action": "update", **change})
    assert refusal(reply) == (200, error)
    assert reply.body["message"]
    assert hlr.subscribers == {}


@pytest.mark.parametrize("missing", ["imsi", "action"])
def test_a_request_without_imsi_or_action_is_a_result_of_false(hlr: Hlr, missing: str) -> None:
    request = {**FULL, "action": "update"}
    del request[missing]
    assert refusal(hlr.provision(request)) == (200, f"invalid {missing}")


@pytest.mark.parametrize(
    "change",
    [
        {"imsi": int(IMSI)},
        {"imsi": None},
        {"action": ["update"]},
        {"subscriber_status": True},
        {"msisdn": NUMBER},
        {"msisdn": None},
        {"msisdn": [int(NUMBER)]},
        {"msisdn": {NUMBER: NUMBER}},
        {"cs_profile": None},
        {"eps_profile": 4},
    ],
)
def test_a_value_of_a_wrong_type_is_a_400(hlr: Hlr, change: dict[str, object]) -> None:
    reply = hlr.provision({**FULL, "action": "update", **change})
    assert refusal(reply) == (400, "bad request")
    assert hlr.subscribers == {}


@pytest.mark.parametrize("action", [*ACTIONS, NUMBER])
def test_a_refusal_never_holds_the_numbers_of_the_request(hlr: Hlr, action: str) -> None:
    """The connector may pass the error text on, to a log or to a person."""
    hlr.provision({**FULL, "action": "insert"})
    secrets = (IMSI, OTHER_IMSI, FOREIGN_IMSI, NUMBER)
    spoilers: list[dict[str, object]] = [
        {},
        {"imsi": FOREIGN_IMSI},
        {"imsi": OTHER_IMSI},
        {"imsi": NUMBER},
        {"msisdn": [NUMBER, NUMBER]},
        {"msisdn": NUMBER},
        {"cs_profile": NUMBER},
        {"subscriber_status": IMSI},
        {NUMBER: NUMBER},
    ]
    for spoiler in spoilers:
        reply = hlr.provision({**FULL, "action": action, **spoiler})
        assert not any(secret in json.dumps(reply.body) for secret in secrets)


def test_a_printed_record_does_not_show_personal_numbers() -> None:
    assert IMSI not in repr(RECORD)
    assert NUMBER not in repr(RECORD)


# --- The process, over a socket ---


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    yield running
    running.terminate()
    running.communicate(timeout=10)


@pytest.fixture(scope="module")
def origin(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[:-1] == ["HLR/HSS", "listening", "on"]
    url = httpx.URL(words[-1])
    assert url.host == "127.0.0.1"
    assert url.path == "/wtl/hlr/v1"
    return f"http://127.0.0.1:{url.port}"


@pytest.fixture
def client(origin: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=origin, headers=headers, trust_env=False, timeout=10) as caller:
        caller.delete("/subscribers").raise_for_status()
        yield caller
        caller.delete("/subscribers").raise_for_status()


def put_mode(client: httpx.Client, mode: str, delay: float = 0) -> None:
    client.put("/mode", json={"mode": mode, "delay": delay}).raise_for_status()


def update(client: httpx.Client, timeout: float = 10) -> httpx.Response:
    return client.post(PROV, json={**FULL, "action": "update"}, timeout=timeout)


def test_the_process_provisions_and_shows_its_records_and_its_requests(
    client: httpx.Client,
) -> None:
    answer = update(client)
    assert (answer.status_code, answer.json()) == (200, {"result": True})
    record = {**FULL}
    assert client.get("/subscribers").json() == {IMSI: record}
    assert client.get(f"/subscribers/{IMSI}").json() == record
    assert client.get(f"/subscribers/{OTHER_IMSI}").status_code == 404
    (logged,) = client.get("/requests").json()
    assert logged.pop("start") <= logged.pop("end")
    assert logged == {"action": "update", "imsi": IMSI, "status": 200, "result": True}


def test_a_refusal_arrives_with_its_status(client: httpx.Client) -> None:
    unknown = client.post(PROV, json={"action": "delete", "imsi": IMSI})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown imsi")
    invalid = client.post(PROV, json={"action": "delete", "imsi": "1"})
    assert (invalid.status_code, invalid.json()["error"]) == (200, "invalid imsi")


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PROV),
        ("GET", "/subscribers"),
        ("DELETE", "/subscribers"),
        ("GET", f"/subscribers/{IMSI}"),
        ("GET", "/requests"),
        ("PUT", "/mode"),
    ],
)
def test_without_the_right_token_everything_is_a_401(
    client: httpx.Client, method: str, path: str, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given}
    body = {**FULL, "action": "update", "mode": "outage"}
    answer = httpx.request(
        method, client.base_url.join(path), headers=headers, json=body, trust_env=False
    )
    assert answer.status_code == 401
    assert answer.json() == {"result": False, "error": "unauthorized"}
    assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/subscribers").json() == {}
    assert client.post(PROV, json={}).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff", b"[" * 100_000, b'{"imsi": 1}']
)
def test_a_body_that_is_no_request_is_a_400(client: httpx.Client, body: bytes) -> None:
    answer = client.post(PROV, content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad request")


def test_a_body_with_a_lone_surrogate_is_refused_and_does_not_spoil_the_log(
    client: httpx.Client,
) -> None:
    answer = client.post(PROV, content=b'{"imsi": "\\ud800", "action": "update"}')
    assert (answer.status_code, answer.json()["error"]) == (200, "invalid imsi")
    assert client.get("/requests").json()[0]["imsi"] == "\ud800"


def test_another_method_is_a_405_and_another_path_a_404(client: httpx.Client) -> None:
    assert client.get(PROV).status_code == 405
    assert client.get(PROV).headers["allow"] == "POST"
    assert client.post(PROV + "/more", json={}).status_code == 404
    assert client.get("/nowhere").status_code == 404
    assert client.post("/mode", json={"mode": "outage"}).status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"mode": "down"}',
        b'{"mode": 1}',
        b'{"mode": "slow", "delay": -1}',
        b'{"mode": "slow", "delay": 3601}',
        b'{"mode": "slow", "delay": NaN}',
        b'{"mode": "slow", "delay": true}',
        b'{"mode": "slow", "delay": "1"}',
    ],
)
def test_a_mode_that_does_not_exist_is_a_400_and_changes_nothing(
    client: httpx.Client, body: bytes
) -> None:
    assert client.put("/mode", content=body).status_code == 400
    assert update(client, timeout=2).status_code == 200


def test_in_an_outage_everything_under_wtl_is_a_503_until_the_mode_is_up(
    client: httpx.Client,
) -> None:
    put_mode(client, "outage")
    assert update(client).status_code == 503
    assert client.get("/wtl/anything", headers={"Authorization": ""}).status_code == 503
    assert client.get("/subscribers").json() == {}
    assert [entry["status"] for entry in client.get("/requests").json()] == [503, 503]
    put_mode(client, "up")
    assert update(client).status_code == 200


def test_a_slow_hlr_answers_after_the_delay(client: httpx.Client) -> None:
    put_mode(client, "slow", delay=0.3)
    start = time.monotonic()
    assert update(client).json() == {"result": True}
    assert time.monotonic() - start >= 0.3


def test_a_slow_hlr_has_carried_out_what_the_caller_gave_up_on(client: httpx.Client) -> None:
    """The lost answer: the caller cannot know, and must be able to try again."""
    put_mode(client, "slow", delay=1)
    with pytest.raises(httpx.ReadTimeout):
        update(client, timeout=0.2)
    assert IMSI in client.get("/subscribers").json()


def test_a_slow_hlr_serves_other_requests_meanwhile_and_logs_the_overlap(
    client: httpx.Client,
) -> None:
    put_mode(client, "slow", delay=0.5)
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda _: update(client), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    first, second = client.get("/requests").json()
    assert second["start"] < first["end"]


def test_a_hanging_hlr_answers_nothing_and_changes_nothing(client: httpx.Client) -> None:
    put_mode(client, "hang")
    with pytest.raises(httpx.ReadTimeout):
        update(client, timeout=0.3)
    assert client.get("/subscribers").json() == {}
    (logged,) = client.get("/requests").json()
    assert (logged["status"], logged["result"]) == (None, None)


def test_a_dropped_request_ends_in_a_closed_connection_without_an_answer(
    client: httpx.Client,
) -> None:
    put_mode(client, "drop")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        update(client)
    assert client.get("/subscribers").json() == {}
    (logged,) = client.get("/requests").json()
    assert (logged["status"], logged["result"]) == (None, None)
    put_mode(client, "up")
    assert update(client).status_code == 200


def test_deleting_the_subscribers_starts_afresh(client: httpx.Client) -> None:
    update(client)
    put_mode(client, "outage")
    assert client.delete("/subscribers").status_code == 200
    assert client.get("/subscribers").json() == {}
    assert client.get("/requests").json() == []
    assert update(client).status_code == 200


def test_a_caller_that_leaves_in_the_middle_of_its_request_changes_nothing(
    client: httpx.Client,
) -> None:
    head = f"POST {PROV} HTTP/1.1\r\nHost: hlr\r\nAuthorization: Bearer {TOKEN}\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as caller:
        caller.sendall(f"{head}Content-Length: 99\r\n\r\n{{".encode())
    assert client.get("/requests").json() == []
    assert update(client).status_code == 200


def hang_up_by_stopping(running: subprocess.Popen[str]) -> None:
    """Send a request that hangs, and stop the process while it does."""
    assert running.stdout is not None
    base_url = running.stdout.readline().split()[-1]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(headers=headers, trust_env=False) as caller, ThreadPoolExecutor(1) as callers:
        mode = httpx.URL(base_url).join("/mode")
        caller.put(mode, json={"mode": "hang"}).raise_for_status()
        hung = callers.submit(caller.post, f"{base_url}/prov", json={}, timeout=30)
        time.sleep(0.3)
        running.terminate()
        with pytest.raises(httpx.TransportError):
            hung.result(timeout=10)


def test_the_process_stops_in_silence_even_while_a_request_hangs() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(SERVE, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as running:
        try:
            hang_up_by_stopping(running)
            output, errors = running.communicate(timeout=10)
        finally:
            running.kill()
    assert output == ""
    assert "Traceback" not in errors


def test_the_requests_that_the_help_shows_work() -> None:
    bodies = re.findall(r"/prov -d '(.+?)'", EPILOG, re.DOTALL)
    hlr = Hlr()
    assert [hlr.provision(json.loads(body)) for body in bodies] == [DONE, DONE]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--token", ""],
        ["--token", "a b"],
        ["--token", "t", "--port", "65536"],
        ["--token", "t", "--port", "http"],
        ["--token", "t", "--network", "x"],
        ["--token", "t", "--profiles", "default,,gold"],
        ["--token", "t", "--profiles", "2g"],
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str]) -> None:
    ended = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=30, cwd=ROOT
    )
    assert ended.returncode == 2
    assert "usage: python -m connector_tools.hlr" in ended.stderr
    assert "Traceback" not in ended.stderr
