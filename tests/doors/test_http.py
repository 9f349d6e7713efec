"""Hostile, broken and oversized requests to the function."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.answers import ACCEPTED, NOT_ALLOWED, UNAUTHORIZED, details, ids, settled
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, Function
from tests.support.scripted import ScriptedServer

HEAD = f"Host: connector\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
LARGE = 11_000_000
_NUMBERS = itertools.count(1)
TOO_LARGE = {
    "message": "Event too large",
    "error": "The body is larger than 10000000 bytes",
    "type": "VALIDATION_ERROR",
}


def fresh() -> dict[str, Any]:
    """An event of a new subscriber, which the ledger does not know."""
    return event(imsi=subscriber(next(_NUMBERS)))


def valid_text() -> str:
    return json.dumps(fresh())


def chunks(size: int = LARGE) -> Iterator[bytes]:
    """A body that is sent in chunks, without a Content-Length."""
    piece = b" " * 100_000
    for _ in range(size // len(piece)):
        yield piece


def error_of(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of a raw HTTP answer, whose body has the contract's error shape."""
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower(), answer
    body: dict[str, Any] = json.loads(content)
    assert set(body) - {"details"} == {"message", "error", "type"}
    return int(head.split()[1]), body


def test_the_largest_body_that_is_allowed_is_read(
    function: Function, system: ScriptedServer
) -> None:
    body = valid_text().encode()
    response = function.post(body + b" " * (10_000_000 - len(body)))
    assert (response.status_code, response.json()) == (202, ACCEPTED)
    assert len(system.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"0",
        b'"event"',
        b"[]",
        b"[{}]",
        b"{",
        b"{}",
        b"{}{}",
        b'{"event_id": "a",}',
        b"{'event_id': 'a'}",
        b"\x00",
        b"\xff\xfe\xfd",
        b"<event/>",
        b"event_id=a&data=b",
        b"\xef\xbb\xbf{}",
        b"[" * 3_000_000,
        b'{"data":' * 500_000,
        b"9" * 1_000_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_an_event_is_refused(
    function: Function, system: ScriptedServer, body: bytes
) -> None:
    response = function.post(body, headers=ids())
    assert details(response)
    assert settled(function, response)["outcome"] == "invalid"
    assert not system.requests


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"i_env": 3', '"i_env": NaN'),
        ('"i_env": 3', '"i_env": Infinity'),
        ('"i_env": 3', '"i_env": -Infinity'),
        ('"blocked": false', '"blocked": NaN'),
        ('"i_env": 3', '"i_env": ' + "9" * 5000),
        ('"i_account": 277147', '"i_account": ' + "9" * 5000),
        ('"i_account": 277147', '"i_account": 1e400'),
        ('"i_env": 3', '"deep": ' + "[" * 5000 + "]" * 5000),
        ('"i_env": 3', '"deep": ' + '{"a":' * 5000 + "1" + "}" * 5000),
        ('"Ada"', '"\\x41"'),
        ('"Ada"', '"A\nda"'),
        ('"event_id": ', '"event_id": 7, "event_id": null, "other": '),
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_values_outside_of_json_or_the_contract_are_refused(
    function: Function, system: ScriptedServer, old: str, new: str
) -> None:
    assert old in valid_text()
    assert details(function.post(valid_text().replace(old, new).encode()))
    assert not system.requests


def test_half_of_a_surrogate_pair_does_not_stop_an_event(
    function: Function, system: ScriptedServer
) -> None:
    """A sender that cuts a name in the middle of an emoji writes one."""
    answer = function.post(valid_text().replace('"Ada"', '"\\ud83d"').encode())
    assert answer.status_code == 202
    assert system.requests


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"i_env": 3', '"i_env": 1e400'),
        ('"i_env": 3', '"i_env": -1'),
        ('"i_env": 3', '"i_env": ' + "9" * 300),
        ('"i_event": ', '"i_event": 1.5, "other": '),
        ('"event_time": "2026-03-02 10:15:30"', '"event_time": "yesterday"'),
        ('"event_time": "2026-03-02 10:15:30"', '"event_time": {}'),
        ('"event_time": "2026-03-02 10:15:30"', '"event_time": "0001-01-01 00:00:00"'),
        ('"Ada"', '"\\u0000"'),
        ('"Ada"', '"{{ settings.api_token }}"'),
        ('"i_env": 3', '"deep": ' + "[" * 100 + "]" * 100),
        ('"i_env": 3', '"": {"": ""}, "__class__": 1'),
        ('"queued"', '"queued", "status": "retried"'),
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_an_odd_value_in_an_unused_field_is_accepted(
    function: Function, system: ScriptedServer, old: str, new: str
) -> None:
    assert old in valid_text()
    response = function.post(valid_text().replace(old, new).encode())
    assert (response.status_code, response.json()) == (202, ACCEPTED)
    assert system.requests[0].json["msisdn"] == ["420700000001"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(
    function: Function, system: ScriptedServer, chunked: bool
) -> None:
    sent = ids() | {"authorization": f"Bearer {TOKEN}"}
    body = chunks() if chunked else b" " * LARGE
    response = function.client.post("/process-event", content=body, headers=sent)
    assert (response.status_code, response.json()) == (413, TOO_LARGE)
    assert settled(function, response)["outcome"] == "too_large"
    assert not system.requests


@pytest.mark.parametrize("chunked", [False, True])
def test_a_wrong_token_is_refused_before_the_body_is_read(
    function: Function, system: ScriptedServer, chunked: bool
) -> None:
    body = chunks() if chunked else b" " * LARGE
    headers = {"authorization": "Bearer wrong"}
    response = function.client.post("/process-event", content=body, headers=headers)
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)
    assert not system.requests


@pytest.mark.parametrize("token", [TOKEN, "wrong"])
def test_a_request_that_its_headers_refuse_is_answered_before_its_body_arrives(
    function: Function, token: str
) -> None:
    head = f"POST / HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {token}\r\n"
    answer = function.raw(f"{head}Content-Length: {LARGE}\r\n\r\n".encode(), seconds=1)
    assert error_of(answer)[0] == (413 if token == TOKEN else 401)


def test_an_event_is_dropped_if_its_caller_leaves_before_the_end_of_the_body(
    function: Function, system: ScriptedServer
) -> None:
    sent = ids()
    head = b"POST / HTTP/1.1\r\n" + HEAD + f"x-b3-traceid: {sent['x-b3-traceid']}\r\n".encode()
    with socket.create_connection(("127.0.0.1", function.port)) as connection:
        connection.sendall(head + b"Content-Length: 10000\r\n\r\n" + valid_text().encode())
    deadline = time.monotonic() + 10
    while not (lines := function.lines(request_id=sent["x-b3-traceid"])):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [line["outcome"] for line in lines] == ["invalid"]
    assert not system.requests
    assert function.post(fresh()).json() == ACCEPTED


def test_an_event_cut_by_a_short_content_length_is_refused(
    function: Function, system: ScriptedServer
) -> None:
    cut = b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 50\r\nConnection: close\r\n\r\n"
    status, body = error_of(function.raw(cut + valid_text().encode()))
    assert (status, body["type"]) == (422, "VALIDATION_ERROR")
    assert not system.requests


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: -1\r\n",
        b"Content-Length: abc\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 99999999999999999999999999\r\n",
        b"Content-Length: 2\r\nContent-Length: 4\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_an_invalid_content_length_is_refused_by_the_parser(
    function: Function, system: ScriptedServer, lengths: bytes
) -> None:
    answer = function.raw(b"POST / HTTP/1.1\r\n" + HEAD + lengths + b"\r\n{}", seconds=2)
    assert answer.startswith(b"HTTP/1.1 400 ")  # from the HTTP parser; the function is not called
    assert not system.requests
    assert function.post(fresh()).json() == ACCEPTED


@pytest.mark.parametrize("method", [b"BREW", b"post"])
def test_an_unknown_method_gets_our_json_error(
    function: Function, system: ScriptedServer, method: bytes
) -> None:
    """HTTP allows any token as a method and distinguishes upper and lower case."""
    request = method + b" / HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
    status, _ = error_of(function.raw(request))
    assert status in (400, 405)
    assert not system.requests


@pytest.mark.parametrize("method", ["PROPFIND", "PURGE", "SEARCH", "CONNECT"])
def test_a_method_of_other_protocols_is_not_allowed(function: Function, method: str) -> None:
    response = function.client.request(method, "/", headers=ids())
    assert (response.status_code, response.json()) == (405, NOT_ALLOWED)
    assert response.headers["allow"] == "POST"
    assert settled(function, response)["method"] == method


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/", "//x", "/health/", "/a/b"])
def test_a_get_request_is_not_allowed_on_any_other_path(function: Function, path: str) -> None:
    response = function.client.get(function.url + path, headers=ids())
    assert (response.status_code, response.json()) == (405, NOT_ALLOWED)
    assert response.headers["allow"] == "POST"
    assert settled(function, response)["outcome"] == "not_allowed"


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt"])
def test_an_event_may_come_on_any_path(function: Function, path: str) -> None:
    assert function.post(fresh(), path=path).json() == ACCEPTED


def test_health_may_be_asked_with_head(function: Function) -> None:
    assert function.client.head("/health").status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        b"x" * 129,
        b"x" * 20_000,
        "žluťoučký".encode(),
        b"\xff",
        b"a b",
    ],
    ids=lambda given: repr(given[:9]),
)
def test_malformed_ids_are_replaced(function: Function, given: bytes) -> None:
    """A request's ids are in each of its log lines."""
    before = len(function.lines())
    headers = {"x-b3-traceid": given, "x-request-id": given}
    assert function.post(fresh(), headers=headers).json() == ACCEPTED
    (line,) = function.lines()[before:]
    assert len(line["request_id"]) == len(line["unique_id"]) == 36
    assert line["severity"] == "INFO"


@pytest.mark.parametrize("given", [b"\xff", "žluťoučký".encode(), b"x" * 60_000], ids=len)
def test_a_token_of_arbitrary_bytes_is_unauthorized(function: Function, given: bytes) -> None:
    answer = function.raw(
        b"POST / HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer " + given + b"\r\n\r\n", seconds=1
    )
    assert error_of(answer) == (401, UNAUTHORIZED)


def test_a_request_has_no_ids_of_the_one_that_was_sent_before_it(function: Function) -> None:
    """The server starts the second one in the context of the first."""
    trace, ours = "4bf92f3577b34da6a3ce929d0e0e4736", ids()
    first = f"GET /first HTTP/1.1\r\n{{}}traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n\r\n"
    more = f"x-request-id: {ours['x-request-id']}\r\nConnection: close\r\n"
    second = f"GET /second HTTP/1.1\r\n{{}}{more}\r\n"
    answers = function.raw((first + second).format("Host: c\r\n", "Host: c\r\n").encode())
    assert answers.count(b"HTTP/1.1 405") == 2
    line = function.record(unique_id=ours["x-request-id"])
    assert "logging.googleapis.com/trace" not in line


def test_the_function_serves_after_all_of_this(function: Function) -> None:
    assert function.process.poll() is None
    assert function.post(fresh()).json() == ACCEPTED
