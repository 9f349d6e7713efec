"""Hostile values of an event over HTTP/2: they arrive as data or are refused, as over HTTP/1.1."""

import json
from pathlib import Path

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import Pipeline
from tests.support.events import event
from tests.support.http2_peer import Asked, Http2Peer
from tests.support.scripted import Received
from tests.systems.http.test_hostile_values import HOSTILE, MAPPING, PLACES, TOKEN, arrived

NAMES = {":method", ":scheme", ":authority", ":path", "content-length", "authorization"}
USUAL = {"user-agent", "accept-encoding", "content-type"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def received(asked: Asked) -> Received:
    headers = {name.decode(): value.decode() for name, value in asked.headers}
    assert headers.keys() <= NAMES | USUAL | {"x-value"}
    assert len(headers) == len(asked.headers)
    return Received(headers[":method"], headers[":path"], headers, bytes(asked.body), 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_value_arrives_as_data_or_is_refused(
    place: str, name: str, tmp_path: Path
) -> None:
    (path, rest), file = PLACES[place], tmp_path / "places.yaml"
    posted = json.dumps(event(change={"data.variables": {"value": HOSTILE[name]}})).encode()
    async with Http2Peer() as peer:
        text = MAPPING.format(url=peer.url, path=path, rest=rest)
        file.write_text(text.replace("  http: {", "  http: {http2: true, "), encoding="utf-8")
        mapping = load(file)
        async with mapping.protocol.client(mapping.system, {"token": TOKEN}) as client:
            result = await Pipeline(mapping, {"token": TOKEN}, MemoryLedger(), client, 5).handle(
                posted
            )
    if not peer.requests:
        assert result.outcome is Outcome.INVALID, result
        return
    assert result.outcome is Outcome.APPLIED
    (asked,) = peer.requests
    wanted = HOSTILE[name].strip() if place == "header" else HOSTILE[name]
    assert {found == wanted for found in arrived(place, received(asked))} == {True}
