"""The stand-in of Ministra refuses what its API refuses; the mapping file works with it."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from connector.outcome import Outcome
from connector_tools.counterparts.stalker_iptv import API, StalkerIptv
from connector_tools.counterparts.stand_in.http import HttpRequest
from tests.support.catalogue import served
from tests.support.events import event

ACCOUNT = "277147"
FORM = "application/x-www-form-urlencoded"
NOTHING = {"status": "OK", "results": True}
HOSTILE = [
    "",
    "..",
    "/",
    "%2F",
    "1,2",
    "1;2",
    "1\x00",
    "'\"",
    "1&status=1",
    "subscribed[]=sport",
    "😀",
    "x\r\nHost: y",
    "0" * 100_000,
]


@pytest.fixture
def platform(tmp_path: Path) -> StalkerIptv:
    """The stand-in, which does not listen."""
    return StalkerIptv(tmp_path)


@pytest.fixture
def running(platform: StalkerIptv) -> Iterator[StalkerIptv]:
    """The stand-in, which listens."""
    with platform:
        yield platform


def ask(
    platform: StalkerIptv, method: str, path: str, form: Any = None, kind: str = FORM
) -> dict[str, Any]:
    """The answer to a request with the right password."""
    variables = platform.variables("", 0)
    user = f"{variables['STALKER_USER']}:{variables['STALKER_PASSWORD']}"
    headers = {"authorization": f"Basic {b64encode(user.encode()).decode()}", "content-type": kind}
    body = form if isinstance(form, bytes) else urlencode(form or {}, doseq=True).encode()
    reply = platform.handle(HttpRequest(method, f"{API}{path}", {}, headers, body))
    assert reply.status == 200, "every failure is a 200"
    return dict(reply.body)


def error(answer: dict[str, Any]) -> str:
    assert answer["status"] == "ERROR"
    return str(answer["error"])


def create(platform: StalkerIptv, login: str = "1", **fields: str) -> dict[str, Any]:
    given = {"login": login, "account_number": login, "tariff_plan": "tv-large", **fields}
    return ask(platform, "POST", "/accounts", given)


def updated(kind: str = "subscriber-updated", **fields: Any) -> dict[str, Any]:
    """An event of an account with these fields."""
    return event(kind, change={f"pb_data.account_info.{k}": v for k, v in fields.items()})


# The stand-in


def test_a_wrong_password_is_a_401(platform: StalkerIptv) -> None:
    reply = platform.handle(HttpRequest("GET", f"{API}/accounts", {}, {}, b""))
    assert (reply.status, reply.body["error"]) == (401, "401 Unauthorized request")


def test_an_account_is_created_changed_and_removed(platform: StalkerIptv) -> None:
    assert create(platform) == NOTHING
    assert ask(platform, "PUT", "/accounts/1", {"status": "0"}) == NOTHING
    (shown,) = ask(platform, "GET", "/accounts/1")["results"]
    assert (shown["status"], shown["tariff_plan"], shown["subscribed"]) == (0, "tv-large", [])
    assert len(ask(platform, "GET", "/accounts")["results"]) == 1
    assert ask(platform, "DELETE", "/accounts/1") == NOTHING
    assert error(ask(platform, "GET", "/accounts/1")) == "Account not found"
    assert error(ask(platform, "DELETE", "/accounts/1")) == "Account not found"
    assert error(ask(platform, "PUT", "/accounts/1", {"status": "1"})) == "Account not found"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_of_json_nothing_is_read_and_the_answer_says_ok(platform: StalkerIptv, method: str) -> None:
    create(platform)
    body = b'{"login": "2", "status": 0}'
    path = "/accounts" if method == "POST" else "/accounts/1"
    assert ask(platform, method, path, body, "application/json") == NOTHING
    assert platform.holds() == {"1": {"served": True, "product": "mobile-l", "addons": []}}
    assert platform.wrong == ["a body that is no form: the platform reads nothing of it"]


def test_login_and_mac_address_are_unique_and_a_login_is_required(platform: StalkerIptv) -> None:
    mac = {"stb_mac": "00:1A:79:00:00:01"}
    create(platform, **mac)
    assert error(create(platform)) == "Login already in use"
    assert error(create(platform, "2", **mac)) == "MAC address already in use"
    assert error(create(platform, "2", stb_mac="x")) == "Not valid mac address"
    assert error(create(platform, "")) == "Login required"
    assert error(ask(platform, "POST", "/accounts", {"colour": "1"})) == "Insert data is empty"
    assert len(platform.portal.records.rows) == 1


def test_a_second_account_of_a_subscriber_and_a_lost_tariff_plan_are_noted(
    platform: StalkerIptv,
) -> None:
    create(platform)
    create(platform, "2", account_number="1")
    assert platform.wrong == ["two accounts of one subscriber"]
    assert ask(platform, "PUT", "/accounts/1", {"tariff_plan": "no such plan"}) == NOTHING
    assert ask(platform, "GET", "/accounts/1")["results"][0]["tariff_plan"] is None
    assert platform.wrong[1:] == ["an account without a tariff plan"]


def test_packages_are_added_and_taken_away_if_the_plan_has_them(platform: StalkerIptv) -> None:
    create(platform)
    path = "/account_subscription/1"
    assert ask(platform, "PUT", path, {"subscribed[]": ["sport", "opera"]}) == NOTHING
    change = {"subscribed[]": "movies", "unsubscribed[]": "sport"}
    assert ask(platform, "PUT", path, change) == NOTHING
    assert ask(platform, "GET", path)["results"] == [{"mac": None, "subscribed": ["movies"]}]
    for again in ({"subscribed[]": "movies"}, {"unsubscribed[]": "sport"}, {"subscribed[]": "x"}):
        assert ask(platform, "PUT", path, again) == {"status": "OK", "results": False}
    assert ask(platform, "POST", path, {"subscribed[]": ["sport", "recorder"]}) == NOTHING
    assert platform.holds()["1"]["addons"] == ["data-extra", "tv-sport"]
    assert error(ask(platform, "POST", path, {"subscribed": ""})) == "Insert data is empty"
    assert ask(platform, "DELETE", path) == NOTHING
    assert platform.holds()["1"]["addons"] == []
    assert ask(platform, "DELETE", path) == {"status": "OK", "results": False}


def test_an_identifier_is_one_account_number_or_a_mac_address(platform: StalkerIptv) -> None:
    mac = "00:1A:79:00:00:01"
    create(platform, stb_mac=mac)
    create(platform, "123456789012")
    assert len(ask(platform, "GET", "/accounts/1,123456789012")["results"]) == 2
    assert ask(platform, "GET", f"/accounts/{mac}")["results"][0]["login"] == "1"
    assert error(ask(platform, "GET", "/accounts/1,2")) == "One or more identifiers are incorrect"
    assert error(ask(platform, "DELETE", "/accounts/1,2")) == "Only one identifier allowed"
    assert error(ask(platform, "DELETE", "/accounts")) == "Identifier required"
    assert error(ask(platform, "DELETE", "/accounts/")) == "Identifier required"
    found = ask(platform, "GET", "/account_subscription/123456789012")
    assert error(found) == "Account not found", "it is taken for a MAC address"
    assert error(ask(platform, "PATCH", "/accounts/1", {"status": 1})) == "Method not allowed"
    assert len(platform.portal.records.rows) == 2


# The mapping file


async def test_a_life_of_an_account(running: StalkerIptv) -> None:
    addons = [{"name": "tv-sport"}, {"name": "tv-movies"}]
    async with served(running) as connector:
        created = updated("subscriber-created", assigned_addons=addons)
        assert (await connector.handle(created)).outcome is Outcome.APPLIED
        both = {"served": True, "product": "mobile-l", "addons": ["tv-movies", "tv-sport"]}
        assert running.holds() == {ACCOUNT: both}
        changed = updated(blocked=True, product_name="mobile-s", assigned_addons=addons[:1])
        assert (await connector.handle(changed)).outcome is Outcome.APPLIED
        one = {"served": False, "product": "mobile-s", "addons": ["tv-sport"]}
        assert running.holds() == {ACCOUNT: one}
        for _ in range(2):  # an account that is already gone counts as removed
            result = await connector.handle(event("subscriber-deleted"))
            assert result.outcome is Outcome.APPLIED
    assert running.holds() == {}
    assert running.wrong == []


async def test_a_creation_whose_reply_is_lost_makes_one_account(running: StalkerIptv) -> None:
    async with served(running) as connector:
        result = await connector.handle(updated(), [None, "drop-after"])
    assert result.outcome is Outcome.APPLIED
    assert len(running.portal.records.writes) == 1
    assert running.wrong == []


async def test_a_creation_that_is_late_is_not_repeated(running: StalkerIptv) -> None:
    async with served(running, STALKER_TIMEOUT="1") as connector:
        late = await connector.handle(updated(), [None, "late"])
    assert late.outcome is Outcome.UNAVAILABLE
    async with served(running) as connector:
        assert (await connector.handle(updated())).outcome is Outcome.APPLIED
    assert len(running.portal.records.writes) == 1


async def test_two_events_at_once_of_one_account_make_one_account(running: StalkerIptv) -> None:
    async with served(running) as connector:
        events = [updated("subscriber-created"), updated(), updated(blocked=True), updated()]
        results = await connector.burst(*events)
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert list(running.holds()) == [ACCOUNT]
    assert running.wrong == []


async def test_two_connectors_at_once_make_one_account(running: StalkerIptv) -> None:
    """Each has a ledger of its own, so nothing but the unique login is in the way."""
    async with served(running) as one, served(running) as other:
        results = await asyncio.gather(one.handle(updated()), other.handle(updated()))
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert list(running.holds()) == [ACCOUNT]
    assert running.wrong == []


async def test_a_package_that_the_plan_does_not_have_fails(running: StalkerIptv) -> None:
    running.portal.tariffs = {"tv-large": {"movies"}}
    addons = [{"name": "tv-sport"}, {"name": "tv-movies"}]
    async with served(running) as connector:
        result = await connector.handle(updated(assigned_addons=addons))
    assert result.outcome is Outcome.FAILED
    assert "does not have a package" in str(result.reason)


async def test_a_tariff_plan_that_the_platform_does_not_have_fails(running: StalkerIptv) -> None:
    running.portal.tariffs = {"tv-small": set()}
    async with served(running) as connector:
        result = await connector.handle(updated())
    assert result.outcome is Outcome.FAILED
    assert "does not have the tariff plan" in str(result.reason)


@pytest.mark.parametrize("field", ["i_account", "product_name", "time_zone_name", "status"])
async def test_hostile_values_are_data_or_refused(running: StalkerIptv, field: str) -> None:
    async with served(running) as connector:
        await connector.handle(updated())
        for value in HOSTILE:
            hostile = updated(**{field: value}, assigned_addons=[{"name": value}])
            result = await connector.handle(hostile)
            assert result.outcome in (Outcome.INVALID, Outcome.APPLIED), value
    assert list(running.holds()) == [ACCOUNT]
    assert running.holds()[ACCOUNT]["addons"] == []
    assert running.wrong == []
