"""The same bytes for h11, aiohttp, curl and us: what two of them read, we read to the same reply.

The clients differ where a reply can be read in two ways. Then it is refused here, for one of the
reasons below. `make fuzz` tries many more replies.
"""

import gc
import json
from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.calls import POST, send_once
from tests.support.http_clients import Lab
from tests.support.odd_replies import (
    CHUNKED,
    DANGEROUS,
    LENGTH,
    OK,
    READ,
    OddReply,
    odd_replies,
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab
        gc.collect()  # an exception that nobody retrieved is reported when its task is deleted
        assert not lab.problems


@pytest.mark.parametrize("raw", READ.values(), ids=READ)
def test_a_reply_that_two_clients_read_is_read(lab: Lab, raw: bytes) -> None:
    readings = lab.read(raw)
    agreed = readings.agreed()
    assert agreed, f"no two clients read it: {readings}"
    assert readings.ours == agreed, readings.refusal


@pytest.mark.parametrize("raw", DANGEROUS.values(), ids=DANGEROUS)
def test_a_dangerous_reply_is_refused(lab: Lab, raw: bytes) -> None:
    readings = lab.read(raw)
    assert readings.ours is None
    assert readings.refusal.startswith("API Core")


# Why a reply is refused although two clients read it, and the bytes that it must then have.
EXCUSES = {
    "NUL": b"\0",
    "size of a chunk": b"\0",
    "line after its last chunk": b"\0",
    "status line": b"\0",
    "both Content-Length and Transfer-Encoding": b"content-length",
    "a blank before the colon of its Transfer-Encoding": b"transfer-encoding",
}


def excused(reply: OddReply, refusal: str) -> bool:
    """True if the reply is dangerous in the way that the refusal says."""
    if "cannot be unpacked" in refusal:
        return reply.content != reply.plain and reply.damaged
    lower = reply.raw.lower()
    return any(what in refusal and bytes_ in lower for what, bytes_ in EXCUSES.items())


@given(reply=odd_replies())
def test_any_reply_is_read_as_two_clients_read_it(lab: Lab, reply: OddReply) -> None:
    readings = lab.read(reply.raw)
    packed = reply.content if reply.content != reply.plain else None
    agreed = readings.agreed(packed)
    if agreed and readings.ours != agreed:
        assert readings.ours is None
        assert excused(reply, readings.refusal), (readings, agreed)
    assert not lab.problems


NOISE = st.lists(
    st.binary(max_size=60)
    | st.sampled_from([OK, CHUNKED, LENGTH, b"\r\n", b"0\r\n\r\n", b"\xff\xfe"])
).map(b"".join)
HEADERS = st.sampled_from(
    [
        b"Retry-After: 99999999999999999999\r\n",
        b"Retry-After: Fri, 31 Dec 99999999999999999999 23:59:59 GMT\r\n",
        b"Retry-After: Fri, 31 Dec 2026 23:59:59 +99999999999999999999\r\n",
        b"Retry-After: 1.5\r\nRetry-After: -1\r\nRetry-After:\r\n",
        b"Content-Type: text/xml; charset=hex\r\n",
        b"Content-Type: text/xml; charset=idna\r\n",
        b"Content-Type: text/xml; charset*=a'b'%%\r\n",
        b"Content-Type: a; charset=\xff\x01; charset\r\n",
        b"",
    ]
)
BODIES = st.sampled_from(
    [
        b'{"a": 1e999}',
        b"[" * 5000,
        b"1" * 5000,
        b'"\\ud800"',
        b"\xff\xfe\x00\xd8",
        b"\0a\0",
        b"<?xml version='1.0' encoding='undefined'?>",
        b"nan",
        b"\xef\xbb\xbf\xff",
    ]
)
STRANGE = st.builds(
    lambda header, body: OK + header + b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
    HEADERS | st.binary(max_size=20).map(lambda value: b"Retry-After: %b\r\n" % value),
    BODIES | st.binary(max_size=40),
)


@given(raw=NOISE | STRANGE | odd_replies().map(lambda reply: reply.raw))
def test_any_bytes_end_in_a_reply_and_in_no_exception(lab: Lab, raw: bytes) -> None:
    lab.raw = raw

    async def send() -> None:
        reply = await send_once(lab.url, POST, budget=0.05, reply="any")
        json.dumps(reply.seen).encode()
        assert reply.reason is None or "\0" not in reply.reason

    lab.run(send())
    assert not lab.problems
