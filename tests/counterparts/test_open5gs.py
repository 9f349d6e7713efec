"""The stand-in of Open5GS refuses what its web UI refuses; the mapping file works with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome
from connector_tools.counterparts.open5gs import SIMS, Open5gs
from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest
from tests.support.catalogue import served
from tests.support.events import event

IMSI, OTHER, THIRD = SIMS[:3]
UNKNOWN = "001019999999999"
NUMBER = "420700000001"
COLLECTION = "/api/db/Subscriber"
HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "%2F",
    "%2e%2e",
    "../Subscriber",
    "001010000000001/..",
    ";",
    "001010000000001;",
    "?x",
    "#",
    "00101000000000\x00",
    "'\"",
    "\N{ARABIC-INDIC DIGIT ONE}" * 15,
    "😀" * 15,
    "0" * 100_000,
    "*",
    '{"$ne":""}',
]


@pytest.fixture
def web_ui(tmp_path: Path) -> Open5gs:
    """The stand-in, which does not listen."""
    return Open5gs(tmp_path)


@pytest.fixture
def running(web_ui: Open5gs) -> Iterator[Open5gs]:
    """The stand-in, which listens."""
    with web_ui:
        yield web_ui


class Browser:
    """Logs in at the web UI and asks it, without a socket."""

    def __init__(self, web_ui: Open5gs) -> None:
        self.web_ui = web_ui
        self.headers: dict[str, str] = {}
        token = self.get("/api/auth/csrf")["csrfToken"]
        user = {"username": web_ui.sessions.username, "password": web_ui.sessions.password}
        self.headers["x-csrf-token"] = token
        assert self.ask("POST", "/api/auth/login", user).status == 302
        page = self.get("/api/auth/session")
        self.headers["x-csrf-token"] = page["csrfToken"]
        self.headers["authorization"] = f"Bearer {page['authToken']}"

    def get(self, path: str) -> Any:
        return self.ask("GET", path).body

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> HttpReply:
        content = b"" if body is None else json.dumps(body).encode()
        reply = self.web_ui.handle(HttpRequest(method, path, query, self.headers, content))
        if "Set-Cookie" in reply.headers:
            self.headers["cookie"] = reply.headers["Set-Cookie"].partition(";")[0]
        return reply


def updated(imsi: str = IMSI, **fields: Any) -> dict[str, Any]:
    """An event of a SIM; `fields` are those of the account."""
    return event(imsi=imsi, change={f"pb_data.account_info.{k}": v for k, v in fields.items()})


# The stand-in


@pytest.mark.parametrize("without", ["authorization", "cookie", "x-csrf-token"])
def test_a_write_without_one_of_the_three_proofs_is_refused(web_ui: Open5gs, without: str) -> None:
    browser = Browser(web_ui)
    del browser.headers[without]
    reply = browser.ask("DELETE", f"{COLLECTION}/{IMSI}")
    assert reply.status == (401 if without == "authorization" else 403)
    assert IMSI in web_ui.records.rows


def test_the_csrf_token_of_a_visitor_ends_with_the_login(web_ui: Open5gs) -> None:
    browser = Browser(web_ui)
    visitor = web_ui.handle(HttpRequest("GET", "/api/auth/csrf", {}, {}, b"")).body["csrfToken"]
    browser.headers["x-csrf-token"] = visitor
    assert browser.ask("PATCH", f"{COLLECTION}/{IMSI}", {"msisdn": []}).status == 403


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"msisdn": [{"number": NUMBER}]}, "CastError"),
        ({"subscriber_status": "barred"}, "CastError"),
        ({"ambr": 5}, "CastError"),
        ({"slice": [{"session": []}]}, "ValidationError"),
        ({"slice": [{"sst": 1, "session": [{"type": 3}]}]}, "ValidationError"),
        ([], "ValidationError"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_and_changes_nothing(
    web_ui: Open5gs, body: Any, name: str
) -> None:
    before = json.dumps(web_ui.records.rows[IMSI])
    reply = Browser(web_ui).ask("PATCH", f"{COLLECTION}/{IMSI}", body)
    assert (reply.status, reply.body) == (400, {"name": name})
    assert json.dumps(web_ui.records.rows[IMSI]) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_keeps_the_keys_drops_unknown_fields_and_marks_items(
    web_ui: Open5gs, method: str
) -> None:
    body = {"ambr": {"uplink": {"value": "5"}}, "title": "x", "slice": [{"sst": 1}], "imsi": OTHER}
    reply = Browser(web_ui).ask(method, f"{COLLECTION}/{IMSI}", body)
    assert reply.status == 200
    assert (reply.body["imsi"], reply.body["security"]["sqn"]) == (IMSI, 97)
    assert reply.body["ambr"] == {"uplink": {"value": 5}}
    assert "title" not in reply.body
    assert "_id" in reply.body["slice"][0]


def test_the_imsi_alone_is_unique_and_a_double_number_is_noted(web_ui: Open5gs) -> None:
    browser = Browser(web_ui)
    reply = browser.ask("POST", COLLECTION, {"imsi": IMSI})
    assert (reply.status, reply.body["code"]) == (400, 11000)
    for imsi in (IMSI, OTHER):
        reply = browser.ask("PATCH", f"{COLLECTION}/{imsi}", {"msisdn": [NUMBER]})
        assert reply.status == 200
    assert web_ui.wrong == ["two subscribers have one number"]


class Writer(Browser):
    """Writes numbers as the mapping file does."""

    def looks(self, imsi: str, old: str | None = None) -> None:
        query = {"msisdn": NUMBER, "imsi": {"$nin": [imsi, old or imsi]}}
        self.ask("GET", COLLECTION, query=json.dumps(query), select="imsi")

    def gives(self, imsi: str, *numbers: str) -> None:
        assert self.ask("PATCH", f"{COLLECTION}/{imsi}", {"msisdn": [*numbers]}).status == 200


def test_a_late_request_that_makes_a_double_for_a_moment_is_not_wrong(web_ui: Open5gs) -> None:
    writer = Writer(web_ui)
    writer.looks(IMSI)
    writer.looks(OTHER)
    writer.gives(OTHER, NUMBER)
    writer.looks(IMSI)  # which finds the other one, but the first request is still on its way
    writer.gives(IMSI, NUMBER)
    assert web_ui.wrong == []
    (note,) = web_ui.not_promised
    assert "for a moment" in note


def test_a_number_that_another_was_seen_to_have_is_wrong(web_ui: Open5gs) -> None:
    writer = Writer(web_ui)
    writer.gives(OTHER, NUMBER)
    writer.looks(IMSI)
    writer.gives(IMSI, NUMBER)
    assert web_ui.wrong == ["two subscribers have one number"]


def test_a_look_excuses_one_write_only(web_ui: Open5gs) -> None:
    writer = Writer(web_ui)
    writer.looks(IMSI)
    writer.gives(IMSI, NUMBER)
    writer.gives(IMSI)
    writer.gives(OTHER, NUMBER)
    writer.gives(IMSI, NUMBER)
    assert web_ui.wrong == ["two subscribers have one number"]


def test_a_swap_gives_the_number_up_before_the_new_sim_gets_it(web_ui: Open5gs) -> None:
    writer = Writer(web_ui)
    writer.gives(OTHER, NUMBER)
    writer.looks(IMSI, old=OTHER)
    writer.gives(OTHER)
    writer.gives(IMSI, NUMBER)
    assert web_ui.wrong == web_ui.not_promised == []
    writer.looks(OTHER, old=IMSI)
    writer.gives(OTHER, NUMBER)
    assert web_ui.wrong == ["two subscribers have one number"]


def test_a_query_finds_the_holders_of_a_number(web_ui: Open5gs) -> None:
    browser = Browser(web_ui)
    browser.ask("PATCH", f"{COLLECTION}/{IMSI}", {"msisdn": [NUMBER, "1"]})

    def found(query: Any) -> list[str]:
        asked = browser.ask("GET", COLLECTION, query=json.dumps(query), select="imsi")
        return [row["imsi"] for row in asked.body]

    assert found({"msisdn": NUMBER}) == [IMSI]
    assert found({"msisdn": "none"}) == []
    assert found({"msisdn": NUMBER, "imsi": {"$nin": [IMSI, OTHER]}}) == []
    assert found({"msisdn": NUMBER, "imsi": {"$ne": OTHER}}) == [IMSI]
    assert browser.ask("GET", COLLECTION, query="{").status == 400
    assert browser.ask("GET", COLLECTION, query='{"imsi": {"$where": "1"}}').status == 400


@pytest.mark.parametrize("path", [COLLECTION, f"{COLLECTION}/"])
def test_a_delete_of_the_collection_deletes_all_subscribers_and_is_noted(
    web_ui: Open5gs, path: str
) -> None:
    assert Browser(web_ui).ask("DELETE", path).status == 204
    assert web_ui.records.rows == {}
    assert web_ui.wrong == ["all subscribers were deleted"]


def test_keys_that_are_written_and_subscribers_that_are_created_are_noted(web_ui: Open5gs) -> None:
    browser = Browser(web_ui)
    browser.ask("PUT", f"{COLLECTION}/{IMSI}", {"security": {"sqn": 0}})
    browser.ask("POST", COLLECTION, {"imsi": UNKNOWN})
    assert web_ui.wrong == [
        "the keys of a subscriber were written",
        "a subscriber was created without its keys",
    ]


# The mapping file


async def test_a_subscriber_is_served_and_keeps_its_keys(running: Open5gs) -> None:
    keys = dict(running.records.rows[IMSI]["security"])
    async with served(running) as connector:
        result = await connector.handle(updated())
    assert result.outcome is Outcome.APPLIED
    assert running.holds() == {IMSI: {"served": True, "number": NUMBER, "product": "mobile-l"}}
    assert running.records.rows[IMSI]["security"] == keys
    assert (running.sessions.logins, running.sessions.logouts, running.wrong) == (1, 1, [])


async def test_two_events_at_once_that_give_one_number_make_no_double(running: Open5gs) -> None:
    async with served(running) as connector:
        events = [updated(imsi) for imsi in (IMSI, OTHER, THIRD)]
        results = await connector.burst(*events)
    assert sorted(result.outcome for result in results) == sorted(
        [Outcome.APPLIED, Outcome.FAILED, Outcome.FAILED]
    )
    assert len(running.holds()) == 1
    assert running.wrong == []


async def test_two_events_at_once_of_one_subscriber_are_both_applied(running: Open5gs) -> None:
    async with served(running) as connector:
        results = await connector.burst(updated(), updated(product_name="mobile-s"))
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert running.holds()[IMSI]["number"] == NUMBER


async def test_a_swap_frees_the_number_first_and_a_number_of_another_is_refused(
    running: Open5gs,
) -> None:
    async with served(running) as connector:
        await connector.handle(updated())
        swap = event("sim-replaced", change={"pb_data.sim_info.imsi": OTHER})
        assert (await connector.handle(swap)).outcome is Outcome.APPLIED
        refused = await connector.handle(updated(THIRD))
    assert refused.outcome is Outcome.FAILED
    assert "another subscriber of Open5GS has the number" in str(refused.reason)
    holds = running.holds()
    assert (holds[IMSI]["served"], holds[IMSI]["number"]) == (False, None)
    assert (holds[OTHER]["served"], holds[OTHER]["number"]) == (True, NUMBER)
    assert THIRD not in holds
    assert running.wrong == []


async def test_a_blocked_account_is_barred_while_another_has_its_number(running: Open5gs) -> None:
    async with served(running) as connector:
        await connector.handle(updated())
        running.records.rows[OTHER]["msisdn"] = [NUMBER]
        result = await connector.handle(updated(blocked=True))
    assert result.outcome is Outcome.FAILED
    assert running.holds()[IMSI]["served"] is False
    assert running.wrong == []


async def test_a_write_whose_reply_is_lost_is_read_again(running: Open5gs) -> None:
    before_the_write = [None] * 5  # a login of three requests, and two reads
    async with served(running) as connector:
        result = await connector.handle(updated(), [*before_the_write, "drop-after"])
    assert result.outcome is Outcome.APPLIED
    assert running.records.times("change") == {IMSI: 1}


async def test_sessions_that_end_are_begun_again_once(running: Open5gs) -> None:
    async with served(running) as connector:
        await connector.handle(updated())
        running.begin("logged-out")
        events = [updated(imsi, id=f"42070000100{imsi[-1]}@msisdn") for imsi in SIMS[:9]]
        results = await connector.burst(*events)
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert running.sessions.logins == 2


async def test_a_sim_without_keys_is_not_created(running: Open5gs) -> None:
    async with served(running) as connector:
        result = await connector.handle(updated(UNKNOWN))
    assert result.outcome is Outcome.UNKNOWN_RESOURCE
    assert UNKNOWN not in running.records.rows


async def test_a_deleted_sim_is_deleted_alone(running: Open5gs) -> None:
    async with served(running) as connector:
        result = await connector.handle(event("sim-deleted", imsi=IMSI))
    assert result.outcome is Outcome.APPLIED
    assert sorted(running.records.rows) == sorted(SIMS[1:])


@pytest.mark.parametrize("part", ["sim_info", "prev_sim_info"])
@pytest.mark.parametrize("kind", ["sim-deleted", "sim-updated", "sim-replaced", "sim-created"])
async def test_no_imsi_makes_the_path_of_the_collection(
    running: Open5gs, kind: str, part: str
) -> None:
    async with served(running) as connector:
        for imsi in HOSTILE:
            await connector.handle(event(kind, change={f"pb_data.{part}": {"imsi": imsi}}))
    good = {IMSI} if part == "prev_sim_info" and kind == "sim-deleted" else set()
    assert set(SIMS) - running.records.rows.keys() == good
    assert running.wrong == []


async def test_any_number_reaches_the_query_as_data_or_is_refused(running: Open5gs) -> None:
    async with served(running) as connector:
        for number in HOSTILE:
            for written in (number, f"{number}@msisdn"):
                result = await connector.handle(updated(id=written))
                assert result.outcome in (Outcome.INVALID, Outcome.APPLIED), number
                held = running.records.rows[IMSI]["msisdn"]
                assert all(one.isascii() and one.isdigit() and len(one) <= 15 for one in held)
    assert running.wrong == []
