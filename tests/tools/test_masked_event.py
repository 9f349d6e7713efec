"""A masked event is still JSON, still an event, and says nothing about a person."""

import json
from typing import Any

import pytest

from connector.event import parse, personal
from connector_tools.masked_event import masked
from tests.support.events import event

PERSONAL = {
    "pb_data.account_info.id": "420731415926@msisdn",
    "pb_data.account_info.email": "Zdenka.Novakova@mail.example",
    "pb_data.account_info.firstname": "Zdenka",
    "pb_data.account_info.lastname": "Novákova-Křížová",
    "pb_data.account_info.phone1": "+420605271828",
    "pb_data.account_info.zip": "SW1A 9QT",
    "pb_data.sim_info.imsi": "001015926535897",
    "pb_data.sim_info.iccid": "8942031415926535897",
    "pb_data.sim_info.msisdn": "420731415926",
}


def posted(**change: Any) -> dict[str, Any]:
    return event(change=PERSONAL | change)


def test_no_personal_data_stays_anywhere() -> None:
    quoting = posted(
        **{
            "pb_data.account_info.product_name": "for Zdenka, 420731415926",
            "pb_data.account_info.unknown": {"note": "IMSI 001015926535897", "n": 420731415926},
            "data.variables.text": "Zdenka.Novakova@mail.example",
            "event_id": "e-001015926535897",
        }
    )
    text = json.dumps(masked(quoting), ensure_ascii=False)
    assert [one for one in PERSONAL.values() if one.partition("@")[0] in text] == []
    assert "731415926" not in text


def test_everything_else_stays_as_it_was_sent() -> None:
    before = posted(
        **{"data.variables.i_event": 123456789, "pb_data.account_info.i_account": 9999999}
    )
    after = masked(before)
    for dotted in PERSONAL:
        *way, key = dotted.split(".")
        for document in (before, after):
            part = document
            for step in way:
                part = part[step]
            part.pop(key)
    assert after == before


def test_the_masked_event_is_read_as_the_event_was() -> None:
    before, after = (
        parse(json.dumps(posted()).encode()),
        parse(json.dumps(masked(posted())).encode()),
    )
    assert after.unreadable == before.unreadable == ()
    assert after.sim
    assert after.sim.imsi == "000000000005897"
    assert after.account
    assert after.account.id == "000000005926@msisdn"
    assert after.account.msisdn == "000000005926"
    assert list(map(bool, personal(after))) == list(map(bool, personal(before)))


@pytest.mark.parametrize("sent", [1015926535897, ["001015926535897"], {"x": "001015926535897"}])
def test_personal_data_of_another_type_is_masked(sent: Any) -> None:
    text = json.dumps(masked(posted(**{"pb_data.sim_info.imsi": sent})))
    assert "15926535897" not in text


@pytest.mark.parametrize("broken", [{}, {"pb_data": [1]}, {"data": "text"}, {"pb_data": None}])
def test_what_is_no_event_stays_json(broken: dict[str, Any]) -> None:
    assert masked(broken) == broken
