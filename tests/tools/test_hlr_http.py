"""The embedded HLR/HSS as a process, over a socket."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from connector_tools.counterparts.rules.hlr import GRANTED
from tests.support import ROOT

IMSI = "001010000000001"
OTHER_IMSI = "001010000000002"
RECORD = {
    "imsi": IMSI,
    "subscriber_status": GRANTED,
    "msisdn": ["9990000001"],
    "cs_profile": "default",
    "eps_profile": "gold",
}
TOKEN = "a-token-for-tests"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
PROV = "/wtl/hlr/v1/prov"
COMMAND = [sys.executable, "-m", "connector_tools.counterparts.hlr_http"]
SERVE = [*COMMAND, "--port", "0", "--profiles", "default,gold"]


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A running HLR, with what it wrote and a client of it."""
    with subprocess.Popen(
        SERVE,
        env={"WTL_API_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            told, _, url = process.stdout.readline().strip().rpartition(" ")
            assert told == "HLR/HSS listening on"
            assert url.endswith("/wtl/hlr/v1")
            origin = httpx.URL(url).join("/")
            with httpx.Client(
                base_url=origin, headers=AUTHORIZED, trust_env=False, timeout=30
            ) as client:
                yield process, client
        finally:
            process.kill()


@pytest.fixture(scope="module")
def running() -> Iterator[httpx.Client]:
    with serving() as (_, client):
        yield client


@pytest.fixture
def client(running: httpx.Client) -> httpx.Client:
    running.delete("/subscribers").raise_for_status()
    return running


def put_mode(client: httpx.Client, mode: str, delay: float = 0) -> None:
    client.put("/mode", json={"mode": mode, "delay": delay}).raise_for_status()


def update(client: httpx.Client, timeout: float = 30) -> httpx.Response:
    return client.post(PROV, json={**RECORD, "action": "update"}, timeout=timeout)


def test_it_provisions_and_shows_its_records(client: httpx.Client) -> None:
    answer = update(client)
    assert (answer.status_code, answer.json()) == (200, {"result": True})
    assert client.get("/subscribers").json() == {IMSI: RECORD}
    assert client.get(f"/subscribers/{IMSI}").json() == RECORD
    assert client.get(f"/subscribers/{OTHER_IMSI}").status_code == 404


def test_a_refusal_arrives_with_its_status(client: httpx.Client) -> None:
    unknown = client.post(PROV, json={"action": "delete", "imsi": IMSI})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown imsi")
    invalid = client.post(PROV, json={"action": "delete", "imsi": "1"})
    assert (invalid.status_code, invalid.json()["error"]) == (200, "invalid imsi")


def test_without_the_right_token_everything_is_a_401_and_nothing_changes(
    client: httpx.Client,
) -> None:
    update(client)
    endpoints = [
        ("POST", PROV),
        ("GET", "/subscribers"),
        ("DELETE", "/subscribers"),
        ("GET", f"/subscribers/{IMSI}"),
        ("PUT", "/mode"),
    ]
    wrong = ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}"]
    for (method, path), given in itertools.product(endpoints, wrong):
        body = {"action": "delete", "imsi": IMSI, "mode": "outage"}
        answer = client.request(method, path, headers={"Authorization": given}, json=body)
        assert answer.status_code == 401
        assert answer.json() == {"result": False, "error": "unauthorized"}
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/subscribers").json() == {IMSI: RECORD}
    assert update(client).status_code == 200


def test_a_body_that_is_no_json_object_is_a_400(client: httpx.Client) -> None:
    for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000):
        answer = client.post(PROV, content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad request")


def test_another_method_is_a_405_and_another_path_a_404(client: httpx.Client) -> None:
    assert client.get(PROV).status_code == 405
    assert client.get(PROV).headers["allow"] == "POST"
    assert client.post(PROV + "/more", json={}).status_code == 404
    assert client.get("/nowhere").status_code == 404


def test_a_mode_that_does_not_exist_is_a_400_and_changes_nothing(client: httpx.Client) -> None:
    for body in [
        b"{",
        b"{}",
        b'{"mode": "down"}',
        b'{"mode": ["outage"]}',
        b'{"mode": "outage", "delay": -1}',
        b'{"mode": "outage", "delay": 3601}',
        b'{"mode": "outage", "delay": NaN}',
        b'{"mode": "outage", "delay": true}',
        b'{"mode": "outage", "delay": "1"}',
    ]:
        assert client.put("/mode", content=body).status_code == 400
    assert update(client).status_code == 200


def test_in_an_outage_everything_under_wtl_is_a_503_until_the_mode_is_up(
    client: httpx.Client,
) -> None:
    put_mode(client, "outage")
    assert update(client).status_code == 503
    assert client.get("/wtl/anything", headers={"Authorization": ""}).status_code == 503
    assert client.get("/subscribers").json() == {}
    put_mode(client, "up")
    assert update(client).status_code == 200


def test_a_slow_hlr_serves_others_meanwhile_and_answers_after_the_delay(
    client: httpx.Client,
) -> None:
    put_mode(client, "slow", delay=0.4)
    started = time.monotonic()
    with ThreadPoolExecutor(1) as callers:
        slow = callers.submit(update, client)
        while not client.get("/subscribers").json():
            assert time.monotonic() - started < 30
        assert not slow.done()
        assert slow.result().json() == {"result": True}
    assert time.monotonic() - started >= 0.4


def test_a_slow_hlr_has_carried_out_what_the_caller_gave_up_on(client: httpx.Client) -> None:
    """The lost answer: the caller cannot know, and must be able to try again."""
    put_mode(client, "slow", delay=60)
    with pytest.raises(httpx.ReadTimeout):
        update(client, timeout=0.2)
    assert client.get(f"/subscribers/{IMSI}").json() == RECORD


def test_a_hanging_hlr_answers_nothing_and_changes_nothing(client: httpx.Client) -> None:
    put_mode(client, "hang")
    with pytest.raises(httpx.ReadTimeout):
        update(client, timeout=0.2)
    assert client.get("/subscribers").json() == {}


def test_a_dropped_request_ends_in_a_closed_connection_without_an_answer(
    client: httpx.Client,
) -> None:
    put_mode(client, "drop")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        update(client)
    assert client.get("/subscribers").json() == {}
    put_mode(client, "up")
    assert update(client).status_code == 200


def test_deleting_the_subscribers_starts_afresh(client: httpx.Client) -> None:
    update(client)
    put_mode(client, "outage")
    assert client.delete("/subscribers").status_code == 200
    assert client.get("/subscribers").json() == {}
    assert update(client).status_code == 200


def test_it_stops_in_silence_even_while_a_request_hangs() -> None:
    with serving() as (process, client), ThreadPoolExecutor(1) as callers:
        put_mode(client, "slow", delay=60)
        hung = callers.submit(update, client)
        while not client.get("/subscribers").json():
            assert not hung.done()
        process.terminate()
        with pytest.raises(httpx.TransportError):
            hung.result(timeout=30)
        output, errors = process.communicate(timeout=30)
    assert output == ""
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "a token is needed"),
        (["--token", "a b"], "without spaces"),
        (["--token", "t", "--port", "65536"], "a port is"),
        (["--token", "t", "--profiles", "default,,gold"], "a profile name must"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str], reason: str) -> None:
    ended = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env={}, cwd=ROOT
    )
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
