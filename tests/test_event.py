"""Reading an event: required fields, refusals, names, owner, order of snapshots."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.event import EVENT_FIELDS, PARTS, Event, Snapshot, parse, personal
from connector.outcome import Outcome, Refusal, answer
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
    assert {*EVENT_FIELDS, *PARTS} <= set(Event.__dataclass_fields__)


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
        (
            {"event_id": "e", "data": {"event_type": "X", "variables": [MARKER]}},
            "data.variables",
            "must be an object",
        ),
        (enriched(account_info=MARKER), "pb_data.account_info", "must be an object"),
        (enriched(sim_info=[]), "pb_data.sim_info", "must be an object"),
        (enriched(full_vd_counter_info={}), "pb_data.full_vd_counter_info", "must be a list"),
        ({**ENVELOPE, "pb_data": MARKER}, "pb_data", "must be an object"),
        ({**ENVELOPE, "handler_id": 1}, "handler_id", "must be text"),
        ({**ENVELOPE, "updated_at": MARKER}, "updated_at", "date"),
        ({**ENVELOPE, "created_at": {"at": MARKER}}, "created_at", "date"),
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


@pytest.mark.parametrize("field", ["updated_at", "created_at"])
def test_an_instant_without_an_offset_is_refused(field: str) -> None:
    """Offsets differ by up to 26 hours, and the order of snapshots depends on the instant."""
    rule = refused({**with_variables(), field: "2026-03-02T10:15:32"})[field]
    assert rule == "must be a date-time with an offset"


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
        b'{"event_id": "\\ud800"}',
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


def test_all_wrong_fields_are_listed_up_to_a_limit() -> None:
    sims: list[Any] = [{"remaining": []}] * 100
    found = refused({"event_id": 1, **{"pb_data": {"full_vd_counter_info": sims}}})
    assert {"event_id", "data"} <= set(found)
    assert len(found) <= 20


# Identities


def test_an_event_has_a_name_from_nsps_and_one_from_portabilling() -> None:
    found = read({**with_variables(i_env=3, i_event=7), "handler_id": "hlr"})
    assert found.identities == ("event:e-1", "espf:3:7:sim/updated:hlr")


def test_numbers_as_text_name_the_same_event() -> None:
    as_text = read(with_variables(i_env="3", i_event="7"))
    assert as_text.identities == read(with_variables(i_env=3, i_event=7)).identities


@pytest.mark.parametrize("spelt", ["SIM/Updated", "sim/updated", "SIM/UPDATED"])
def test_the_case_of_the_type_does_not_change_the_name(spelt: str) -> None:
    document = {"event_id": "e", "data": {"event_type": spelt, "variables": {"i_event": 1}}}
    assert read(document).identities[1] == "espf::1:sim/updated:"


@pytest.mark.parametrize(
    "number", [None, "", "x", True, -1, 1.5, [1], {"a": 1}, 10**18, "9" * 400, "٣"]
)
def test_an_invalid_event_number_gives_no_second_name(number: Any) -> None:
    assert read(with_variables(i_env=3, i_event=number)).identities == ("event:e-1",)


def test_handler_type_and_environment_are_part_of_the_name() -> None:
    def name(handler: str, kind: str, env: int) -> str:
        data = {"event_type": kind, "variables": {"i_env": env, "i_event": 7}}
        return read({"event_id": "e", "handler_id": handler, "data": data}).identities[1]

    names = {name("a", "X", 1), name("b", "X", 1), name("a", "Y", 1), name("a", "X", 2)}
    assert len(names) == 4


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
        (enriched(), None),
    ],
)
def test_the_owner_is_taken_from_account_then_variables_then_sim(
    document: Any, owner: int | None
) -> None:
    assert read(document).i_account == owner


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


def test_equal_enrichments_are_ordered_by_arrival_and_then_by_event_time() -> None:
    first = snapshot(NOON, "2026-03-02T11:00:00+00:00", "2026-03-02 10:00:00")
    assert snapshot(NOON, "2026-03-02T11:00:01+00:00", "2026-03-02 09:00:00") > first
    assert snapshot(NOON, "2026-03-02T11:00:00+00:00", "2026-03-02 10:00:01") > first


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
    "time", [None, "", "x", 5, [NOON], "0000-00-00 00:00:00", "9999-12-31 23:59:59", "0001-01-01"]
)
def test_an_unreadable_event_time_is_accepted(time: Any) -> None:
    assert read(with_variables(event_time=time)).snapshot is None


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
