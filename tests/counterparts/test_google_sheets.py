"""The Sheets stand-in refuses what Google refuses, and an event never has two rows."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.outcome import Outcome
from connector.systems.http.session.signer import signed
from connector_tools.counterparts.google_sheets import GoogleSheets
from connector_tools.counterparts.rules.spreadsheet import Formula
from connector_tools.made_up_key import new_key
from tests.support.catalogue import served
from tests.support.dropping import dropping
from tests.support.events import event
from tests.support.watched import ending, watch

APPEND = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS"}

DIRECT: dict[str, Any] = {"trust_env": False, "verify": False}  # no certificates are loaded


@pytest.fixture
def sheets(tmp_path: Path) -> Iterator[GoogleSheets]:
    with GoogleSheets(tmp_path) as started:
        yield started


class User:
    """Calls the Sheets API as a client does."""

    def __init__(self, sheets: GoogleSheets) -> None:
        self.sheets = sheets
        self.url = sheets.variables(*sheets.place)["GOOGLE_SHEETS_URL"]
        self.headers: dict[str, str] = {}

    def log_in(self, key: str | None = None, **claims: Any) -> httpx.Response:
        now = int(time.time())
        wanted = self.sheets.endpoint.claims | {"iat": now, "exp": now + 180, **claims}
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": signed(key or self.sheets.endpoint.key, None, wanted),
        }
        reply = httpx.post(f"{self.url}/token", data=form, **DIRECT)
        if reply.is_success:
            self.headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        return reply

    def path(self, place: str) -> str:
        return f"{self.url}/v4/spreadsheets/{self.sheets.spreadsheet}/values/{place}"

    def get(self, place: str = "Events!F1:F", **query: str) -> httpx.Response:
        return httpx.get(self.path(place), params=query, headers=self.headers, **DIRECT)

    def append(
        self, *rows: Any, query: dict[str, str] = APPEND, place: str = "Events!A:F:append"
    ) -> httpx.Response:
        body = {"values": list(rows)}
        return httpx.post(self.path(place), params=query, json=body, headers=self.headers, **DIRECT)


def test_only_a_good_assertion_of_the_service_account_gets_a_token(sheets: GoogleSheets) -> None:
    user = User(sheets)
    wrong: list[dict[str, Any]] = [
        {"key": new_key()},
        {"iss": "other"},
        {"scope": "https://www.googleapis.com/auth/drive"},
        {"aud": "https://other"},
    ]
    assert {user.log_in(**changes).json()["error"] for changes in wrong} == {"invalid_grant"}
    assert user.log_in().status_code == 200


def test_a_request_that_google_refuses_is_refused(sheets: GoogleSheets) -> None:
    user = User(sheets)
    assert user.get().json()["error"]["status"] == "UNAUTHENTICATED"
    user.log_in()
    for reply in (
        user.get("Other!F1:F"),
        user.get("Events"),
        user.get(colour="red"),
        user.append(["a"], query={}),
        user.append(["a"], query=APPEND | {"insertDataOption": "BELOW"}),
        user.append("a"),
        user.append([{"a": 1}]),
        user.append(["a" * 50_001]),
    ):
        assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert user.append(["a"], place="Events!A:F").status_code == 405
    sheets.shared = False
    assert user.get().json()["error"]["status"] == "PERMISSION_DENIED"
    assert sheets.sheet.rows == []


def test_the_quotas_of_reads_and_of_writes_are_refilled_after_a_minute(
    sheets: GoogleSheets,
) -> None:
    user, now = User(sheets), [0.0]
    sheets.quota, sheets.clock = 2, lambda: now[0]
    user.log_in()
    assert [user.get().status_code for _ in range(3)] == [200, 200, 429]
    assert user.append(["a"]).status_code == 200
    now[0] = 60.0
    assert user.get().status_code == 200


def test_raw_stores_what_is_given_and_user_entered_what_a_person_would_get(
    sheets: GoogleSheets,
) -> None:
    user, row = User(sheets), ["001010000000001", '=HYPERLINK("http://a")', 5]
    user.log_in()
    user.append(row)
    user.append(row, query=APPEND | {"valueInputOption": "USER_ENTERED"})
    raw, entered = sheets.sheet.rows
    assert raw == row
    assert entered[0] == 1010000000001.0
    assert isinstance(entered[1], Formula)


def test_a_column_is_read_from_its_row_without_empty_cells_at_its_end(
    sheets: GoogleSheets,
) -> None:
    user = User(sheets)
    user.log_in()
    for cell in ("event_id", "one", ""):
        user.append(["", "", "", "", "", cell])
    assert user.get(majorDimension="COLUMNS").json()["values"] == [["event_id", "one"]]
    assert user.get("Events!F2:F", majorDimension="COLUMNS").json()["values"] == [["one"]]
    assert "values" not in user.get("Events!F3:F").json()


def test_two_rows_for_one_event_are_noted(sheets: GoogleSheets) -> None:
    user = User(sheets)
    user.log_in()
    for _ in range(2):
        user.append([1, 2, 3, 4, 5, "event"])
    assert sheets.wrong == ["1 more rows than events"]


async def test_an_event_is_a_row_with_the_texts_of_the_event(sheets: GoogleSheets) -> None:
    hostile = '=HYPERLINK("http://a";"b") {{ settings.url }} 🦊\n\'--'
    async with served(sheets) as connector:
        found = event(change={"pb_data.account_info.billing_model": hostile})
        assert (await connector.handle(found)).outcome is Outcome.APPLIED
    (row,) = sheets.sheet.rows
    assert row[1:] == [277147, f"open ({hostile})", 3793, "001010000000001", found["event_id"]]


async def test_a_lost_reply_to_an_append_makes_no_second_row(sheets: GoogleSheets) -> None:
    found = event()
    async with dropping(sheets.place, b"append") as relay:
        async with served(sheets, relay.place) as connector:
            result = await connector.handle(found)
        assert relay.lost == [b"append"]
    assert result.outcome is Outcome.APPLIED
    assert ([row[5] for row in sheets.sheet.rows], sheets.wrong) == ([found["event_id"]], [])


async def test_an_instance_without_the_ledger_of_the_first_makes_no_second_row(
    sheets: GoogleSheets,
) -> None:
    found = event()
    async with served(sheets) as one, served(sheets) as two:
        await one.handle(found)
        assert (await two.handle(found)).outcome is Outcome.APPLIED
    assert (len(sheets.sheet.rows), sheets.wrong) == (1, [])


async def test_one_event_that_comes_twice_at_once_is_one_row(sheets: GoogleSheets) -> None:
    found = event()
    async with served(sheets) as connector:
        results = await connector.burst(found, found)
    assert {result.outcome for result in results} == {Outcome.APPLIED, Outcome.DUPLICATE}
    assert (len(sheets.sheet.rows), sheets.wrong) == (1, [])


async def test_a_new_key_and_an_ended_session_lose_and_double_no_row(sheets: GoogleSheets) -> None:
    watch(sheets, ending(sheets.endpoint.end_sessions, 5))
    async with served(sheets, EVENT_BUDGET="60") as connector:
        results = await connector.burst(*(event() for _ in range(6)))
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert (len(sheets.sheet.rows), sheets.endpoint.given, sheets.wrong) == (6, 2, [])


async def test_a_long_column_of_event_ids_can_still_be_read(sheets: GoogleSheets) -> None:
    known = event()
    ids = [f"{number:08x}-52b4-4c55-9d0e-3b7c1f1c0a01" for number in range(20_000)]
    sheets.sheet.rows += [[None] * 5 + [one] for one in (*ids, known["event_id"])]
    async with served(sheets) as connector:
        assert (await connector.handle(known)).outcome is Outcome.APPLIED
        assert len(sheets.sheet.rows) == 20_001
        assert (await connector.handle(event())).outcome is Outcome.APPLIED
    assert len(sheets.sheet.rows) == 20_002
