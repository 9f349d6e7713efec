"""The names under which the records of an event are found."""

import json

from connector.event import parse
from connector.names import Names, names_in, names_of, names_typed
from tests.support.events import event


def test_an_event_is_found_by_its_sim_and_by_each_name_of_its_account() -> None:
    found = names_of(parse(json.dumps(event()).encode()))
    assert found.sims and all(name.startswith("imsi:") for name in found.sims)
    assert [name.partition(":")[0] for name in found.account][:2] == ["i_account", "account"]


def test_a_body_that_cannot_be_read_as_an_event_has_the_same_names() -> None:
    whole = event()
    wanted = names_of(parse(json.dumps(whole).encode()))
    broken = {**whole, "updated_at": "yesterday"}
    found = names_in(json.dumps(broken).encode())
    assert found.sims == wanted.sims
    assert set(found.account) <= set(wanted.account)
    assert found.account


def test_what_is_not_there_or_of_another_type_has_no_name() -> None:
    for odd in (b"", b"[]", b"{", b'{"pb_data": []}', b'{"pb_data": {"sim_info": {"imsi": {}}}}'):
        assert names_in(odd) == Names()


def test_a_typed_text_can_be_each_kind_of_name_unless_it_says_its_kind() -> None:
    assert names_typed(" +420700000001@msisdn ") == (
        "imsi:420700000001",
        "i_account:420700000001",
        "account:420700000001",
        "msisdn:420700000001",
    )
    assert names_typed("imsi:001010000000001") == ("imsi:001010000000001",)


def test_every_name_of_an_event_is_found_by_what_a_person_would_type() -> None:
    found = names_of(parse(json.dumps(event()).encode()))
    for name in (*found.sims, *found.account):
        assert name in names_typed(name.partition(":")[2])
