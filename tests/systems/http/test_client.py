"""The client over real sockets: its requests, and the reply for each result of a call."""

import asyncio
import gzip
import re
import ssl
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import parse_qsl

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from tests.support.calls import POST, PUT, client, forget_proxies, send, send_once
from tests.support.function import free_port
from tests.support.peer import Peer, replies
from tests.support.scripted import Scripted, ScriptedServer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


async def test_a_success_is_applied_and_its_reply_can_be_read(system: ScriptedServer) -> None:
    system.default = Scripted(201, json={"id": 7}, headers={"X-Request": "r1"})
    reply = await send_once(system.url)
    assert (reply.outcome, reply.status, reply.attempts) == (Outcome.APPLIED, 201, 1)
    assert reply.reason is None
    assert reply.took > 0
    assert (reply.seen["status"], reply.seen["json"]) == (201, {"id": 7})
    assert (reply.seen["headers"]["x-request"], reply.seen["text"]) == ("r1", '{"id": 7}')


async def test_path_headers_and_body_arrive_as_the_mapping_says(system: ScriptedServer) -> None:
    call = replace(POST, path="/prov/%2F%20%C3%A9%25/x", headers={"X-Trace": "t 1"})
    await send_once(f"{system.url}/hlr/v1/", call, headers={"X-Api": "2"})
    (request,) = system.requests
    assert (request.method, request.path) == ("POST", "/hlr/v1/prov/%2F%20%C3%A9%25/x")
    assert request.body == POST.body
    wanted = {"x-trace": "t 1", "x-api": "2", "content-type": "application/json"}
    assert wanted.items() <= request.headers.items()
    assert request.headers["user-agent"] == "nsps-connector"


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
async def test_header_names_arrive_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, proxied: bool
) -> None:
    """Some systems compare the names of headers with case, although RFC 9110 forbids that."""
    call = replace(POST, headers={"X-ACCESS-Token": "1", "soapAction": "2", "authORIZATION": "3"})
    forget_proxies(monkeypatch)
    async with Peer(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        if proxied:
            monkeypatch.setenv("HTTP_PROXY", peer.url)
        auth = {"api_key": {"header": "apiKEY", "value": "4"}}
        await send_once(peer.url, call, headers={"X-access-token": "0", "x-Own": "5"}, auth=auth)
    lines = peer.requests[0].head.decode().split("\r\n")[1:-2]
    sent = dict(line.split(": ") for line in lines)
    named = {"X-ACCESS-Token": "1", "soapAction": "2", "authORIZATION": "3", "apiKEY": "4"}
    assert named.items() <= sent.items()
    assert {"x-Own", "Host", "Content-Length", "Content-Type", "User-Agent"} <= {*sent}
    assert len({name.lower() for name in sent}) == len(lines) == len(sent)


async def test_a_header_of_the_call_overrides_that_of_the_system(system: ScriptedServer) -> None:
    call = replace(POST, headers={"Content-Type": "application/soap+xml", "X-Api": "3"})
    await send_once(system.url, call, headers={"X-Api": "2"})
    headers = system.requests[0].headers
    assert (headers["content-type"], headers["x-api"]) == ("application/soap+xml", "3")


async def test_names_and_values_of_a_query_arrive_unchanged(system: ScriptedServer) -> None:
    query = (("q", "a b&c=d"), ("q", "+%/?#"), ("name", "Zoë"), ("empty", ""))
    await send_once(system.url, replace(POST, query=query))
    path, _, found = system.requests[0].path.partition("?")
    assert path == "/prov"
    assert tuple(parse_qsl(found, keep_blank_values=True)) == query


async def test_a_query_in_the_path_is_kept_before_the_calls_query(system: ScriptedServer) -> None:
    await send_once(system.url, replace(POST, path="/find?type=sim", query=(("imsi", "1"),)))
    assert system.requests[0].path == "/find?type=sim&imsi=1"


@pytest.mark.parametrize("body", ["Zoë 日本 🎉".encode(), bytes(range(256)) * 100])
async def test_a_body_arrives_unchanged(system: ScriptedServer, body: bytes) -> None:
    await send_once(system.url, replace(POST, body=body))
    assert system.requests[0].body == body


async def test_a_call_without_a_body_has_no_content_type(system: ScriptedServer) -> None:
    await send_once(system.url, replace(POST, method="GET", body=None, content_type=None))
    assert (system.requests[0].body, system.requests[0].headers.get("content-type")) == (b"", None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, Outcome.APPLIED),
        (304, Outcome.FAILED),
        (400, Outcome.FAILED),
        (404, Outcome.UNKNOWN_RESOURCE),
        (408, Outcome.UNAVAILABLE),
        (409, Outcome.FAILED),
        (429, Outcome.THROTTLED),
        (500, Outcome.FAILED),
        (502, Outcome.UNAVAILABLE),
        (503, Outcome.UNAVAILABLE),
        (504, Outcome.UNAVAILABLE),
        (599, Outcome.FAILED),
    ],
)
async def test_each_status_has_its_outcome(
    system: ScriptedServer, status: int, outcome: Outcome
) -> None:
    system.default = Scripted(status, body=b"")
    reply = await send_once(system.url)
    assert (reply.outcome, reply.status, reply.cause) == (outcome, status, f"HTTP {status}")


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_a_failure_with_a_reason(
    system: ScriptedServer, status: int
) -> None:
    system.default = Scripted(status)
    reply = await send_once(system.url)
    assert reply.outcome is Outcome.FAILED
    assert "credentials" in (reply.reason or "")


async def test_an_accepted_status_is_a_success(system: ScriptedServer) -> None:
    system.default = Scripted(409, json={"exists": True})
    reply = await send_once(system.url, replace(POST, accept=frozenset({409})))
    assert (reply.outcome, reply.seen["json"]) == (Outcome.APPLIED, {"exists": True})


BUSY = {"if": "reply.headers['x-state'] == 'busy'", "outcome": "throttled"}
NO_SUCH = {"if": "reply.status == 400", "outcome": "unknown_resource", "because": "no such card"}
REFUSED = {"if": "reply.json.result == false", "outcome": "rejected", "because": "=reply.json.why"}
ODD = {"if": "'oops' in reply.text", "outcome": "failed", "because": "=none"}


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (Scripted(200), Outcome.APPLIED, None),
        (Scripted(200, headers={"X-State": "busy"}), Outcome.THROTTLED, None),
        (Scripted(400), Outcome.UNKNOWN_RESOURCE, "no such card"),
        (Scripted(200, json={"result": False, "why": "taken"}), Outcome.REJECTED, "taken"),
        (Scripted(200, json={"result": False}), Outcome.REJECTED, None),
        (Scripted(200, json={"result": False, "why": ""}), Outcome.REJECTED, None),
        (Scripted(200, json={"result": False, "why": "x" * 501}), Outcome.REJECTED, "x" * 500),
        (Scripted(200, json={"oops": 1}), Outcome.FAILED, None),
        (Scripted(400, json={"result": False}), Outcome.UNKNOWN_RESOURCE, "no such card"),
        (Scripted(404, json={"result": False}), Outcome.REJECTED, None),
    ],
)
async def test_the_first_rule_that_matches_a_reply_decides(
    system: ScriptedServer, reply: Scripted, outcome: Outcome, reason: str | None
) -> None:
    system.default = reply
    found = await send_once(system.url, replies=(BUSY, NO_SUCH, REFUSED, ODD))
    assert (found.outcome, found.reason) == (outcome, reason)


async def test_a_reply_for_which_a_rule_cannot_be_computed_is_a_failure(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(json={"count": "many"})
    rule = {"if": "reply.json.count + 1 > 2", "outcome": "applied"}
    reply = await send_once(system.url, replies=(rule,))
    assert reply.outcome is Outcome.FAILED
    assert "mapping" in (reply.reason or "")


@pytest.mark.parametrize(
    "body", [b"<html>Log in</html>", b"\x00\xff", b'{"a":', b"[" * 200_000, b"NaN", b"ok"]
)
async def test_a_success_without_json_is_a_failure_unless_any_reply_is_allowed(
    system: ScriptedServer, body: bytes
) -> None:
    system.default = Scripted(body=body)
    reply = await send_once(system.url)
    assert (reply.outcome, reply.reason) == (Outcome.FAILED, "API Core's reply is not JSON")
    assert (await send_once(system.url, reply="any")).outcome is Outcome.APPLIED


@pytest.mark.parametrize("status", [200, 204])
async def test_a_success_with_an_empty_body_is_applied(system: ScriptedServer, status: int) -> None:
    system.default = Scripted(status, body=b"")
    reply = await send_once(system.url)
    assert (reply.outcome, reply.seen["json"]) == (Outcome.APPLIED, None)


async def test_an_error_page_that_is_not_json_is_judged_by_its_status(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(503, body=b"<html>Down for maintenance</html>")
    assert (await send_once(system.url)).outcome is Outcome.UNAVAILABLE


async def test_a_reply_of_more_than_one_megabyte_is_too_large(
    system: ScriptedServer,
) -> None:
    system.script(Scripted(body=b"1" * 1_000_000), Scripted(body=b"1" * 1_000_001))
    async with client(system.url, reply="any") as opened:
        assert len((await send(opened)).seen["text"]) == 1_000_000
        reply = await send(opened)
        assert (reply.outcome, reply.reason) == (Outcome.FAILED, "API Core's reply is too large")
        assert (await send(opened)).outcome is Outcome.APPLIED


async def test_a_compressed_reply_is_read(system: ScriptedServer) -> None:
    system.default = Scripted(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    assert (await send_once(system.url)).seen["json"] == {"a": 1}


async def test_a_reply_that_unpacks_to_more_than_a_megabyte_is_too_large(
    system: ScriptedServer,
) -> None:
    bomb = gzip.compress(b"0" * 100_000_000)
    assert len(bomb) < 200_000
    system.default = Scripted(body=bomb, headers={"Content-Encoding": "gzip"})
    reply = await send_once(system.url)
    assert (reply.outcome, reply.reason) == (Outcome.FAILED, "API Core's reply is too large")


@pytest.mark.parametrize("location", ["/elsewhere", "http://[bad", "gopher://x", "//x:99999"])
async def test_a_redirect_is_not_followed(system: ScriptedServer, location: str) -> None:
    system.script(Scripted(307, headers={"Location": location}))
    reply = await send_once(system.url, PUT)
    assert (reply.outcome, reply.status) == (Outcome.FAILED, 307)
    assert len(system.requests) == 1


async def test_cookies_are_not_kept_between_calls(system: ScriptedServer) -> None:
    system.default = Scripted(headers={"Set-Cookie": "session=1; Path=/"})
    async with client(system.url) as opened:
        await send(opened)
        await send(opened)
    assert [request.headers.get("cookie") for request in system.requests] == [None, None]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://nowhere.invalid"])
async def test_a_system_without_a_server_is_unavailable(url: str) -> None:
    reply = await send_once(url.format(port=free_port()))
    assert (reply.outcome, reply.status) == (Outcome.UNAVAILABLE, None)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        Scripted(drop=True),
        Scripted(raw=b""),
        Scripted(raw=HEAD),
        Scripted(raw=HEAD + b'Content-Length: 100\r\n\r\n{"a":'),
        Scripted(raw=HEAD + b"Content-Length: 900000\r\n\r\n" + b"1" * 300_000),
        Scripted(raw=HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{   "),
    ],
    ids=["reset", "closed", "cut in the headers", "cut", "cut late", "cut in a chunk"],
)
async def test_a_connection_lost_before_the_end_of_the_reply_is_an_outage(
    system: ScriptedServer, reply: Scripted
) -> None:
    system.default = reply
    assert (await send_once(system.url)).outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00" * 20,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X-Name: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"X: 1\r\n" * 60_000 + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: odd\r\n\r\n\x00\x01",
    ],
    ids="tls ssh status nul headers gzip chunk upgrade".split(),
)
async def test_a_malformed_reply_is_a_failure_that_names_the_reply(
    system: ScriptedServer, raw: bytes
) -> None:
    system.default = Scripted(raw=raw)
    reply = await send_once(system.url)
    assert (reply.outcome, reply.end) == (Outcome.FAILED, End.UNKNOWN)
    assert reply.reason
    assert reply.reason.startswith("API Core's reply ")
    assert len(system.requests) == 1


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=200), head=st.sampled_from([b"", HEAD, HEAD + b"\r\n"]))
async def test_a_call_ends_in_a_reply_for_any_received_bytes(
    system: ScriptedServer, raw: bytes, head: bytes
) -> None:
    system.default = Scripted(raw=head + raw)
    reply = await send_once(system.url, PUT, budget=0.3)
    assert isinstance(reply.outcome, Outcome)


@pytest.mark.parametrize(
    ("slow", "missing"),
    [(Scripted(delay=3), "reply"), (Scripted(body=b"1" * 100, drip=0.1), "end of the reply")],
    ids=["late", "dripping"],
)
@pytest.mark.parametrize(
    ("limit", "budget"), [("800ms", 60), ("30s", 0.8)], ids=["timeout", "budget"]
)
async def test_a_reply_that_takes_too_long_is_an_outage(
    system: ScriptedServer, slow: Scripted, missing: str, limit: str, budget: float
) -> None:
    system.default = slow
    started = time.monotonic()
    reply = await send_once(system.url, budget=budget, timeout=limit)
    assert reply.outcome is Outcome.UNAVAILABLE
    assert re.fullmatch(rf"no {missing} within 0\.\d+ s", reply.cause or "")
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "ftp://127.0.0.1", "nothing"])
def test_an_unusable_url_is_refused_at_start(url: str) -> None:
    with pytest.raises(BadSettings):
        client(url)


@pytest.mark.parametrize("timeout", ["soon", "0s", -1, True])
def test_an_unusable_timeout_is_refused_at_start(timeout: Any) -> None:
    with pytest.raises(BadSettings):
        client("http://127.0.0.1", timeout=timeout)


async def test_the_proxy_of_the_environment_is_used_except_for_no_proxy(
    system: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await send_once(system.url)
        assert [request.path for request in proxy.requests] == [f"{system.url}/prov"]
        assert not system.requests
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await send_once(system.url)
        assert (len(proxy.requests), len(system.requests)) == (1, 1)


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_server_with_a_self_signed_certificate_gets_no_request(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1".split()
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate)], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with ScriptedServer(tls) as server:
        assert asyncio.run(send_once(server.url)).outcome is Outcome.UNAVAILABLE
        assert not server.requests
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(server.url, verify=trusting, trust_env=False).status_code == 200
