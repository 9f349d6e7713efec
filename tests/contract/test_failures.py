"""The guide's acceptance cases 7 to 10: limits, failures of the external system, the stop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.answers import ACCEPTED, FAILED, THROTTLED, UNAVAILABLE, ids, settled
from tests.support.events import event, subscriber
from tests.support.function import Function, free_port, mapping_with
from tests.support.scripted import Scripted, ScriptedServer

Start = Callable[..., Function]


@pytest.mark.parametrize(
    ("headers", "told"), [({"Retry-After": "17"}, "17"), ({}, None), ({"Retry-After": "x"}, None)]
)
def test_case_7_the_system_answers_too_many_requests(
    function: Function, system: ScriptedServer, headers: dict[str, str], told: str | None
) -> None:
    system.default = Scripted(429, headers=headers)
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (429, THROTTLED)
    assert response.headers.get("retry-after") == told
    (call,) = settled(function, response)["calls"]
    assert call["attempts"] == len(system.requests) == (1 if told else 3)


@pytest.mark.parametrize("limit", ["concurrency: 1", "rate_limit: 1/s"])
def test_case_7_the_connector_has_a_limit_of_its_own(
    start: Start, system: ScriptedServer, tmp_path: Path, limit: str
) -> None:
    """An event waits for its turn for half of its budget, here 2 s."""
    function = start(MAPPING_FILE=mapping_with(limit, tmp_path), EVENT_BUDGET="4")
    system.default = Scripted(delay=1)
    events = [event(imsi=subscriber(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda each: function.post(each, headers=ids()), events))
    refused = [response for response in responses if response.status_code != 202]
    assert 2 <= len(system.requests) == len(responses) - len(refused) < 8
    for response in refused:
        assert (response.status_code, response.json()) == (429, THROTTLED)
        assert int(response.headers["retry-after"]) >= 1
        assert settled(function, response)["outcome"] == "throttled"


@pytest.mark.parametrize("status", [400, 409, 410, 418, 422, 500, 501, 505])
def test_case_8_the_system_answers_an_http_error(
    function: Function, system: ScriptedServer, status: int
) -> None:
    system.default = Scripted(status, {"error": "nope"})
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (500, FAILED)
    record = settled(function, response)
    assert (record["outcome"], record["severity"]) == ("failed", "ERROR")
    assert [call["status"] for call in record["calls"]] == [status]
    assert len(system.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_case_8_a_redirect_is_not_followed(
    function: Function, system: ScriptedServer, status: int
) -> None:
    system.default = Scripted(status, headers={"Location": f"{system.url}/elsewhere"})
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (500, FAILED)
    assert settled(function, response)["outcome"] == "failed"
    assert [request.path for request in system.requests] == ["/prov"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Scripted(json={"result": False, "error": "unknown profile"}), "unknown profile"),
        (Scripted(json={"result": False, "message": "no such profile"}), "no such profile"),
        (Scripted(json={"error": "database is locked"}), "database is locked"),
        (Scripted(json={"result": False}), FAILED["error"]),
        (Scripted(json={"result": "yes", "error": "odd"}), "odd"),
        (Scripted(json=[True]), "API Core's reply is not an object"),
        (Scripted(body=b"<html>Sign in</html>"), "API Core's reply is not JSON"),
        (Scripted(body=b'{"result": tr'), "API Core's reply is not JSON"),
        (Scripted(body=b" " * 1_100_000), "API Core's reply is too large"),
    ],
)
def test_case_8_a_reply_of_200_without_a_confirmation_is_a_failure(
    function: Function, system: ScriptedServer, reply: Scripted, told: str
) -> None:
    system.default = reply
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (500, FAILED | {"error": told})
    assert settled(function, response)["outcome"] == "failed"


@pytest.mark.parametrize("status", [401, 403])
def test_case_8_credentials_that_the_system_refuses_are_not_the_callers_fault(
    function: Function, system: ScriptedServer, status: int
) -> None:
    system.default = Scripted(status, {"error": "who are you"})
    response = function.post(event(), headers=ids())
    body = response.json()
    assert response.status_code == 500
    assert "refused the connector's credentials" in body.pop("error")
    assert body == {"message": FAILED["message"], "type": "SERVICE_ERROR"}
    assert "www-authenticate" not in response.headers
    assert settled(function, response)["outcome"] == "failed"


LOST = "API Core: connection {} before the end of the reply"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Scripted(502), UNAVAILABLE["error"]),
        (Scripted(503), UNAVAILABLE["error"]),
        (Scripted(504), UNAVAILABLE["error"]),
        (Scripted(drop=True), LOST.format("reset")),
        (Scripted(raw=b""), LOST.format("closed")),
        (Scripted(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), LOST.format("closed")),
    ],
    ids=["502", "503", "504", "reset", "closed", "cut short"],
)
def test_case_9_an_unreachable_system_is_unavailable_and_the_retry_is_applied(
    function: Function, system: ScriptedServer, reply: Scripted, told: str
) -> None:
    system.default = reply
    sent = event()
    response = function.post(sent, headers=ids())
    assert (response.status_code, response.json()) == (503, UNAVAILABLE | {"error": told})
    record = settled(function, response)
    assert (record["outcome"], record["severity"]) == ("unavailable", "ERROR")
    assert [call["attempts"] for call in record["calls"]] == [len(system.requests)] == [3]
    system.default = Scripted()
    assert function.post(sent).json() == ACCEPTED


def test_case_9_the_retry_after_of_the_system_is_handed_on(
    function: Function, system: ScriptedServer
) -> None:
    system.default = Scripted(503, headers={"Retry-After": "120"})
    response = function.post(event(), headers=ids())
    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
    assert response.headers["retry-after"] == "120"
    assert len(system.requests) == 1


def test_case_9_a_system_that_is_too_slow_times_out(start: Start, system: ScriptedServer) -> None:
    function = start(WTL_HTTP_REQUESTS_TIMEOUT="0.5")
    silent, byte_by_byte = Scripted(delay=2), Scripted(drip=0.05, body=b" " * 100)
    slow = ((silent, "reply"), (byte_by_byte, "end of the reply"))
    for number, (reply, missing) in enumerate(slow, 1):
        system.default = reply
        response = function.post(event(imsi=subscriber(number)), headers=ids())
        told = f"API Core: no {missing} within 0.5 s"
        assert (response.status_code, response.json()) == (503, UNAVAILABLE | {"error": told})
        (call,) = settled(function, response)["calls"]
        assert call["milliseconds"] >= 500
        assert len(system.requests) == number


def test_case_9_a_system_that_refuses_connections_then_an_open_circuit(
    start: Start, tmp_path: Path
) -> None:
    mapping = mapping_with("breaker: {after: 3}", tmp_path)
    function = start(WTL_API_URL=f"http://127.0.0.1:{free_port()}", MAPPING_FILE=mapping)
    for _ in range(3):
        response = function.post(event(), headers=ids())
        told = "API Core: connection refused"
        assert (response.status_code, response.json()) == (503, UNAVAILABLE | {"error": told})
        assert settled(function, response)["outcome"] == "unavailable"
    response = function.post(event(), headers=ids())
    body = response.json()
    assert response.status_code == 503
    assert "Circuit open" in body.pop("error")
    assert body == {"message": UNAVAILABLE["message"], "type": "CONNECTION_ERROR"}
    assert 1 <= int(response.headers["retry-after"]) <= 10
    assert settled(function, response)["calls"][0]["attempts"] == 0


def test_case_10_an_event_in_flight_is_finished_when_the_service_stops(
    start: Start, system: ScriptedServer
) -> None:
    function = start()
    system.default = Scripted(delay=0.5)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(function.post, event(), headers=ids())
        system.wait_for(1)
        function.terminate()
        response = answer.result(20)
    assert (response.status_code, response.json()) == (202, ACCEPTED)
    assert settled(function, response)["outcome"] == "applied"
    assert function.process.wait(20) == 0
    told = [str(line["message"]) for line in function.lines()]
    assert any(line.startswith("stopping") for line in told)
    assert told[-1].startswith("stopped")
