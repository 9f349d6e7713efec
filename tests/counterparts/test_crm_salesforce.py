"""Salesforce's stand-in refuses what Salesforce refuses, and the mapping file goes on with it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.outcome import Outcome
from connector.systems.http.session.signer import signed
from connector_tools.counterparts.crm_salesforce import CrmSalesforce
from connector_tools.made_up_key import new_key
from tests.support.catalogue import served
from tests.support.events import account_event
from tests.support.watched import ending, watch

CONTACT = "/services/data/v62.0/sobjects/Contact/PortaBilling_Account__c"
HOSTILE = ['O\'Hara "quote"; --', "{{ settings.username }}", "=HYPERLINK(1)", "🦊 ../..%2F", "a\nb"]

DIRECT: dict[str, Any] = {"trust_env": False, "verify": False}  # no certificates are loaded


@pytest.fixture
def salesforce(tmp_path: Path) -> Iterator[CrmSalesforce]:
    with CrmSalesforce(tmp_path) as started:
        yield started


class User:
    """Calls Salesforce as a client does."""

    def __init__(self, salesforce: CrmSalesforce) -> None:
        self.salesforce = salesforce
        self.url = salesforce.variables(*salesforce.place)["SALESFORCE_URL"]
        self.headers: dict[str, str] = {}

    def log_in(self, key: str | None = None, **claims: Any) -> httpx.Response:
        system, now = self.salesforce, int(time.time())
        wanted = system.endpoint.claims | {"iat": now, "exp": now + 180, **claims}
        assertion = signed(key or system.endpoint.key, None, wanted)
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion,
        }
        reply = httpx.post(f"{self.url}/services/oauth2/token", data=form, **DIRECT)
        if reply.is_success:
            self.headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        return reply

    def patch(self, path: str = f"{CONTACT}/7", **fields: Any) -> httpx.Response:
        return httpx.patch(self.url + path, json=fields, headers=self.headers, **DIRECT)


def code_of(reply: httpx.Response) -> str:
    return str(reply.json()[0]["errorCode"])


def test_only_a_good_assertion_gets_a_token(salesforce: CrmSalesforce) -> None:
    user, now = User(salesforce), int(time.time())
    wrong: list[dict[str, Any]] = [
        {"key": new_key()},
        {"iss": "other"},
        {"sub": "other"},
        {"aud": "https://other"},
        {"exp": now + 900},
        {"iat": now - 900, "exp": now - 720},
    ]
    assert {user.log_in(**changes).json()["error"] for changes in wrong} == {"invalid_grant"}
    assert user.log_in().json()["instance_url"] == user.url
    assert user.log_in(jti="1").status_code == 200
    assert user.log_in(jti="1").status_code == 400
    for form in ({"grant_type": "password"}, {}):
        reply = httpx.post(f"{user.url}/services/oauth2/token", data=form, **DIRECT)
        assert reply.status_code == 400


def test_a_request_without_a_session_is_refused(salesforce: CrmSalesforce) -> None:
    user = User(salesforce)
    assert code_of(user.patch(LastName="A")) == "INVALID_SESSION_ID"
    user.log_in()
    salesforce.endpoint.end_sessions()
    assert user.patch(LastName="A").status_code == 401
    assert salesforce.contacts == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "REQUIRED_FIELD_MISSING"),
    ({"LastName": " "}, "REQUIRED_FIELD_MISSING"),
    ({"LastName": "A" * 81}, "STRING_TOO_LONG"),
    ({"LastName": 5}, "JSON_PARSER_ERROR"),
    ({"LastName": "A\0"}, "JSON_PARSER_ERROR"),
    ({"LastName": "A", "Email": "none"}, "INVALID_EMAIL_ADDRESS"),
    ({"LastName": "A", "Service_Status__c": "On"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ({"LastName": "A", "Age": "1"}, "INVALID_FIELD"),
    ({"LastName": "A", "PortaBilling_Account__c": "7"}, "INVALID_FIELD"),
]


def test_wrong_fields_are_refused_and_change_nothing(salesforce: CrmSalesforce) -> None:
    user = User(salesforce)
    user.log_in()
    assert [code_of(user.patch(**fields)) for fields, _ in WRONG] == [code for _, code in WRONG]
    assert salesforce.contacts == []


def test_a_wrong_path_method_and_body_are_refused(salesforce: CrmSalesforce) -> None:
    user = User(salesforce)
    user.log_in()
    for path in ("/services/data/v62.0/sobjects/Lead/X__c/7", f"{CONTACT}X/7", f"{CONTACT}/"):
        assert code_of(user.patch(path, LastName="A")) == "NOT_FOUND"
    url = f"{user.url}{CONTACT}/7"
    found = httpx.delete(url, headers=user.headers, **DIRECT)
    assert code_of(found) == "METHOD_NOT_ALLOWED"
    form = httpx.patch(url, data={"LastName": "A"}, headers=user.headers, **DIRECT)
    assert form.status_code == 415


def test_an_upsert_creates_changes_and_refuses_several(salesforce: CrmSalesforce) -> None:
    user = User(salesforce)
    user.log_in()
    only = f"{CONTACT}/7?updateOnly=true"
    assert user.patch(only, LastName="A").status_code == 404
    assert user.patch(LastName="A").status_code == 201
    assert user.patch(only, FirstName="B").json()["created"] is False
    salesforce.add("7", LastName="C")
    before = str(salesforce.contacts)
    assert user.patch(LastName="D").status_code == 300
    assert str(salesforce.contacts) == before


async def test_the_base_url_of_calls_is_the_one_that_the_token_names(
    salesforce: CrmSalesforce,
) -> None:
    async with served(salesforce) as connector:
        salesforce._url = f"http://localhost:{salesforce.place[1]}"
        hosts: list[str] = []
        watch(salesforce, lambda asked: hosts.append(asked.headers["host"]))
        assert (await connector.handle(account_event(7))).outcome is Outcome.APPLIED
    assert [host.partition(":")[0] for host in hosts] == ["127.0.0.1", "localhost"]


async def test_a_burst_goes_on_when_its_session_ends_in_the_middle(
    salesforce: CrmSalesforce,
) -> None:
    watch(salesforce, ending(salesforce.endpoint.end_sessions, 10, 30))
    async with served(salesforce) as connector:
        results = await connector.burst(*(account_event(number) for number in range(1, 51)))
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert (len(salesforce.holds()), len(salesforce.contacts)) == (50, 50)
    assert salesforce.endpoint.given <= 4


async def test_a_used_up_allowance_is_throttled(salesforce: CrmSalesforce) -> None:
    salesforce.allowance = 2
    async with served(salesforce) as connector:
        found = [(await connector.handle(account_event(number))).outcome for number in (1, 2, 3)]
    assert found == [Outcome.APPLIED, Outcome.APPLIED, Outcome.THROTTLED]


async def test_several_contacts_with_one_external_id_are_left_alone(
    salesforce: CrmSalesforce,
) -> None:
    salesforce.add("7", LastName="A")
    salesforce.add("7", LastName="B")
    before = str(salesforce.contacts)
    async with served(salesforce) as connector:
        result = await connector.handle(account_event(7))
    assert (result.outcome, str(salesforce.contacts)) == (Outcome.FAILED, before)
    assert "several contacts" in str(result.reason)


async def test_hostile_names_are_stored_as_they_are_or_refused(salesforce: CrmSalesforce) -> None:
    async with served(salesforce) as connector:
        for text in HOSTILE:
            result = await connector.handle(account_event(7, lastname=text, product_name=text))
            assert result.outcome is Outcome.APPLIED
            assert (
                salesforce.contacts[0]["LastName"] == salesforce.contacts[0]["Product__c"] == text
            )
        before = dict(salesforce.contacts[0])
        for text in ("A\0B", "x" * 32_000):
            result = await connector.handle(account_event(7, lastname=text))
            assert result.outcome in (Outcome.REJECTED, Outcome.FAILED)
            assert text not in repr(result)
    assert salesforce.contacts == [before]


@pytest.mark.parametrize("number", ["../../Lead/X__c/1", "7/..", "7?a=b", "7#", "{{ 7 }}"])
async def test_a_number_of_an_account_that_is_a_path_is_refused(
    salesforce: CrmSalesforce, number: str
) -> None:
    found = account_event(7)
    found["pb_data"]["account_info"]["i_account"] = number
    async with served(salesforce) as connector:
        assert (await connector.handle(found)).outcome is Outcome.INVALID
    assert salesforce.contacts == []
