"""Odoo's stand-in refuses what Odoo refuses, and the mapping file makes no doubles with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.outcome import Outcome
from connector_tools.counterparts.crm_odoo import CrmOdoo
from tests.support.catalogue import served
from tests.support.dropping import dropping
from tests.support.events import account_event

LONG = "ä" * 32_000
HOSTILE = [
    'Ann "quote" O\'Hara; --',
    "{{ settings.api_key }}",
    "=HYPERLINK(1)",
    "🦊 ../..%2F",
    "a\nb\tc",
    "*)(",
    LONG,
]
NAME = {"name": "Ann", "ref": "PB-1"}

DIRECT: dict[str, Any] = {"trust_env": False, "verify": False}  # no certificates are loaded


@pytest.fixture
def odoo(tmp_path: Path) -> Iterator[CrmOdoo]:
    with CrmOdoo(tmp_path) as started:
        yield started


class User:
    """Calls Odoo as a client does."""

    def __init__(self, odoo: CrmOdoo) -> None:
        self.odoo = odoo
        self.headers = {"Authorization": f"Bearer {odoo.api_key}", "X-Odoo-Database": "crm"}

    def call(self, method: str, model: str = "res.partner", **arguments: Any) -> httpx.Response:
        url = f"http://127.0.0.1:{self.odoo.place[1]}/json/2/{model}/{method}"
        return httpx.post(url, json=arguments, headers=self.headers, **DIRECT)


def name_of(reply: httpx.Response) -> str:
    return str(reply.json()["name"]).rpartition(".")[2]


def test_a_wrong_key_database_model_or_method_is_refused(odoo: CrmOdoo) -> None:
    user = User(odoo)
    assert user.call("search_read", model="res.partners").status_code == 404
    assert user.call("read_all").status_code == 404
    user.headers["X-Odoo-Database"] = "other"
    assert user.call("search_read").status_code == 404
    user.headers |= {"X-Odoo-Database": "crm", "Authorization": "Bearer wrong"}
    assert user.call("search_read").status_code == 401


def test_only_a_post_of_json_is_answered(odoo: CrmOdoo) -> None:
    user, url = User(odoo), f"http://127.0.0.1:{odoo.place[1]}/json/2/res.partner/search_read"
    assert httpx.get(url, headers=user.headers, **DIRECT).status_code == 405
    form = httpx.post(url, data={"domain": "[]"}, headers=user.headers, **DIRECT)
    assert form.status_code == 415
    headers = user.headers | {"Content-Type": "application/json"}
    assert httpx.post(url, content=b"{", headers=headers, **DIRECT).status_code == 400


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("create", {"vals_list": [{"ref": "1"}]}, "ValidationError"),
    ("create", {"vals_list": [{"name": "A", "age": "1"}]}, "ValueError"),
    ("create", {"vals_list": [{"name": "A", "x_service": "on"}]}, "ValueError"),
    ("create", {"vals_list": [{"name": 5}]}, "ValueError"),
    ("create", {"vals_list": [{"name": "A\0"}]}, "ValueError"),
    ("create", {"values": []}, "UnprocessableEntity"),
    ("write", {"ids": [99], "vals": {}}, "MissingError"),
    ("search_read", {"fields": ["age"]}, "ValueError"),
    ("search_read", {"domain": [["ref", "~", "1"]]}, "ValueError"),
]


def test_wrong_arguments_are_refused_and_change_nothing(odoo: CrmOdoo) -> None:
    user = User(odoo)
    found = [name_of(user.call(method, **arguments)) for method, arguments, _ in WRONG]
    assert found == [error for *_, error in WRONG]
    assert odoo.contacts.rows == {}


def test_two_contacts_can_have_one_reference_and_that_is_noted(odoo: CrmOdoo) -> None:
    assert User(odoo).call("create", vals_list=[NAME, NAME]).json() == [1, 2]
    assert odoo.wrong == ["two contacts with one reference"]


def test_an_archived_contact_is_found_only_with_active_test_false(odoo: CrmOdoo) -> None:
    user = User(odoo)
    user.call("create", vals_list=[NAME | {"active": False}])
    assert user.call("search_read").json() == []
    found = user.call("search_read", fields=["ref"], context={"active_test": False}).json()
    assert found == [{"id": 1, "ref": "PB-1"}]


def test_a_load_with_an_external_id_creates_once_and_then_changes(odoo: CrmOdoo) -> None:
    user, fields = User(odoo), ["id", "name", "active"]
    first = user.call("load", fields=fields, data=[["a.b", "Ann", "1"]]).json()
    second = user.call("load", fields=fields, data=[["a.b", "Bea", "0"]]).json()
    assert first["ids"] == second["ids"] == [1]
    assert (odoo.contacts.rows[1]["name"], odoo.contacts.rows[1]["active"]) == ("Bea", False)


def test_a_load_refuses_a_row_with_a_message_in_a_200(odoo: CrmOdoo) -> None:
    for row in (["a.b", ""], ["a.b.c", "Ann"], ["a.b", 5], ["a.b"]):
        reply = User(odoo).call("load", fields=["id", "name"], data=[row])
        assert (reply.status_code, reply.json()["ids"]) == (200, False)
    assert odoo.contacts.rows == {}


def test_a_deleted_contact_is_noted(odoo: CrmOdoo) -> None:
    user = User(odoo)
    user.call("create", vals_list=[NAME])
    user.call("unlink", ids=[1])
    assert odoo.wrong == ["a contact was deleted for good"]


async def test_two_events_of_a_new_account_at_once_make_one_contact(odoo: CrmOdoo) -> None:
    async with served(odoo) as connector:
        results = await connector.burst(account_event(7), account_event(7))
    assert {result.outcome for result in results} <= {Outcome.APPLIED, Outcome.SUPERSEDED}
    assert list(odoo.holds()) == ["7"]
    assert (len(odoo.contacts.rows), odoo.wrong) == (1, [])


async def test_two_instances_without_a_common_ledger_make_one_contact(odoo: CrmOdoo) -> None:
    async with served(odoo) as one, served(odoo) as two:
        for number in range(1, 21):
            found = account_event(number)
            await one.handle(found)
            await two.handle(found)
    assert (len(odoo.contacts.rows), odoo.wrong) == (20, [])


async def test_a_creation_that_arrives_late_changes_what_the_next_attempt_made(
    odoo: CrmOdoo,
) -> None:
    """The same request once more, as a slow network delivers it after the retry."""
    user = User(odoo)
    async with served(odoo) as connector:
        await connector.handle(account_event(7))
    row = ["__import__.portabilling_account_7", "PB-7", "Ada Example"]
    user.call("load", fields=["id", "ref", "name"], data=[row])
    assert (len(odoo.contacts.rows), odoo.wrong) == (1, [])


async def test_a_lost_reply_to_a_creation_makes_no_second_contact(odoo: CrmOdoo) -> None:
    async with dropping(odoo.place, b"res.partner/load") as relay:
        async with served(odoo, relay.place) as connector:
            result = await connector.handle(account_event(7))
        assert relay.lost == [b"res.partner/load"]
    assert result.outcome is Outcome.APPLIED
    assert (len(odoo.contacts.rows), odoo.wrong) == (1, [])


async def test_several_contacts_with_the_reference_are_left_alone(odoo: CrmOdoo) -> None:
    odoo.contacts.create([NAME, NAME])
    before = str(odoo.contacts.rows)
    async with served(odoo) as connector:
        result = await connector.handle(account_event(1))
    assert result.outcome is Outcome.FAILED
    assert str(odoo.contacts.rows) == before


async def test_hostile_names_are_stored_as_they_are(odoo: CrmOdoo) -> None:
    async with served(odoo) as connector:
        for number, text in enumerate((*HOSTILE, *reversed(HOSTILE))):
            found = account_event(number % 2 + 1, firstname=text, lastname="", product_name=text)
            assert (await connector.handle(found)).outcome is Outcome.APPLIED
            contact = odoo.contacts.rows[number % 2 + 1]
            assert (contact["name"], contact["x_product"]) == (text, text)


async def test_a_name_with_a_nul_is_refused_and_stored_nowhere(odoo: CrmOdoo) -> None:
    async with served(odoo) as connector:
        result = await connector.handle(account_event(7, firstname="A\0B"))
    assert result.outcome is Outcome.REJECTED
    assert "A\0B" not in repr(result)
    assert odoo.contacts.rows == {}


async def test_a_burst_goes_on_after_the_api_key_was_exchanged(odoo: CrmOdoo) -> None:
    async with served(odoo) as connector:
        results = await connector.burst(*(account_event(number) for number in range(1, 51)))
        assert {result.outcome for result in results} == {Outcome.APPLIED}
        odoo.rotate()
        refused = await connector.handle(account_event(1, firstname="Bea"))
    assert refused.outcome is Outcome.FAILED
    assert (len(odoo.holds()), odoo.wrong) == (50, [])
