"""Replies as real systems send them, through the client: what they mean, and what is repeated."""

import asyncio
import gzip

import pytest

from connector.outcome import Outcome
from connector.system import End, Reply
from tests.support.calls import POST, PUT, client, forget_proxies, send, send_once
from tests.support.peer import Peer, replies
from tests.support.scripted import Scripted, ScriptedServer

HEAD = b"HTTP/1.1 200 OK\r\n"
CUT = HEAD + b'Content-Length: 100\r\n\r\n{"a": 1'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


def body(content: bytes, **headers: str) -> Scripted:
    return Scripted(
        body=content, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


JOSE = '{"name": "José"}'
DOCUMENTS = {
    "a byte order mark": body(b"\xef\xbb\xbf" + JOSE.encode()),
    "latin-1": body(JOSE.encode("latin-1"), Content_Type="application/json; charset=iso-8859-1"),
    "UTF-16": body(JOSE.encode("utf-16"), Content_Type="application/json"),
    "UTF-16 without a mark": body(JOSE.encode("utf-16-be"), Content_Type="application/json"),
    "UTF-32": body(JOSE.encode("utf-32-le"), Content_Type="application/json; charset=utf-8"),
    "a charset that is none": body(JOSE.encode(), Content_Type="application/json; charset=hex"),
    "a coding that is none": body(JOSE.encode(), Content_Encoding="UTF-8"),
    "members of gzip": body(
        gzip.compress(JOSE.encode()[:5]) + gzip.compress(JOSE.encode()[5:]), Content_Encoding="gzip"
    ),
    "a parameter of gzip": body(gzip.compress(JOSE.encode()), Content_Encoding='"gzip";q=1'),
}


@pytest.mark.parametrize("reply", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_json_is_read_in_its_charset_and_coding(
    system: ScriptedServer, reply: Scripted
) -> None:
    system.default = reply
    found = await send_once(system.url)
    assert (found.outcome, found.seen["json"]) == (Outcome.APPLIED, {"name": "José"})
    assert found.seen["text"] == JOSE


@pytest.mark.parametrize("blank", [b"", b" ", b"\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
async def test_a_body_of_blanks_is_an_empty_body(system: ScriptedServer, blank: bytes) -> None:
    system.default = body(blank, Content_Type="text/html")
    reply = await send_once(system.url)
    assert (reply.outcome, reply.seen["json"]) == (Outcome.APPLIED, None)


FAULT = '<?xml version="1.0" encoding="UTF-16"?><soap:Fault>no such subscriber</soap:Fault>'


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_a_soap_fault_is_found_in_every_unicode_encoding(
    system: ScriptedServer, charset: str
) -> None:
    system.default = body(FAULT.encode(charset), Content_Type="text/xml")
    rule = {"if": "'soap:Fault' in reply.text", "outcome": "failed"}
    reply = await send_once(system.url, replies=(rule,), reply="any")
    assert reply.outcome is Outcome.FAILED


async def test_a_second_header_of_a_name_is_joined_to_the_first(system: ScriptedServer) -> None:
    system.default = Scripted(
        raw=HEAD + b"X-Name: a\r\nSet-Cookie: k=1\r\nx-name: Jos\xe9\r\nSet-Cookie: l=2\r\n\r\n{}"
    )
    headers = (await send_once(system.url)).seen["headers"]
    assert (headers["x-name"], headers["set-cookie"]) == ("a, José", "k=1, l=2")


@pytest.mark.parametrize(
    "value", ["99999999999999999999", "Fri, 31 Dec 99999 23:59:59 GMT", "1.5", "-1", "", "x\x7f"]
)
async def test_a_retry_after_of_any_kind_beside_success_is_success(
    system: ScriptedServer, value: str
) -> None:
    system.default = Scripted(headers={"Retry-After": value})
    assert (await send_once(system.url)).outcome is Outcome.APPLIED


# Replies that cannot be used: the system did answer


UNUSABLE = {
    "NUL": (HEAD + b"X-Name: a\0\r\n\r\n", "its header X-Name has a NUL character"),
    "CR": (HEAD + b"X-Name: a\rb\r\n\r\n", "its header X-Name has a CR"),
    "name": (HEAD + b"A: 1\r\n(B): 2\r\n\r\n", "its header 2 has no name"),
    "lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "two different values"),
    "TLS": (b"\x15\x03\x03\0\2\2\x50", "a status line"),
    "br": (HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "is not supported"),
    "plain": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "is not in its"),
    "large": (HEAD + b"Content-Length: 1000001\r\n\r\n{}", "is too large"),
    "chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", "the size of a chunk"),
    "login page": (HEAD + b"Connection: close\r\n\r\n<html>", "is not JSON"),
}


@pytest.mark.parametrize(("raw", "reason"), UNUSABLE.values(), ids=UNUSABLE)
async def test_an_unusable_reply_is_a_failure_that_is_named_and_is_not_repeated(
    system: ScriptedServer, raw: bytes, reason: str
) -> None:
    system.default = Scripted(raw=raw)
    reply = await send_once(system.url, PUT)
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.FAILED, End.UNKNOWN, 1)
    assert reply.reason
    assert reason in reply.reason
    assert reply.status == (None if reason == "a status line" else 200)


async def test_a_cut_reply_is_repeated_only_if_the_call_is_safe_to_repeat(
    system: ScriptedServer,
) -> None:
    system.default = Scripted(raw=CUT)
    post, put = await send_once(system.url, POST), await send_once(system.url, PUT)
    assert (post.attempts, put.attempts) == (1, 3)
    assert (post.outcome, post.end, post.status) == (Outcome.UNAVAILABLE, End.UNKNOWN, 200)
    assert post.reason == "API Core: connection closed before the end of the reply"


@pytest.mark.parametrize("raw", [CUT, HEAD, b"HT", *(raw for raw, _ in UNUSABLE.values())])
async def test_a_reply_that_began_does_not_open_the_circuit(
    system: ScriptedServer, raw: bytes
) -> None:
    system.default = Scripted(raw=raw)
    async with client(system.url, breaker={"after": 1, "pause": "1m"}) as opened:
        for _ in range(3):
            assert (await send(opened)).attempts == 1
    assert len(system.requests) == 3


STALLED = [
    HEAD,
    HEAD + b"X: 1\r\n",
    CUT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1",
    HEAD + b"\r\n",
]
SILENT = [b"", b"HTTP/1.1 20", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 \r\nX: 1\r\n"]


async def twice_late(raw: bytes) -> tuple[Reply, Reply]:
    """The replies to two calls; the system sends these bytes and never ends its reply."""
    breaker = {"after": 1, "pause": "1m"}
    async with (
        Peer(replies(raw)) as peer,
        client(peer.url, breaker=breaker, timeout="1s") as opened,
    ):
        return await send(opened), await send(opened)


async def test_a_reply_that_stops_after_its_status_does_not_open_the_circuit() -> None:
    """The system is there; but it may still carry out the call, so that is not repeated."""
    for first, second in await asyncio.gather(*map(twice_late, STALLED)):
        assert (first.outcome, first.end, first.attempts) == (Outcome.UNAVAILABLE, End.PENDING, 1)
        assert (first.status, first.reason) == (200, "API Core: no end of the reply within 1 s")
        assert second.reason == first.reason


async def test_silence_until_the_timeout_opens_the_circuit() -> None:
    for first, second in await asyncio.gather(*map(twice_late, SILENT)):
        assert (first.status, first.reason) == (None, "API Core: no reply within 1 s")
        assert second.cause == "circuit open"


@pytest.mark.parametrize(
    "silent", [Scripted(raw=b""), Scripted(drop=True)], ids=["closed", "reset"]
)
async def test_a_connection_closed_without_a_byte_opens_the_circuit(
    system: ScriptedServer, silent: Scripted
) -> None:
    system.default = silent
    async with client(system.url, breaker={"after": 1, "pause": "1m"}) as opened:
        assert (await send(opened)).outcome is Outcome.UNAVAILABLE
        assert (await send(opened)).cause == "circuit open"
