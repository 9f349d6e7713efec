"""The credentials arrive at the external system, and nowhere else."""

import asyncio
import base64
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector.systems.http.protocol import PROTOCOL
from tests.support.calls import POST, PUT, client, send, send_once
from tests.support.scripted import Received, Scripted, ScriptedServer

SETTINGS = {"user": "nsps", "password": "p:ä€ 1", "token": "t0k.en-1/+=", "key": "k&y =1"}
BASIC = {"basic": {"username": "=settings.user", "password": "=settings.password"}}
BEARER = {"bearer": "=settings.token"}
KEY_IN_HEADER = {"api_key": {"header": "X-API-Key", "value": "=settings.token"}}
KEY_IN_QUERY = {"api_key": {"query": "apikey", "value": "=settings.key"}}
ALL = [BASIC, BEARER, KEY_IN_HEADER, KEY_IN_QUERY]
NAMES = ["basic", "bearer", "key in header", "key in query"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


async def received(system: ScriptedServer, auth: Any, **call: Any) -> Received:
    await send_once(system.url, replace(POST, **call), settings=SETTINGS, auth=auth)
    (request,) = system.requests
    return request


def query(request: Received) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(request.path).query, keep_blank_values=True)


async def test_without_auth_no_credentials_are_sent(system: ScriptedServer) -> None:
    request = await received(system, None)
    assert "authorization" not in request.headers
    assert query(request) == []


async def test_basic_sends_user_and_password_in_utf_8(system: ScriptedServer) -> None:
    kind, _, value = (await received(system, BASIC)).headers["authorization"].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(value).decode() == "nsps:p:ä€ 1"


async def test_bearer_sends_the_token(system: ScriptedServer) -> None:
    assert (await received(system, BEARER)).headers["authorization"] == "Bearer t0k.en-1/+="


async def test_an_api_key_goes_into_its_header(system: ScriptedServer) -> None:
    request = await received(system, KEY_IN_HEADER)
    assert request.headers["x-api-key"] == "t0k.en-1/+="
    assert "authorization" not in request.headers


async def test_an_api_key_is_added_to_the_calls_query(
    system: ScriptedServer,
) -> None:
    request = await received(system, KEY_IN_QUERY, query=(("q", "a+b c"), ("q", "2")))
    assert query(request) == [("q", "a+b c"), ("q", "2"), ("apikey", "k&y =1")]


@pytest.mark.parametrize("auth", ALL, ids=NAMES)
async def test_a_retry_has_the_same_credentials(system: ScriptedServer, auth: Any) -> None:
    system.script(Scripted(503))
    await send_once(system.url, PUT, settings=SETTINGS, auth=auth)
    first, second = system.requests
    assert first.path == second.path
    for name in ("authorization", "x-api-key"):
        assert first.headers.get(name) == second.headers.get(name)


@pytest.mark.parametrize("auth", ALL, ids=NAMES)
async def test_credentials_are_not_sent_to_the_target_of_a_redirect(
    system: ScriptedServer, auth: Any
) -> None:
    with ScriptedServer() as elsewhere:
        system.default = Scripted(302, headers={"Location": f"{elsewhere.url}/prov"})
        reply = await send_once(system.url, settings=SETTINGS, auth=auth)
        assert reply.outcome is Outcome.FAILED
        assert (len(system.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize("auth", ALL, ids=NAMES)
async def test_refused_credentials_are_not_tried_again(system: ScriptedServer, auth: Any) -> None:
    system.default = Scripted(401, headers={"WWW-Authenticate": 'Basic realm="hlr"'})
    async with client(system.url, settings=SETTINGS, auth=auth) as opened:
        reply = await send(opened, PUT)
    assert (reply.outcome, len(system.requests)) == (Outcome.FAILED, 1)


@pytest.mark.parametrize("auth", ALL, ids=NAMES)
async def test_no_reply_quotes_the_credentials(system: ScriptedServer, auth: Any) -> None:
    endings = [Scripted(401), Scripted(500), Scripted(drop=True), Scripted(raw=b"garbage\r\n")]
    system.script(*endings)
    async with client(system.url, settings=SETTINGS, auth=auth) as opened:
        replies = [await send(opened) for _ in endings]
    texts = " ".join(f"{reply.reason} {reply.cause} {reply!r}" for reply in replies)
    assert not [value for name, value in SETTINGS.items() if name != "user" and value in texts]
    assert not any(secret in texts for secret in ("k%26y", "dDBrLmVu", "p%3A"))


@pytest.mark.parametrize("token", ["to\r\nken", "to\x00ken"])
async def test_a_token_with_control_characters_is_not_sent(
    system: ScriptedServer, token: str
) -> None:
    reply = await send_once(system.url, settings={**SETTINGS, "token": token}, auth=BEARER)
    assert (reply.outcome, system.requests) == (Outcome.FAILED, [])
    assert token not in f"{reply.reason} {reply.cause}"


UNSENDABLE = ["\ufeffsecret", "se\u010dret", "se\ncret", "se\x7fcret", "\udcff", None]


@pytest.mark.parametrize("value", UNSENDABLE, ids=ascii)
@pytest.mark.parametrize(
    "http",
    [
        {"auth": BEARER},
        {"auth": KEY_IN_HEADER},
        {"headers": {"X-Key": "=settings.token"}},
        {"headers": {"X-Key": "key {{ settings.token }}"}},
    ],
    ids=["bearer", "key in header", "header", "text in header"],
)
def test_a_secret_that_no_header_can_carry_stops_the_start(http: Any, value: str | None) -> None:
    """Otherwise each event would fail. A rotated secret goes through the same check."""
    entry = HttpSystemEntry.model_validate({"http": {"base_url": "http://hlr", **http}})
    PROTOCOL.client(entry, {"token": "good"})
    with pytest.raises(BadSettings, match=r"^system\.http\.(auth|headers): ") as refused:
        PROTOCOL.client(entry, {"token": value})
    assert "cret" not in str(refused.value).replace("secret or", "")


def test_a_user_name_with_a_colon_stops_the_start() -> None:
    entry = HttpSystemEntry.model_validate({"http": {"base_url": "http://hlr", "auth": BASIC}})
    PROTOCOL.client(entry, SETTINGS)
    with pytest.raises(BadSettings, match="a user name without a colon"):
        PROTOCOL.client(entry, SETTINGS | {"user": "a:b"})


class SlowRenewal:
    """Finds newer credentials only after `seconds`."""

    generation = 1

    def __init__(self, settings: dict[str, Any], seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds

    async def renewed(self, since: int) -> bool:
        await asyncio.sleep(self._seconds)
        self._settings["token"] = "newer"
        return True


@pytest.mark.parametrize(
    ("budget", "outcome", "sent"),
    [
        (60, Outcome.APPLIED, ["Bearer older", "Bearer newer"]),
        (2, Outcome.FAILED, ["Bearer older"]),
    ],
    ids=["in time", "too late"],
)
async def test_slow_secrets_are_not_a_slow_system(
    system: ScriptedServer, budget: float, outcome: Outcome, sent: list[str]
) -> None:
    """The system has answered 401, so it is not unavailable, and the time was not its own."""
    system.script(Scripted(401))
    settings = {"token": "older"}
    http = {"base_url": system.url, "auth": BEARER, "timeout": 1, "reply": "any"}
    entry = HttpSystemEntry.model_validate({"http": http})
    renewal = SlowRenewal(settings, 1.2 if budget > 2 else 30)
    async with HttpSystem(entry, settings, renewal) as opened:
        reply = await send(opened, budget=budget)
    assert reply.outcome is outcome
    assert [request.headers["authorization"] for request in system.requests] == sent
