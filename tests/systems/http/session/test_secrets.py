"""No token, cookie, assertion or password of a login is ever shown, whatever the system does."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome
from tests.support.logins import RULE, mapping, opened
from tests.support.peer import Arrived, Peer

TOKENS = {
    "token": "t0k3n-of-the-session",
    "csrf": "csrf+t0k3n/of=the==session",
    "cookie": "c00kie-of-the-session",
    "password": "p4ssword-of-the-connector",
}
HTTP = """\
auth:
  login:
    expired_when: reply.text | element('fault') == 'ended'
    requests:
      - get: /csrf
        take: {csrf: =reply.json.csrf}
        example: {json: {csrf: example}}
      - post: /login
        headers: {X-CSRF: =session.csrf}
        json: {password: =settings.password}
        take: {token: =reply.json.token, sid: "=reply.cookies['sid']"}
        example: {headers: {Set-Cookie: sid=example}, json: {token: example}}
    logout: {post: /logout, json: {token: =session.token}}
headers: {Authorization: "Bearer {{ session.token }}", X-CSRF: =session.csrf}
"""
QUOTING = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls:
    - {id: made, post: /cards, idempotent: false, json: {sid: =session.sid, imsi: =sim.imsi}}
    - put: /cards/{{ made.json.id }}
      json: {token: =session.token}
      replies: [{if: reply.status == 418, outcome: failed, because: =made.json.note}]
"""
REPLIES = """\
replies:
  - {if: reply.status == 409, outcome: rejected, because: =reply.json.error}
  - {if: reply.status == 410, outcome: failed, because: "{{ reply.text }}"}
"""
QUOTE = " ".join(f"{name} is {text}" for name, text in TOKENS.items())
LATER = "c00kie-that-came-later"


def reply(status: int, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def quoted(status: int) -> bytes:
    """A reply that quotes all that the system knows."""
    quote = f"{QUOTE} {LATER}"
    document = {"error": quote, "note": quote, "id": TOKENS["token"]}
    return reply(
        status, json.dumps(document).encode(), f"X-Note: {quote}", f"Set-Cookie: b={LATER}"
    )


def in_plain(status: int) -> bytes:
    return reply(status, QUOTE.encode())


async def answer(arrived: Arrived, given: bytes) -> None:
    await arrived.reply(given)
    if given == SHORT:
        await arrived.close()


class Talkative:
    """Answers the login, and to all else what a test says."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, arrived: Arrived) -> None:
        path = arrived.head.split()[1].decode()
        self.asked.append(path)
        if path == "/csrf":
            await arrived.reply(reply(200, json.dumps({"csrf": TOKENS["csrf"]}).encode()))
        elif path == "/login":
            document = {"token": TOKENS["token"], "password": TOKENS["password"]}
            cookie = f"Set-Cookie: sid={TOKENS['cookie']}; Path=/"
            await arrived.reply(reply(200, json.dumps(document).encode(), cookie))
        else:
            await answer(arrived, self.answers.pop(0) if self.answers else quoted(200))


SHORT = reply(200, QUOTE.encode()).replace(b"Content-Length: ", b"Content-Length: 9")
GARBAGE = f"HTTP/1.1 {QUOTE}\r\n{QUOTE}\r\n\r\n".encode()
ERRORS: dict[str, list[bytes]] = {
    **{str(status): [quoted(status)] for status in (400, 403, 404, 409, 410, 418, 422, 429)},
    **{f"{status} in plain text": [in_plain(status)] for status in (200, 409, 410, 500, 503)},
    "always 401": [quoted(401)] * 8,
    "ended in a 200": [reply(200, f"<fault>ended</fault><!-- {QUOTE} -->".encode())],
    "garbage": [GARBAGE],
    "cut": [SHORT],
    "second call 418": [quoted(200), quoted(418)],
    "second call 500": [quoted(200), in_plain(500)],
    "all is well": [],
}


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    peers: list[Peer] = []

    async def start(talkative: Talkative) -> str:
        peers.append(await Peer(talkative).__aenter__())
        return peers[-1].url

    yield start
    for peer in peers:
        await peer.__aexit__(None, None, None)


@pytest.mark.parametrize("answers", ERRORS.values(), ids=ERRORS)
async def test_no_error_shows_what_a_login_gave(
    tmp_path: Path, serve: Callable[..., Any], answers: list[bytes]
) -> None:
    talkative = Talkative(*answers)
    url = await serve(talkative)
    async with opened(mapping(tmp_path, HTTP, QUOTING, REPLIES), {"url": url}) as served:
        await served.handle()
    assert "/cards" in talkative.asked
    assert served.shown([*TOKENS.values(), LATER]) == []
    assert served.shown(["csrf%2Bt0k3n", "csrf\\u002bt0k3n"]) == []
    of_the_session = [text for name, text in TOKENS.items() if name != "password"]
    assert not [text for text in of_the_session if text in "".join(served.records)]


LOGIN_ERRORS = {
    **{str(status): quoted(status) for status in (200, 400, 401, 403, 404, 429, 500, 503)},
    "plain": in_plain(200),
    "garbage": GARBAGE,
    "cut": SHORT,
}


@pytest.mark.parametrize("refusal", LOGIN_ERRORS.values(), ids=LOGIN_ERRORS)
async def test_no_login_that_fails_shows_what_the_system_said(
    tmp_path: Path, serve: Callable[..., Any], refusal: bytes
) -> None:
    async def refuse(arrived: Arrived) -> None:
        await answer(arrived, refusal)

    url = await serve(refuse)
    async with opened(mapping(tmp_path, HTTP, RULE), {"url": url}) as served:
        result = await served.handle()
    assert result.outcome not in (Outcome.APPLIED, Outcome.INVALID)
    assert served.shown(TOKENS.values()) == []


async def test_a_traceback_does_not_show_a_token(
    tmp_path: Path, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    talkative = Talkative(quoted(200), quoted(200))
    made = mapping(tmp_path, HTTP, QUOTING, REPLIES)
    async with opened(made, {"url": await serve(talkative)}) as served:
        await served.handle(1)

        async def broken(*_: object) -> None:
            raise RuntimeError(QUOTE)

        monkeypatch.setattr(served.pipeline.ledger, "settle", broken)
        result = await served.handle(2)
    assert result.outcome is Outcome.FAILED
    assert [line for line in served.lines if "exception" in line]
    assert served.shown(TOKENS.values()) == []
