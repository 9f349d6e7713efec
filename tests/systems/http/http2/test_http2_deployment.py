"""`http2: true` in a mapping file: what a deployment imports, refuses and sends."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from h2.errors import ErrorCodes

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from connector.systems.http.call import HttpCall
from connector_tools.program import Program, free_port
from tests.support import ROOT
from tests.support.calls import PUT, client, forget_proxies, send, send_once
from tests.support.certificates import Authority
from tests.support.http2_peer import Asked, Http2Peer
from tests.support.peer import Peer, replies

HTTP1 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
START = """
import sys, asyncio
{before}
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
entry = HttpSystemEntry.model_validate({{"http": {{"base_url": "http://a.test"{more}}}}})
async def start():
    async with HttpSystem(entry, {{}}):
        print([name for name in sys.modules if name in ("h2", "hpack", "hyperframe")])
        print([name for name in sys.modules if "http.http2" in name])
asyncio.run(start())
"""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


def started(before: str = "", more: str = "") -> subprocess.CompletedProcess[str]:
    code = START.format(before=before, more=more)
    return subprocess.run(  # noqa: PLW1510 - the test looks at its end
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )


def test_a_deployment_without_http2_imports_nothing_for_it() -> None:
    assert started().stdout.split("\n")[:2] == ["[]", "[]"]
    assert "hpack" in started(more=', "http2": True').stdout


def test_a_deployment_without_the_package_does_not_start_and_says_what_to_install() -> None:
    failed = started(before="sys.modules['h2'] = None", more=', "http2": True')
    assert failed.returncode == 1
    assert "system.http.http2: needs the package h2: install nsps-connector[http2]" in failed.stderr


async def test_http2_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    with pytest.raises(BadSettings, match="name the host in NO_PROXY"):
        async with client("http://udr.test", http2=True):
            pass
    monkeypatch.setenv("no_proxy", "udr.test")
    async with client("http://udr.test", http2=True):
        pass


async def test_a_call_has_its_outcome_as_over_http1() -> None:
    async def answer(asked: Asked) -> None:
        await asked.reply(404, body=b'{"error": "not here"}')

    async with Http2Peer(answer) as peer:
        reply = await send_once(peer.url, PUT, http2=True)
    assert reply.outcome is Outcome.UNKNOWN_RESOURCE
    assert reply.seen["json"] == {"error": "not here"}
    assert dict(peer.requests[0].headers)[b"user-agent"] == b"nsps-connector"
    assert bytes(peer.requests[0].body) == PUT.body


async def test_a_call_over_tls_asks_for_http2(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with Http2Peer(tls=context) as peer:
        tls = {"ca": authority.path.read_text()}
        reply = await send_once(peer.url, PUT, http2=True, tls=tls)
    assert reply.outcome is Outcome.APPLIED


async def test_a_request_that_was_refused_is_sent_again_even_if_it_must_not_be_repeated() -> None:
    async def refuse_once(asked: Asked) -> None:
        if len(peer.requests) == 1:
            asked.reset(ErrorCodes.REFUSED_STREAM)
        else:
            await asked.reply(201)

    async with Http2Peer(refuse_once) as peer:
        reply = await send_once(peer.url, http2=True)
    assert (reply.outcome, reply.status, reply.attempts) == (Outcome.APPLIED, 201, 2)
    assert not reply.unknown


async def test_a_lost_reply_is_an_unknown_end_and_is_not_repeated() -> None:
    async def lose(asked: Asked) -> None:
        asked.connection.transport.abort()

    async with Http2Peer(lose) as peer:
        reply = await send_once(peer.url, http2=True)
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.UNAVAILABLE, End.UNKNOWN, 1)


async def test_after_a_timeout_the_next_call_uses_another_connection() -> None:
    """A connection that the network forgot would let all calls time out for ever."""

    async def silent_at_first(asked: Asked) -> None:
        if len(peer.connections) > 1:
            await asked.reply()

    async with (
        Http2Peer(silent_at_first) as peer,
        client(peer.url, http2=True, timeout=0.3) as opened,
    ):
        late = await send(opened, PUT)
        assert (late.outcome, late.end) == (Outcome.UNAVAILABLE, End.PENDING)
        assert (await send(opened, PUT)).outcome is Outcome.APPLIED


async def test_a_system_that_speaks_http1_is_unavailable_and_the_reason_is_clear() -> None:
    async with Peer(replies(HTTP1)) as peer:
        reply = await send_once(peer.url, http2=True)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert reply.reason == "API Core: the system does not speak HTTP/2"


@contextmanager
def nghttpd(folder: Path, port: int) -> Iterator[None]:
    """A real server of nghttp2, which keeps a file and echoes what it gets."""
    if not shutil.which("nghttpd"):
        pytest.skip("nghttpd is not installed: apt-get install nghttp2-server")
    (folder / "card").write_text('{"id": 7}')
    options = ["--no-tls", "--address=127.0.0.1", f"--htdocs={folder}", "--echo-upload"]
    program = Program(["nghttpd", *options, str(port)], {}, log=folder / "log")
    program.start()
    try:
        program.wait_until(lambda: listens(port))
        yield
    finally:
        program.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_real_server_is_read_and_written_and_may_be_killed_between(tmp_path: Path) -> None:
    port = free_port()
    body = json.dumps({"text": "x" * 300_000}).encode()
    read = HttpCall("r", "GET", "/card", path="/card", idempotent=True)
    async with client(f"http://127.0.0.1:{port}", http2=True) as opened:
        with nghttpd(tmp_path, port):
            assert (await send(opened, read)).seen["json"] == {"id": 7}
            written = await send(opened, replace(PUT, path="/card", body=body))
            assert written.seen["text"].encode() == body
            found = await asyncio.gather(*(send(opened, read) for _ in range(250)))
            assert {reply.outcome for reply in found} == {Outcome.APPLIED}
        await asyncio.sleep(0.1)  # until the end of the connection has arrived
        down = await send(opened, read)
        assert (down.outcome, down.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
        with nghttpd(tmp_path, port):
            assert (await send(opened, read)).outcome is Outcome.APPLIED
