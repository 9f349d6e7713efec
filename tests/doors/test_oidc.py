"""Push tokens: which are accepted, and what happens when Google's certificates cannot be fetched.

The server of certificates is real and listens on loopback. The clocks are those of the tests.
"""

import asyncio
import base64
import gzip
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from connector.doors.certificates import Certificates
from connector.doors.oidc import Signer
from connector.outcome import Outcome, Refusal
from tests.support.google_signer import ACCOUNT, AUDIENCE, GoogleSigner

NOW = int(time.time())
DAY = 86400
GOOGLE, STRANGER = GoogleSigner(), GoogleSigner("key-2")


class CertificateServer:
    """Answers each request with `body`; or not at all, while it `hangs`."""

    def __init__(self) -> None:
        self.body: bytes = json.dumps(GOOGLE.certificates).encode()
        self.status = "200 OK"
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.hanging = asyncio.Event()  # set when a request hangs
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.hangs:
            self.hanging.set()
            await reader.read()  # until the client gives up
        headers = {"Content-Length": len(self.body), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {it}" for name, it in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + self.body)
        writer.close()

    def serve(self, *signers: GoogleSigner) -> None:
        found = {name: pem for each in signers for name, pem in each.certificates.items()}
        self.body, self.status, self.hangs = json.dumps(found).encode(), "200 OK", False


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A signer that asks `server`; its clock stands still until a test moves it."""

    def __init__(self, server: CertificateServer) -> None:
        self.server = server
        self.clock = Clock()
        self.certificates = Certificates(server.url, self.clock, wait=10)
        self.signer = Signer(ACCOUNT, AUDIENCE, self.certificates, lambda: NOW)

    async def outcome(self, token: str) -> Outcome | None:
        """How the token is refused; None if it is accepted."""
        try:
            await self.signer.check(f"Bearer {token}")
        except Refusal as refusal:
            return refusal.result.outcome
        return None

    async def accepts(self, signer: GoogleSigner) -> bool:
        return await self.outcome(signer.token(iat=NOW, exp=NOW + 3600)) is None

    async def fetched(self) -> None:
        """Wait for the fetch that is under way."""
        if self.certificates._fetching:
            await self.certificates._fetching


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
async def server() -> AsyncIterator[CertificateServer]:
    made = CertificateServer()
    listening = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/certs"
    yield made
    listening.close()


@pytest.fixture
async def door(server: CertificateServer) -> AsyncIterator[Door]:
    made = Door(server)
    yield made
    if made.certificates._fetching:
        made.certificates._fetching.cancel()
        await asyncio.wait((made.certificates._fetching,))


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    return {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": NOW,
        "exp": NOW + 3600,
    } | changes


GOOD = claims()
HEADER = {"alg": "RS256", "kid": "key-1", "typ": "JWT"}
DEEP = b"[" * 3000 + b"]" * 3000


def unsigned(header: Any = HEADER, body: Any = GOOD) -> str:
    return f"{part(header)}.{part(body)}.{part(b'x' * 256)}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
CLAIMS = st.builds(lambda name, value: claims(**{name: value}), st.sampled_from([*claims()]), JSON)
HEADERS = st.builds(
    lambda name, value: HEADER | {name: value}, st.sampled_from(["alg", "kid", "crit"]), JSON
)
NEVER = (
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
    | st.text("abcAB019-_.=", max_size=60)
    | st.builds(unsigned, JSON | st.binary(max_size=40), st.just(GOOD))
    | st.builds(unsigned, st.just(HEADER), JSON | st.binary(max_size=40))
)
NEARLY = st.builds(unsigned, HEADERS, CLAIMS)


async def outcome_without_certificates(text: str) -> Outcome | None:
    """How a signer refuses a token: it is unavailable if it looks for the token's key."""
    certificates = Certificates("http://127.0.0.1:9/never")
    signer = Signer(ACCOUNT, AUDIENCE, certificates, lambda: NOW)
    try:
        await signer.check(f"Bearer {text}")
    except Refusal as refusal:
        outcome = refusal.result.outcome
        assert (outcome is Outcome.UNAVAILABLE) == (certificates._fetching is not None)
        return outcome
    return None


async def test_a_token_of_google_is_accepted(door: Door) -> None:
    assert await door.accepts(GOOGLE)
    assert await door.accepts(GOOGLE)
    assert door.server.asked == 1


@given(NEVER)
@example(unsigned(DEEP))
@example(unsigned(body=DEEP))
@example(unsigned(b'{"alg": "RS256", "kid": "key-1", "x": ' + DEEP[:2000] + DEEP[-2000:] + b"}"))
@example(unsigned(body=claims(iat="0")))
@example(unsigned(body=claims(exp=None)))
@example(unsigned(body=claims(exp=True)))
@example(unsigned(body=claims(iat=10**400)))
@example(unsigned(body=claims(aud=[AUDIENCE])))
@example(unsigned(HEADER | {"alg": "none"}))
@example(unsigned(HEADER | {"kid": ["key-1"]}))
@example(unsigned(HEADER | {"crit": ["b64"]}))
@example(unsigned(body=GOOD | {"long": "x" * 6000}))
@example(unsigned(body=b"\xff\xfe"))
@example("a.b.c")
@example("a.b.c" * 100_000)
@example("")
def test_any_text_as_a_token_is_unauthorized_and_causes_no_fetch(text: str) -> None:
    assert asyncio.run(outcome_without_certificates(text)) is Outcome.UNAUTHORIZED


@given(NEARLY)
def test_a_token_with_any_value_of_a_claim_is_refused(text: str) -> None:
    refused = (Outcome.UNAUTHORIZED, Outcome.UNAVAILABLE)
    assert asyncio.run(outcome_without_certificates(text)) in refused


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://else.test"},
        {"aud": [AUDIENCE]},
        {"email": "else@demo.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"iss": "https://else.test"},
        {"iss": None},
        {"iat": NOW - 7200, "exp": NOW - 11},
        {"iat": NOW + 11, "exp": NOW + 3600},
        {"exp": str(NOW + 3600)},
        {"exp": {}},
    ],
    ids=" ".join,
)
async def test_a_signed_token_that_says_something_else_is_refused_without_a_fetch(
    door: Door, changes: dict[str, Any]
) -> None:
    token = GOOGLE.token(**{"iat": NOW, "exp": NOW + 3600, **changes})
    assert await door.outcome(token) is Outcome.UNAUTHORIZED
    assert door.server.asked == 0


async def test_a_token_with_another_signature_is_refused(door: Door) -> None:
    forged = GoogleSigner().token(iat=NOW, exp=NOW + 3600)  # a key of its own, with Google's id
    assert await door.outcome(forged) is Outcome.UNAUTHORIZED
    signed, _, signature = GOOGLE.token(iat=NOW, exp=NOW + 3600).rpartition(".")
    assert await door.outcome(f"{signed}.{signature[:-20]}") is Outcome.UNAUTHORIZED
    changed = f"{signed.partition('.')[0]}.{part(claims(sub='else'))}.{signature}"
    assert await door.outcome(changed) is Outcome.UNAUTHORIZED


BAD_ANSWERS: dict[str, tuple[str, bytes]] = {
    "an empty object": ("200 OK", b"{}"),
    "no JSON": ("200 OK", b"<html>"),
    "deep JSON": ("200 OK", DEEP),
    "a list": ("200 OK", b"[1]"),
    "no certificates": ("200 OK", b'{"key-1": "abc", "key-2": 7}'),
    "a set of JWKs": ("200 OK", b'{"keys": [{"kid": "key-1"}]}'),
    "an error": ("500 Internal Server Error", json.dumps(STRANGER.certificates).encode()),
    "a redirect": ("302 Found", json.dumps(STRANGER.certificates).encode()),
    "too much": ("200 OK", b" " * 1_000_001),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=[*BAD_ANSWERS])
async def test_a_bad_answer_replaces_no_certificates(
    door: Door, answer: tuple[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    assert await door.accepts(GOOGLE)
    door.server.status, door.server.body = answer
    door.clock.now += 3600 + DAY - 120
    for asked in (2, 3):
        assert await door.accepts(GOOGLE)
        await door.fetched()
        assert door.server.asked == asked
        door.clock.now += 60
    assert caplog.text.count("certificates cannot be fetched") == 1


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=[*BAD_ANSWERS])
async def test_without_certificates_a_push_is_unavailable_and_soon_tried_again(
    door: Door, answer: tuple[str, bytes]
) -> None:
    door.server.status, door.server.body = answer
    token = GOOGLE.token(iat=NOW, exp=NOW + 3600)
    assert await door.outcome(token) is Outcome.UNAVAILABLE
    assert await door.outcome(token) is Outcome.UNAVAILABLE
    assert door.server.asked == 1, "the second push came too soon for another fetch"
    door.server.serve(GOOGLE)
    door.clock.now += 5
    assert await door.accepts(GOOGLE)


async def test_a_packed_answer_is_not_unpacked(door: Door) -> None:
    """A small answer can unpack to gigabytes, and the request does not allow a packed one."""
    door.server.body = gzip.compress(door.server.body)
    door.server.headers = {"Content-Encoding": "gzip"}
    assert await door.outcome(GOOGLE.token(iat=NOW, exp=NOW + 3600)) is Outcome.UNAVAILABLE


async def test_an_answer_with_one_good_certificate_is_used(door: Door) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name, today = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(today)
    made = builder.not_valid_after(today + timedelta(1)).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    found = {"key-0": pem, "key-3": "-----BEGIN CERTIFICATE-----\n!", **GOOGLE.certificates}
    door.server.body = json.dumps(found).encode()
    assert await door.accepts(GOOGLE)
    odd = unsigned(HEADER | {"kid": "key-0"})
    assert await door.outcome(odd) is Outcome.UNAUTHORIZED


async def test_pushes_with_a_known_key_do_not_wait_for_a_server_that_hangs(door: Door) -> None:
    assert await door.accepts(GOOGLE)
    door.server.hangs = True
    door.clock.now += 3600
    strangers = [asyncio.create_task(door.accepts(STRANGER)) for _ in range(20)]
    await door.server.hanging.wait()
    assert await asyncio.gather(*(door.accepts(GOOGLE) for _ in range(20))) == [True] * 20
    assert not any(stranger.done() for stranger in strangers)
    door.certificates._fetching.cancel()  # type: ignore[union-attr]  # as its time-out does
    assert await asyncio.gather(*strangers) == [False] * 20
    assert door.server.asked == 2


async def test_a_push_waits_a_while_for_the_first_certificates(server: CertificateServer) -> None:
    server.hangs = True
    door = Door(server)
    door.certificates = Certificates(server.url, door.clock, wait=0.01)
    door.signer = Signer(ACCOUNT, AUDIENCE, door.certificates, lambda: NOW)
    token = GOOGLE.token(iat=NOW, exp=NOW + 3600)
    assert await door.outcome(token) is Outcome.UNAVAILABLE
    assert door.certificates._fetching
    assert not door.certificates._fetching.done(), "the fetch goes on for the next push"
    door.certificates._fetching.cancel()
    await asyncio.wait((door.certificates._fetching,))


async def test_a_new_key_is_accepted_at_once_and_asked_for_once_a_minute(door: Door) -> None:
    assert await door.accepts(GOOGLE)
    door.clock.now += 59
    assert not await door.accepts(STRANGER)
    assert door.server.asked == 1
    door.server.serve(GOOGLE, STRANGER)
    door.clock.now += 1
    assert await door.accepts(STRANGER)
    assert await door.accepts(GOOGLE)
    assert door.server.asked == 2
    door.server.serve(STRANGER)
    door.clock.now += 3600
    await door.accepts(STRANGER)
    await door.fetched()
    assert not await door.accepts(GOOGLE), "Google has withdrawn this key"


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        ({}, 3600),
        ({"Cache-Control": "public, max-age=20000, must-revalidate"}, 20000),
        ({"Cache-Control": "MAX-AGE=20000", "Age": "15000"}, 5000),
        ({"Cache-Control": "max-age=20000", "Age": "soon"}, 20000),
        ({"Cache-Control": "s-max-age=1, max-age=7200"}, 7200),
        ({"Cache-Control": "max-age=100", "Age": "30000"}, 60),
        ({"Cache-Control": "no-store, max-age=0"}, 60),
        ({"Cache-Control": "max-age=99999999"}, DAY),
    ],
    ids=str,
)
async def test_certificates_are_fetched_again_when_their_answer_is_too_old(
    door: Door, headers: dict[str, str], fresh: int
) -> None:
    door.server.headers = headers
    assert await door.accepts(GOOGLE)
    door.clock.now += fresh - 1
    assert await door.accepts(GOOGLE)
    await door.fetched()
    assert door.server.asked == 1
    door.clock.now += 1
    assert await door.accepts(GOOGLE)
    await door.fetched()
    assert door.server.asked == 2


async def test_old_certificates_are_used_for_a_day(door: Door) -> None:
    assert await door.accepts(GOOGLE)
    door.server.status = "503 Service Unavailable"
    door.clock.now += 3600 + DAY - 1
    assert await door.accepts(GOOGLE)
    await door.fetched()
    door.clock.now += 61
    token = GOOGLE.token(iat=NOW, exp=NOW + 3600)
    assert await door.outcome(token) is Outcome.UNAVAILABLE
    door.server.serve(GOOGLE)
    door.clock.now += 60
    assert await door.accepts(GOOGLE)
