"""What a typed subscriber can mean, and who is in an event."""

import json

import pytest

from connector.log import subject_hash
from connector_tools.records.subject import hashes, names, names_of_body
from tests.support.events import event

KINDS = ("imsi", "msisdn", "account", "i_account")
NUMBER = {f"{kind}:420700000001" for kind in KINDS}


@pytest.mark.parametrize(
    "typed",
    ["420700000001", "+420700000001", " +420 700 000 001 ", "(420) 700-000-001", "420.700.000/001"],
)
def test_a_number_is_looked_for_in_each_meaning(typed: str) -> None:
    assert set(names(typed)) == NUMBER


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("imsi:001010000000001", {"imsi:001010000000001"}),
        ("i_account:12", {"i_account:12"}),
        ("msisdn:+420700000001", {"msisdn:+420700000001", "msisdn:420700000001"}),
        ("account:420700000001@msisdn", {"account:420700000001@msisdn", "account:420700000001"}),
        ("+420700000001@msisdn", NUMBER),
        ("ada", {f"{kind}:ada" for kind in KINDS}),
    ],
)
def test_a_name_and_an_account_are_taken_as_typed(typed: str, expected: set[str]) -> None:
    assert set(names(typed)) == expected


def test_the_hashes_are_those_of_the_log_for_each_key() -> None:
    found = hashes("imsi:001", [b"a", b"b"])
    assert found == {subject_hash(b"a", "imsi:001"), subject_hash(b"b", "imsi:001")}


def test_a_hash_of_the_log_stands_for_itself() -> None:
    assert "5a216f7a462302e5" in hashes("5a216f7a462302e5", [])


def test_the_names_in_an_event_are_those_of_all_its_subscribers() -> None:
    posted = event(
        "sim-replaced",
        imsi="001010000000002",
        change={
            "pb_data.prev_sim_info.imsi": "001010000000001",
            "pb_data.account_info.id": "+420700000001@msisdn",
            "pb_data.account_info.i_account": 12,
        },
    )
    assert names_of_body(json.dumps(posted).encode()) >= {
        "imsi:001010000000001",
        "imsi:001010000000002",
        "account:420700000001",
        "i_account:12",
    }


def test_an_account_whose_id_is_no_number_is_found_by_its_number() -> None:
    numbers = {"pb_data.account_info.id": "ada", "pb_data.sim_info.msisdn": "+420700000001"}
    body = json.dumps(event(change=numbers)).encode()
    assert names_of_body(body) >= {"account:ada", "msisdn:420700000001"}


@pytest.mark.parametrize("broken", [b"{}", b"no JSON", b'{"pb_data": {"sim_info": [1]}}'])
def test_an_event_that_cannot_be_read_names_nobody(broken: bytes) -> None:
    assert names_of_body(broken) == frozenset()


def test_an_invalid_event_names_its_subscriber() -> None:
    body = json.dumps({"pb_data": {"sim_info": {"imsi": 1010000000001}}}).encode()
    assert names_of_body(body) == {"imsi:1010000000001"}
