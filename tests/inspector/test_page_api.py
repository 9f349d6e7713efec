"""What the page sees, pins, edits and sends, with the embedded HLR as the system."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.mapping.load import load
from connector.mapping.protocol import PROTOCOLS
from connector.mapping.script import Script
from connector_tools.counterparts.catalogue import MAPPINGS
from connector_tools.counterparts.wtl_hlr_hss import WtlHlrHss
from connector_tools.inspector.journal import Journal
from connector_tools.inspector.observed_system import Deployed, ObservedSystem
from connector_tools.inspector.pins import Pins
from connector_tools.inspector.scripted import settings_of_tests
from connector_tools.mapping_tests import test_settings as made_up_settings
from tests.support import ROOT
from tests.support.events import event
from tests.support.inspector import Page, inspected

OWN = """\
name: own-system
summary: Tells a system of each subscriber.
settings:
  url: {env: OWN_URL, type: url}
  token: {secret: OWN_TOKEN}
system:
  http: {base_url: =settings.url, auth: {bearer: =settings.token}}
rules:
  - name: a subscriber changed
    on: SIM/Updated
    calls:
      - {id: found, get: "/cards/{{ sim.imsi }}"}
      - {put: "/cards/{{ sim.imsi }}", json: {plan: =found.json.plan}}
tests:
  - name: the plan is copied
    event: events/sim-updated.json
    system:
      GET /cards/*: {json: {plan: gold}}
      PUT /cards/*: {}
    calls:
      - {get: /cards/001010000000001}
      - {put: /cards/001010000000001, json: {plan: gold}}
    outcome: applied
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The WTL mapping in a folder that a test can write to."""
    shutil.copytree(ROOT / "mappings" / "events", tmp_path / "events")
    shutil.copy(ROOT / "mappings" / "wtl-hlr-hss.yaml", tmp_path)
    return tmp_path / "wtl-hlr-hss.yaml"


@pytest.fixture
def hlr(tmp_path: Path) -> Iterator[WtlHlrHss]:
    with WtlHlrHss(tmp_path) as running:
        yield running


@pytest.fixture
async def page(file: Path, hlr: WtlHlrHss) -> AsyncIterator[Page]:
    async with inspected(file, hlr) as opened:
        yield opened


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def test_an_event_is_shown_with_its_calls_and_the_answer(page: Page) -> None:
    answer = await page.send(event("sim-updated"))
    detail = await page.last()
    assert (answer.status_code, detail["status"], detail["outcome"]) == (202, 202, "applied")
    assert detail["answer"]["body"] == answer.json()
    [call] = detail["calls"]
    assert call["request"]["line"].startswith("POST http://127.0.0.1:")
    assert call["attempts"][0]["reply"]["body"] == '{"result": true}'
    assert (call["write"], call["pinned"]) == (True, False)
    assert detail["ledger"]["subjects"][0]["state"] == "applied"
    chosen = [rule["name"] for rule in detail["explained"]["rules"] if rule["chosen"]]
    assert chosen == ["a subscriber changed"]


async def test_a_refused_request_is_shown_as_one(page: Page) -> None:
    answer = await page.client.post("/process-event", content=b"{}")
    assert answer.status_code == 401
    [shown] = (await page.get("/events"))["events"]
    assert (shown["kind"], shown["outcome"], shown["status"]) == ("refused", "unauthorized", 401)


async def test_an_event_that_cannot_be_read_is_shown(page: Page) -> None:
    assert (await page.send(b'{"event_id": 7')).status_code == 422
    detail = await page.last()
    assert (detail["outcome"], detail["event"], detail["explained"]) == (
        "invalid",
        '{"event_id": 7',
        None,
    )


async def test_failures_are_grouped_by_their_reason(page: Page) -> None:
    await page.post("/pins", {"kind": "text", "body": '{"result": false, "error": "full"}'})
    for _ in range(3):
        await page.send(event("sim-updated"))
    [group] = (await page.get("/events"))["groups"]
    assert (group["outcome"], group["count"], group["events"]) == ("failed", 3, [1, 2, 3])


async def test_a_subscriber_is_found_by_the_real_number(page: Page) -> None:
    await page.send(event("sim-updated"))
    await page.send(b"{}")
    found = await page.get("/events?find=001010000000001")
    assert [one["n"] for one in found["events"]] == [1]


async def test_the_counterpart_shows_what_the_event_changed(page: Page) -> None:
    await page.post("/send", {"event": json.dumps(event("sim-updated"))})
    await page.desk.settled()
    records = (await page.get("/state"))["counterpart"]["records"]
    assert [(one["masked"], one["changed"]) for one in records] == [("***********0001", True)]
    revealed = await page.get("/counterpart?reveal=1")
    assert revealed["records"][0]["masked"] == "001010000000001"


# Personal data


async def test_personal_data_is_shown_only_if_it_is_revealed(page: Page) -> None:
    sent = event("sim-updated", imsi="001019876543210")
    sent["pb_data"]["account_info"] |= {"id": "999012345678@msisdn", "lastname": "Zvonimirova"}
    await page.send(sent)
    hidden = json.dumps([await page.last(), await page.get("/state"), await page.get("/events")])
    personal = ["001019876543210", "999012345678", "Zvonimirova"]
    assert [one for one in personal if one in hidden] == []
    revealed = await page.last(reveal=True)
    assert revealed["event"] == sent
    assert [one for one in personal[:2] if one not in json.dumps(revealed["calls"])] == []
    masked = await page.ask("GET", "/events/1/curl/0")
    assert "001019876543210" not in masked.text
    real = await page.ask("GET", "/events/1/curl/0?reveal=1")
    assert "001019876543210" in real.text
    assert '"$WTL_API_TOKEN"' in real.text


# Pins


async def pinned(page: Page, **pin: Any) -> Any:
    await page.post("/pins", pin)
    await page.send(event("sim-updated"))
    return await page.last()


async def test_a_pinned_status_is_judged_and_retried_as_a_real_one(page: Page) -> None:
    detail = await pinned(page, kind="status", status=503)
    attempts = detail["calls"][0]["attempts"]
    assert (detail["outcome"], detail["status"]) == ("unavailable", 503)
    assert [one["pinned"] for one in attempts] == [True] * 3
    assert {one["reply"]["status"] for one in attempts} == {503}


async def test_a_pin_for_one_attempt_leaves_the_retry_to_the_system(
    page: Page, hlr: WtlHlrHss
) -> None:
    detail = await pinned(page, kind="refused", times=1)
    assert detail["outcome"] == "applied"
    ends = [(one["end"], one["pinned"]) for one in detail["calls"][0]["attempts"]]
    assert ends[0][1] and ends[0][0].startswith("pinned: not sent")
    assert ends[1] == ("replied", False)
    assert (await page.get("/state"))["pins"] == []
    assert hlr.holds()


async def test_a_pinned_fault_in_a_200_names_the_line_that_judged_it(page: Page) -> None:
    detail = await pinned(page, kind="fault")
    judged = detail["calls"][0]["attempts"][0]["judged"]
    line = page.desk.text.splitlines()[judged["line"] - 1]
    assert detail["outcome"] == "failed"
    assert line.strip() == (
        "- if: reply.status == 200 and reply.json.result is not none and "
        "reply.json.result is not true"
    )


async def test_exists_already_is_what_the_tests_of_the_file_say(page: Page) -> None:
    await page.post("/pins", {"kind": "exists", "times": 1})
    body = event("sim-created")
    await page.send(body)
    detail = await page.last()
    assert detail["outcome"] == "applied"
    assert [call["attempts"][0]["pinned"] for call in detail["calls"]] == [True, False]
    assert detail["calls"][0]["attempts"][0]["reply"]["status"] == 409


async def test_a_pinned_time_out_ends_as_one_without_waiting_for_it(page: Page) -> None:
    detail = await pinned(page, kind="timeout")
    assert (detail["outcome"], len(detail["calls"][0]["attempts"])) == ("unavailable", 1)
    assert detail["calls"][0]["attempts"][0]["end"].startswith("pinned: no reply: no reply within")


async def test_a_closed_connection_is_retried_because_the_call_may_be(page: Page) -> None:
    detail = await pinned(page, kind="close")
    assert (detail["outcome"], len(detail["calls"][0]["attempts"])) == ("unavailable", 3)


async def test_a_pin_for_another_line_changes_nothing(page: Page) -> None:
    detail = await pinned(page, kind="status", status=500, line=1)
    assert detail["outcome"] == "applied"
    [pin] = (await page.get("/state"))["pins"]
    assert (await page.ask("DELETE", f"/pins/{pin['id']}")).status_code == 200
    assert (await page.ask("DELETE", f"/pins/{pin['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ({"kind": "explode"}, "`kind` must be one of"),
        ({"kind": "status"}, "`status` must be a number"),
        ({"kind": "timeout", "times": 0}, "`times` must be a number from 1"),
        ({"kind": "reply", "body": "{stauts: 1}"}, "`stauts`"),
    ],
)
async def test_a_pin_that_cannot_be_made_says_why(page: Page, pin: Any, said: str) -> None:
    assert said in (await page.post("/pins", pin, status=422))["error"]


# The plan, and the file


async def test_the_plan_of_an_edited_event_and_file_sends_nothing(
    page: Page, hlr: WtlHlrHss
) -> None:
    text = page.desk.text.replace("serviceGranted' if", "granted' if")
    plan = await page.post("/plan", {"event": json.dumps(event("sim-updated")), "mapping": text})
    assert '"granted"' in plan["calls"][0]["request"]["body"]
    assert (await page.get("/events"))["events"] == []
    assert hlr.holds() == {}


async def test_a_plan_of_something_else_says_what_is_wrong(page: Page) -> None:
    told = await page.post("/plan", {"event": "{}"}, status=422)
    assert "event_id" in told["error"]
    told = await page.post("/plan", {"event": "{}", "mapping": "name: 7"}, status=422)
    assert told["problems"]


async def test_a_saved_file_serves_the_next_event(page: Page, file: Path) -> None:
    known = (await page.get("/state"))["mapping"]["digest"]
    text = page.desk.text.replace("serviceGranted' if", "granted' if")
    saved = await page.ask("PUT", "/mapping", {"text": text, "digest": known})
    assert saved.status_code == 200, saved.text
    assert text_of(file) == text
    await page.send(event("sim-updated"))
    assert '"granted"' in (await page.last())["calls"][0]["request"]["body"]


async def test_a_file_with_errors_is_not_saved(page: Page, file: Path) -> None:
    before = text_of(file)
    known = (await page.get("/state"))["mapping"]["digest"]
    wrong = before.replace("account.bill_status == 'open'", "acount.bill_status == 'open'")
    told = await page.ask("PUT", "/mapping", {"text": wrong, "digest": known})
    assert told.status_code == 422
    [problem] = [one for one in told.json()["problems"] if one["severity"] == "error"]
    assert (problem["code"], problem["length"]) == ("unknown-name", len("acount"))
    assert text_of(file) == before


async def test_a_file_that_was_changed_on_disk_is_not_overwritten(page: Page, file: Path) -> None:
    known = (await page.get("/state"))["mapping"]["digest"]
    mine = text_of(file) + "# mine\n"
    await asyncio.to_thread(file.write_text, mine, encoding="utf-8")
    told = await page.ask("PUT", "/mapping", {"text": page.desk.text, "digest": known})
    assert (told.status_code, "changed on disk" in told.json()["error"]) == (409, True)
    assert text_of(file) == mine


async def news(page: Page, wanted: str, act: Any) -> Any:
    """The next message of this name in the stream after `act`."""
    async with page.client.stream("GET", "/api/stream") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        await act()
        async with asyncio.timeout(30):
            async for line in lines:
                if line == f"event: {wanted}":
                    return json.loads((await anext(lines)).removeprefix("data: "))
    raise AssertionError("the stream ended")


async def test_the_stream_tells_of_an_event(page: Page) -> None:
    told = await news(page, "event", lambda: page.send(event("sim-updated")))
    assert (told["n"], told["outcome"]) == (1, "applied")


async def test_other_pages_are_told_that_a_history_is_open(page: Page) -> None:
    await page.send(event("sim-updated"))
    record = (await page.last())["result"]
    told = await news(page, "source", lambda: page.ask("POST", "/history", record))
    assert told == {"source": "history"}
    told = await news(page, "source", lambda: page.ask("DELETE", "/history"))
    assert told == {"source": "live"}


async def test_accounts_are_told_apart_in_the_list() -> None:
    """The id of an account is no personal data, and the event shows it too."""
    async with inspected(ROOT / "mappings" / "crm-odoo.yaml") as page:
        await page.send(event("subscriber-created"))
        [listed] = (await page.get("/events"))["events"]
        assert (await page.get("/state"))["curl"] is True
    assert listed["masked"] == "i_account:277147"


async def test_a_change_on_disk_is_served_and_told_with_what_differs(
    page: Page, file: Path
) -> None:
    await page.send(event("sim-updated"))
    text = page.desk.text.replace("serviceGranted' if", "granted' if")

    async def edit() -> None:
        await asyncio.to_thread(file.write_text, text, encoding="utf-8")

    told = await news(page, "mapping", edit)
    assert told["digest"] != ""
    assert any('"granted"' in line for line in told["changes"]), told["changes"]
    await page.send(event("sim-updated"))
    assert '"granted"' in (await page.last())["calls"][0]["request"]["body"]


async def test_a_broken_file_keeps_the_old_one_serving(page: Page, file: Path) -> None:
    async def break_it() -> None:
        await asyncio.to_thread(file.write_text, "name: 7", encoding="utf-8")

    told = await news(page, "mapping", break_it)
    assert told["problems"]
    assert told["changes"] == []
    assert (await page.send(event("sim-updated"))).status_code == 202


async def test_the_page_opens_while_the_file_is_broken(page: Page, file: Path) -> None:
    async def break_it() -> None:
        await asyncio.to_thread(file.write_text, "name: 7", encoding="utf-8")

    await news(page, "mapping", break_it)
    state = await page.get("/state")
    assert state["mapping"]["problems"]
    assert json.loads(state["example"])["data"]["event_type"]


async def test_a_file_without_a_counterpart_gets_the_replies_of_its_tests(file: Path) -> None:
    own = file.parent / "own-system.yaml"
    own.write_text(OWN, encoding="utf-8")
    async with inspected(own) as page:
        await page.send(event("sim-updated"))
        detail = await page.last()
        state = await page.get("/state")
    assert detail["outcome"] == "applied", detail["reason"]
    assert '"plan": "gold"' in detail["calls"][1]["request"]["body"]
    assert (state["counterpart"], state["system"]) == (None, "replies of the file's tests")
    cut = {one["id"]: one["enabled"] for one in state["life"]}
    assert (cut["create"], cut["outage"]) == (True, False)


async def test_only_the_last_events_are_kept() -> None:
    journal = Journal(lambda event: None, most=2)
    for _ in range(3):
        journal.end(journal.begin(b"{}"))
    assert [event.n for event in journal] == [2, 3]
    assert journal.get(1) is None


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_every_protocol_has_a_guard_to_watch(name: str) -> None:
    """The guard is found by its name in the client, so a client without one must not pass."""
    file = next(path for path in MAPPINGS.glob("*.yaml") if load(path).protocol.name == name)
    mapping = load(file)
    values = made_up_settings(mapping, settings_of_tests(mapping))
    client = mapping.protocol.scripted(
        mapping.system, values, Script(mapping.protocol.scripted_reply())
    )
    deployed = Deployed(mapping, values, values)
    ObservedSystem(client, client, deployed, Pins())
