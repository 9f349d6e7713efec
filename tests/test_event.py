"""Reading an event: required fields, refusals, names, owner, order of snapshots."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.event import EVENT_FIELDS, PARTS, Event, Snapshot, parse, personal
from connector.outcome import Outcome, Refusal, answer
from connector.unreadable import Unreadable
from tests.support.events import event

MARKER = "c0ffee-personal-marker"
ENVELOPE: dict[str, Any] = {"event_id": "e-1", "data": {"event_type": "SIM/Updated"}}


def read(document: Any) -> Event:
    return parse(document if isinstance(document, bytes) else json.dumps(document).encode())


def refused(document: Any) -> dict[str, str]:
    """The rule of each refused field; checks that the answer does not quote the input."""
    with pytest.raises(Refusal) as caught:
        read(document)
    result = caught.value.result
    assert result.outcome is Outcome.INVALID
    assert result.details
    assert MARKER not in json.dumps(answer(result).body)
    return {detail.field: detail.rule for detail in result.details}


def with_variables(**variables: Any) -> dict[str, Any]:
    return {**ENVELOPE, "data": {"event_type": "SIM/Updated", "variables": variables}}


def enriched(**parts: Any) -> dict[str, Any]:
    return {**ENVELOPE, "pb_data": parts}


def test_all_parts_of_an_enriched_event_are_read() -> None:
    found = read(event("sim-replaced"))
    assert found.event_type == "SIM/Replaced"
    assert found.handler_id == "wtl-hlr-hss"
    assert found.account and found.account.bill_status == "open"
    assert found.sim and found.sim.imsi == "001010000000002"
    assert found.prev_sim and found.prev_sim.imsi == "001010000000001"
    assert found.policy and found.policy.attributes
    assert found.updated_at and found.updated_at.tzinfo


def test_an_event_without_enrichment_is_read() -> None:
    found = read(with_variables(i_account=5))
    assert (found.account, found.sim, found.policy, found.product) == (None, None, None, None)
    assert found.counters == []
    assert found.parts == ()


def test_an_enriched_event_needs_no_variables() -> None:
    assert read(enriched()).variables == {}


def test_null_variables_are_empty() -> None:
    assert read({**ENVELOPE, "data": {"event_type": "X", "variables": None}}).variables == {}


def test_parts_are_those_that_were_sent_null_included() -> None:
    found = read(enriched(account_info=None, sim_info={}, something_new=1))
    assert found.parts == ("account_info", "sim_info")


def test_unknown_fields_are_kept() -> None:
    document = enriched(sim_info={"imsi": None, "puk": {"a": [1]}}, later_release=[1])
    found = read({**document, "tenant": "x", "data": {**document["data"], "extra": 1}})
    assert found.sim and found.sim.model_extra == {"puk": {"a": [1]}}


def test_the_last_of_two_equal_keys_counts() -> None:
    body = b'{"event_id": "a", "event_id": "b", "data": {"event_type": "X", "variables": {}}}'
    assert read(body).event_id == "b"


def test_every_name_of_a_mapping_is_a_field_of_the_event() -> None:
    assert {*EVENT_FIELDS, *PARTS} <= {*Event.__dataclass_fields__, "snapshot_at"}


# Refusals


@pytest.mark.parametrize(
    ("document", "field", "rule"),
    [
        ({}, "event_id", "is required"),
        ({}, "data", "is required"),
        ({"data": {"event_type": "X", "variables": {}}}, "event_id", "is required"),
        ({**ENVELOPE, "event_id": ""}, "event_id", "must not be empty"),
        ({**ENVELOPE, "event_id": None}, "event_id", "must be text"),
        ({**ENVELOPE, "event_id": 7}, "event_id", "must be text"),
        ({**ENVELOPE, "event_id": MARKER * 20}, "event_id", "at most 200"),
        ({"event_id": "e", "data": None}, "data", "must be an object"),
        ({"event_id": "e", "data": [MARKER]}, "data", "must be an object"),
        ({"event_id": "e", "data": {"variables": {}}}, "data.event_type", "is required"),
        ({"event_id": "e", "data": {"event_type": ""}}, "data.event_type", "must not be empty"),
        ({"event_id": "e", "data": {"event_type": 3}}, "data.event_type", "must be text"),
        ({**ENVELOPE, "updated_at": MARKER}, "updated_at", "must be a date-time"),
        ({**enriched(), "created_at": {"at": MARKER}}, "created_at", "must be a date-time"),
    ],
)
def test_a_field_that_is_missing_or_malformed_is_named_with_its_rule(
    document: Any, field: str, rule: str
) -> None:
    assert rule in refused(document)[field]


def test_the_guides_malformed_event_is_refused() -> None:
    """Contract 3, case 6: it has neither variables nor pb_data."""
    assert refused(ENVELOPE) == {"pb_data": "required: an event has data.variables or pb_data"}
    assert "pb_data" in refused({**ENVELOPE, "pb_data": None})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"event_id=1",
        b"\xff\xfe{}",
        b'{"event_id": "\xff"}',
        b'{"event_id": NaN}',
        b'{"event_id": Infinity}',
        b'{"event_id": -Infinity}',
        b'{"event_id": "\\ud800}',
        b'{"event_id": "e",}',
        b'{"event_id": "e"} {}',
        b'{"event_id": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"event_id": "' + MARKER.encode(),
    ],
    ids=range(15),
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    assert refused(body)[""].startswith("body must be JSON")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"5", b"true"])
def test_json_other_than_an_object_is_refused(body: bytes) -> None:
    assert refused(body) == {"": "must be an object"}


def test_all_wrong_fields_are_listed() -> None:
    assert refused({"event_id": 1, "updated_at": 5}) == {
        "event_id": "must be text",
        "data": "is required",
        "updated_at": "must be a date-time",
    }


# Identities


def test_an_event_has_a_name_from_nsps_and_one_from_portabilling() -> None:
    found = read({**with_variables(i_env=3, i_event=7), "handler_id": "hlr"})
    assert found.identities == ("event:e-1", "porta:3:7::11:sim/updated:hlr")


def test_numbers_as_text_name_the_same_event() -> None:
    as_text = read(with_variables(i_env="3", i_event="7"))
    assert as_text.identities == read(with_variables(i_env=3, i_event=7)).identities


@pytest.mark.parametrize("spelt", ["SIM/Updated", "sim/updated", "SIM/UPDATED"])
def test_the_case_of_the_type_does_not_change_the_name(spelt: str) -> None:
    document = {"event_id": "e", "data": {"event_type": spelt, "variables": {"i_event": 1}}}
    assert read(document).identities[1] == "porta::1::11:sim/updated:"


@pytest.mark.parametrize(
    "number", [None, "", "x", True, -1, 1.5, [1], {"a": 1}, 10**18, "9" * 400, "٣", 0, "0", "00"]
)
def test_an_invalid_event_number_gives_no_second_name(number: Any) -> None:
    assert read(with_variables(i_env=3, i_event=number)).identities == ("event:e-1",)


def test_handler_type_and_environment_are_part_of_the_name() -> None:
    def name(handler: str, kind: str, env: int) -> str:
        data = {"event_type": kind, "variables": {"i_env": env, "i_event": 7}}
        return read({"event_id": "e", "handler_id": handler, "data": data}).identities[1]

    names = {name("a", "X", 1), name("b", "X", 1), name("a", "Y", 1), name("a", "X", 2)}
    names |= {name("b:c", "X", 1), name("c", "X:b", 1)}
    assert len(names) == 6


@pytest.mark.parametrize(
    ("sim", "whom"),
    [
        ({"i_sim_card": 7, "imsi": "001010000000001"}, "sim=7"),
        ({"i_sim_card": "7"}, "sim=7"),
        ({"imsi": "001010000000001"}, "imsi=001010000000001"),
        ({}, "account=5"),
        (None, "account=5"),
    ],
)
def test_the_name_says_whom_the_event_is_about(sim: Any, whom: str) -> None:
    """Contract 6.4: one change of an account with two SIMs gives two events with one number."""
    document = with_variables(i_event=9, i_account=5) | {"pb_data": {"sim_info": sim}}
    assert read(document).identities[1] == f"porta::9:{whom}:11:sim/updated:"


@pytest.mark.parametrize(
    "unreadable",
    [
        {"handler_id": {}},
        {"pb_data": {"sim_info": []}},
        {"pb_data": {"sim_info": {"i_sim_card": "x"}}},
        {"pb_data": {"sim_info": {"imsi": "x"}}},
        {"pb_data": []},
    ],
    ids=str,
)
def test_an_event_whose_second_name_cannot_be_read_has_only_the_first(unreadable: Any) -> None:
    assert read(with_variables(i_event=9) | unreadable).identities == ("event:e-1",)


# Owner


@pytest.mark.parametrize(
    ("document", "owner"),
    [
        (enriched(account_info={"i_account": 1}, sim_info={"i_account": 3}), 1),
        ({**with_variables(i_account=2), "pb_data": {"sim_info": {"i_account": 3}}}, 2),
        (with_variables(i_account="2"), 2),
        (enriched(account_info={}, sim_info={"i_account": "3"}), 3),
        (with_variables(i_account="nobody"), None),
        (with_variables(i_account=True), None),
        (with_variables(i_account=10**30), None),
        (enriched(account_info={"i_account": 1}, sim_info=[]), 1),
        (enriched(), None),
    ],
)
def test_the_owner_is_taken_from_account_then_variables_then_sim(
    document: Any, owner: int | None
) -> None:
    assert read(document).i_account == owner


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"account_info": {"i_account": "x"}, "sim_info": {"i_account": 3}}, ".i_account"),
        ({"account_info": [], "sim_info": {"i_account": 3}}, ""),
    ],
)
def test_an_owner_that_cannot_be_read_is_not_replaced_by_another(parts: Any, field: str) -> None:
    owner: Any = read(enriched(**parts)).i_account
    assert isinstance(owner, Unreadable)
    assert owner.detail.field == f"pb_data.account_info{field}"


# The order of snapshots


def snapshot(updated: str | None = None, created: str | None = None, time: Any = None) -> Snapshot:
    document = {**with_variables(event_time=time), "updated_at": updated, "created_at": created}
    found = read(document).snapshot
    assert found
    return found


NOON = "2026-03-02T12:00:00+00:00"


def test_the_newer_enrichment_wins_whatever_else_is_older() -> None:
    older = snapshot("2026-03-02T11:59:59+00:00", NOON, "2026-03-02 23:00:00")
    assert snapshot(NOON, "2026-03-02T01:00:00+00:00", "2026-03-01 00:00:00") > older


def test_of_equal_enrichments_neither_is_newer() -> None:
    first = snapshot(NOON, "2026-03-02T11:00:00+00:00", "2026-03-02 10:00:00")
    second = snapshot(NOON, "2026-03-02T11:00:01+00:00", "2026-03-02 10:00:01")
    assert not first < second
    assert not second < first
    assert first <= second <= first
    assert first >= second >= first


def test_snapshots_are_compared_as_instants_across_offsets() -> None:
    assert snapshot("2026-03-02T14:00:00+02:00") == snapshot(NOON) == snapshot(NOON[:-6] + "Z")
    assert snapshot("2026-03-02T13:30:00+02:00") < snapshot(NOON)
    assert snapshot("2026-03-02T12:00:00.000001Z") > snapshot(NOON)


def test_a_missing_enrichment_time_is_replaced_by_arrival_or_event_time() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
    assert snapshot(None, NOON, "2026-03-02 10:00:00").taken == noon
    assert snapshot(None, None, "2026-03-02 12:00:00").taken == noon
    assert snapshot("", " ", "2026-03-02T13:00:00+01:00").taken == noon


@pytest.mark.parametrize(
    "time", ["x", 5, [NOON], "0000-00-00 00:00:00", "9999-12-31 23:59:59", "0001-01-01", "20260302"]
)
def test_an_unreadable_event_time_is_accepted_with_a_warning(time: Any) -> None:
    found = read(with_variables(event_time=time))
    assert found.snapshot is None
    assert [each.detail.field for each in found.unreadable] == ["data.variables.event_time"]


@pytest.mark.parametrize("time", [None, "", " "])
def test_a_blank_event_time_is_none(time: Any) -> None:
    found = read(with_variables(event_time=time))
    assert (found.snapshot, found.unreadable) == (None, ())


# A snapshot from the future

ARRIVAL = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def arrived(updated: str, created: str | None = None) -> Event:
    document = {**with_variables(), "updated_at": updated, "created_at": created}
    return parse(json.dumps(document).encode(), ARRIVAL)


def test_a_snapshot_of_the_next_five_minutes_is_believed() -> None:
    found = arrived("2026-03-02T12:05:00Z")
    assert found.snapshot == Snapshot(*[ARRIVAL + 300] * 3)
    assert found.ahead is None


def test_a_later_snapshot_counts_as_taken_at_its_arrival() -> None:
    found = arrived("2026-03-02T12:05:01Z", "2026-03-02T11:00:00Z")
    assert found.snapshot == Snapshot(ARRIVAL, ARRIVAL - 3600, ARRIVAL, ARRIVAL + 301)
    assert found.snapshot.as_sent == ARRIVAL + 301
    assert found.ahead == 301
    assert found.updated_at, "a mapping reads what NSPS sent"


def test_the_time_of_receipt_counts_as_that_of_the_arrival_too() -> None:
    """It decides who has the old SIM of a swap."""
    found = arrived("2026-03-02T11:00:00Z", "2029-03-02T11:00:00Z")
    assert found.snapshot
    assert (found.snapshot.taken, found.snapshot.created) == (ARRIVAL - 3600, ARRIVAL)
    assert found.ahead


# Personal data


def test_the_personal_data_of_an_event_is_found() -> None:
    account = {"id": "1@msisdn", "email": "e", "firstname": "f", "lastname": "l"}
    account |= {"phone1": "p", "zip": "z"}
    sim = {"imsi": "001010000000001", "iccid": "89", "msisdn": "42"}
    found = read(enriched(account_info=account, sim_info=sim, prev_sim_info={"iccid": "88"}))
    assert {*account.values(), *sim.values(), "88", "1"} == set(personal(found))


def test_repr_hides_personal_data() -> None:
    found = read(event())
    printed = repr((found.account, found.sim, found.prev_sim))
    assert not [text for text in personal(found) if text in printed]
