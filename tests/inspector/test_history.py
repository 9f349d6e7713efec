"""An exported log on the page: read-only, and unmasked only by who knows the number and the key."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.log import subject_hash
from connector.pipeline import hash_key
from connector_tools.inspector.app import application
from connector_tools.inspector.history import History, NoHistory
from connector_tools.inspector.serve import server
from connector_tools.records.keys import HashKeys
from tests.support import ROOT
from tests.support.events import event
from tests.support.inspector import KEY, inspected
from tests.tools.records.lines import line

FILE = ROOT / "mappings" / "wtl-hlr-hss.yaml"
IMSI, SECRET = "001010000000001", "hash-key-of-the-function"
HASH = subject_hash(hash_key(SECRET), f"imsi:{IMSI}")


def log(*lines: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO("\n".join(map(json.dumps, lines)).encode())


def settled(second: float, outcome: str, status: int, **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"outcome": outcome, "status": status, "event_type": "SIM/Updated"}
    usual |= {"subject": ["imsi:***********0001"], "subject_hash": [HASH]}
    return line(second, rule="a subscriber changed", **usual, **more)


LINES = (
    settled(1, "unavailable", 503, event_id="a", reason="API Core: no reply within 2 s"),
    settled(
        2,
        "applied",
        202,
        event_id="a",
        milliseconds=12.5,
        calls=[{"method": "POST", "target": "/prov", "status": 200, "outcome": "applied"}],
    ),
    line(3, "request refused", outcome="unauthorized", status=401, method="POST"),
    line(4, "health asked"),
)


@asynccontextmanager
async def shown(history: History) -> AsyncIterator[httpx.AsyncClient]:
    web = server(application(None, KEY, history), 0)
    serving = asyncio.create_task(web.serve())
    try:
        while not web.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}"
        headers = {"X-Inspector-Key": KEY}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            yield client
    finally:
        web.should_exit = True
        await serving


def key() -> HashKeys:
    return HashKeys((hash_key(SECRET),), "HASH_KEY of a test")


async def test_the_records_of_events_are_shown_in_time_order() -> None:
    async with shown(History(FILE, log(*LINES[::-1]), None)) as client:
        found = (await client.get("/api/events")).json()
        detail = (await client.get("/api/events/2")).json()
        state = (await client.get("/api/state")).json()
    outcomes = [(one["n"], one["outcome"], one["kind"]) for one in found["events"]]
    assert outcomes == [
        (1, "unavailable", "event"),
        (2, "applied", "event"),
        (3, "unauthorized", "refused"),
    ]
    assert [group["outcome"] for group in found["groups"]] == ["unavailable", "unauthorized"]
    assert (detail["calls"][0]["request"]["line"], detail["replays"]) == ("POST /prov", [1])
    chosen = [rule["line"] for rule in detail["explained"]["rules"] if rule["chosen"]]
    assert FILE.read_text(encoding="utf-8").splitlines()[chosen[0] - 1].strip() == (
        "- name: a subscriber changed"
    )
    assert (state["readonly"], state["source"], state["life"]) == (True, "history", [])


async def test_a_call_without_a_status_was_answered_if_it_was_applied() -> None:
    calls = [
        {"method": "SEARCH", "target": "imsi={}", "status": None, "outcome": outcome}
        for outcome in ("applied", "unavailable")
    ]
    record = settled(1, "unavailable", 503, event_id="a", calls=calls)
    async with shown(History(FILE, log(record), None)) as client:
        found = (await client.get("/api/events/1")).json()["calls"]
    assert [call["attempts"][0]["end"] for call in found] == ["replied", "no reply"]


async def test_nothing_can_be_changed_or_sent() -> None:
    async with shown(History(FILE, log(*LINES), None)) as client:
        for method, path in (
            ("POST", "/api/send"),
            ("POST", "/api/pins"),
            ("PUT", "/api/mapping"),
            ("POST", "/api/life/create"),
            ("POST", "/api/tests"),
            ("DELETE", "/api/history"),
        ):
            answer = await client.request(method, path, content="{}")
            assert answer.status_code == 409, path
        assert (await client.post("/process-event", content="{}")).status_code == 404


async def test_with_the_key_a_typed_number_finds_and_names_the_subscriber() -> None:
    async with shown(History(FILE, log(*LINES), key())) as client:
        found = (await client.get("/api/events", params={"find": IMSI})).json()["events"]
        other = (await client.get("/api/events", params={"find": "001010000000002"})).json()
        unasked = (await client.get("/api/events")).text
    assert [(one["n"], one["masked"]) for one in found] == [(1, IMSI), (2, IMSI)]
    assert other["events"] == []
    assert IMSI not in unasked


async def test_without_the_key_a_number_finds_nothing_and_the_page_says_why() -> None:
    async with shown(History(FILE, log(*LINES), None)) as client:
        found = (await client.get("/api/events", params={"find": IMSI})).json()["events"]
        state = (await client.get("/api/state")).json()
    assert found == []
    assert "set HASH_KEY" in state["unmasking"]


async def test_only_the_newest_records_are_kept_and_the_page_says_how_many_are_not() -> None:
    many = [settled(number, "applied", 202, event_id=str(number)) for number in range(1002)]
    async with shown(History(FILE, log(*many), None)) as client:
        found = (await client.get("/api/events")).json()["events"]
        state = (await client.get("/api/state")).json()
    assert (len(found), found[0]["event_id"], state["left_out"]) == (1000, "2", 2)


def test_a_file_without_records_is_refused() -> None:
    with pytest.raises(NoHistory, match="no record of a connector"):
        History(FILE, log({"hello": 1}), None)


async def test_a_live_page_opens_a_history_and_closes_it() -> None:
    async with inspected(FILE) as page:
        headers = {"X-Inspector-Key": KEY}
        opened = await page.client.post("/api/history", content=log(*LINES).read(), headers=headers)
        assert (opened.status_code, opened.json()["source"]) == (200, "history")
        assert (await page.ask("POST", "/send", {"event": "{}"})).status_code == 409
        closed = await page.ask("DELETE", "/history")
        assert closed.json()["source"] == "live"
        assert (await page.ask("POST", "/history")).status_code == 422
        await page.post("/send", {"event": json.dumps(event("sim-updated"))})


def test_the_file_is_not_changed(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("name: [", encoding="utf-8")
    state = History(own, log(*LINES), None).state()
    assert (state["name"], state["mapping"]["problems"][0]["code"]) == ("c", "yaml")
