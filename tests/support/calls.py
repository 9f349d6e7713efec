"""Calls to an external system over a socket, and the client that makes them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connector.call import Call
from connector.system import Reply, Turn
from connector.systems.http.call import HttpCall
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry

POST = HttpCall(
    "c", "POST", "/prov", path="/prov", content_type="application/json", body=b'{"a": 1}'
)
PUT = replace(POST, method="PUT", idempotent=True)


def http(call: Call | None) -> HttpCall:
    """A call that must be an HTTP request."""
    assert isinstance(call, HttpCall)
    return call


def client(
    url: str,
    *,
    replies: tuple[Mapping[str, Any], ...] = (),
    settings: Mapping[str, Any] | None = None,
    **http: Any,
) -> HttpSystem:
    """A client as a mapping with this `system` makes it; to be opened."""
    entry = HttpSystemEntry.model_validate(
        {"http": {"base_url": url, **http}, "replies": list(replies)}
    )
    return HttpSystem(entry, settings or {})


def turn_of(budget: float) -> Turn:
    """The turn of an event with `budget` seconds."""
    deadline = asyncio.get_running_loop().time() + budget
    return Turn(deadline, patience=deadline)


async def send(opened: HttpSystem, call: Call = POST, budget: float = 10) -> Reply:
    turn = turn_of(budget)
    try:
        return await opened.send(call, turn)
    finally:
        opened.leave(turn)


async def send_once(url: str, call: Call = POST, budget: float = 10, **system: Any) -> Reply:
    """Send a call with a client of its own."""
    async with client(url, **system) as opened:
        return await send(opened, call, budget)


def forget_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxies the machine has, the test has none."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
