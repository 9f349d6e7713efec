"""The rules of the embedded HLR/HSS."""

import json
from dataclasses import replace

import pytest

from connector_tools.counterparts.rules.hlr import (
    ACTIONS,
    BARRED,
    GRANTED,
    Hlr,
    HlrReply,
    Subscriber,
)

IMSI = "001010000000001"
OTHER_IMSI = "001010000000002"
FOREIGN_IMSI = "999990000000001"
NUMBER = "9990000001"
OTHER_NUMBER = "9990000002"
FULL = {
    "imsi": IMSI,
    "subscriber_status": GRANTED,
    "msisdn": [NUMBER],
    "cs_profile": "default",
    "eps_profile": "gold",
}
RECORD = Subscriber(IMSI, GRANTED, (NUMBER,), "default", "gold")
DONE = HlrReply(200, {"result": True})


@pytest.fixture
def hlr() -> Hlr:
    return Hlr(network="00101", profiles=("default", "gold"))


@pytest.fixture
def holder(hlr: Hlr) -> Hlr:
    """An HLR that has a record of IMSI."""
    assert hlr.provision({**FULL, "action": "insert"}) == DONE
    return hlr


def refusal(reply: HlrReply) -> tuple[int, object]:
    """Status and error of a refused request."""
    assert reply.body["result"] is False
    return reply.status, reply.body["error"]


# --- What each action does ---


@pytest.mark.parametrize("action", ["insert", "update", "set"])
def test_a_new_record_has_the_given_fields(hlr: Hlr, action: str) -> None:
    assert hlr.provision({**FULL, "action": action}) == DONE
    assert hlr.subscribers == {IMSI: RECORD}


def test_a_new_record_is_barred_without_number_and_profiles_unless_the_request_says(
    hlr: Hlr,
) -> None:
    hlr.provision({"action": "update", "imsi": IMSI})
    assert hlr.subscribers == {IMSI: Subscriber(IMSI, BARRED, (), None, None)}


def test_insert_of_an_imsi_that_has_a_record_is_a_409_and_changes_nothing(holder: Hlr) -> None:
    again = holder.provision({"action": "insert", "imsi": IMSI, "cs_profile": "gold"})
    assert refusal(again) == (409, "imsi exists")
    assert holder.subscribers == {IMSI: RECORD}


def test_a_sim_of_another_network_must_be_inserted_before_it_is_updated(hlr: Hlr) -> None:
    update = {"action": "update", "imsi": FOREIGN_IMSI, "cs_profile": "gold"}
    assert refusal(hlr.provision(update)) == (404, "unknown imsi")
    assert hlr.provision({"action": "insert", "imsi": FOREIGN_IMSI}) == DONE
    assert hlr.provision(update) == DONE
    assert hlr.subscribers[FOREIGN_IMSI].cs_profile == "gold"


@pytest.mark.parametrize("action", ["modify", "unset", "delete"])
def test_what_changes_or_removes_a_record_is_a_404_without_one(hlr: Hlr, action: str) -> None:
    assert refusal(hlr.provision({"action": action, "imsi": IMSI})) == (404, "unknown imsi")
    assert hlr.subscribers == {}


@pytest.mark.parametrize("action", ["update", "set", "modify"])
def test_a_change_sets_the_given_fields_and_the_others_keep_their_value(
    holder: Hlr, action: str
) -> None:
    """As the WTL mapping releases an old SIM: without profiles."""
    change = {"action": action, "imsi": IMSI, "subscriber_status": BARRED, "msisdn": []}
    assert holder.provision(change) == DONE
    assert holder.subscribers == {IMSI: Subscriber(IMSI, BARRED, (), "default", "gold")}


def test_each_field_can_be_changed_alone(holder: Hlr) -> None:
    changes = {
        "subscriber_status": BARRED,
        "msisdn": [OTHER_NUMBER],
        "cs_profile": "gold",
        "eps_profile": "default",
    }
    for name, value in changes.items():
        assert holder.provision({**FULL, "action": "set"}) == DONE
        assert holder.provision({"action": "update", "imsi": IMSI, name: value}) == DONE
        stored = tuple(value) if isinstance(value, list) else value
        assert holder.subscribers == {IMSI: replace(RECORD, **{name: stored})}  # type: ignore[arg-type]


def test_unset_clears_the_given_fields_and_keeps_the_others(holder: Hlr) -> None:
    unset = {"action": "unset", "imsi": IMSI, "msisdn": [NUMBER], "cs_profile": "gold"}
    assert holder.provision(unset) == DONE
    assert holder.subscribers == {IMSI: Subscriber(IMSI, GRANTED, (), None, "gold")}


def test_unset_cannot_clear_the_status(holder: Hlr) -> None:
    reply = holder.provision({"action": "unset", "imsi": IMSI, "subscriber_status": BARRED})
    assert refusal(reply) == (200, "invalid subscriber_status")
    assert holder.subscribers == {IMSI: RECORD}


def test_delete_removes_the_record(holder: Hlr) -> None:
    assert holder.provision({"action": "delete", "imsi": IMSI}) == DONE
    assert holder.subscribers == {}


# --- One number on one IMSI ---


@pytest.mark.parametrize("action", ["insert", "update"])
def test_a_number_that_another_imsi_holds_is_refused_to_a_new_record(
    holder: Hlr, action: str
) -> None:
    reply = holder.provision({**FULL, "imsi": OTHER_IMSI, "action": action})
    assert refusal(reply) == (200, "msisdn in use")
    assert holder.subscribers == {IMSI: RECORD}


def test_of_a_change_that_takes_anothers_number_nothing_is_applied(holder: Hlr) -> None:
    holder.provision({"action": "insert", "imsi": OTHER_IMSI, "msisdn": [OTHER_NUMBER]})
    before = holder.subscribers
    reply = holder.provision({**FULL, "imsi": OTHER_IMSI, "action": "update"})
    assert refusal(reply) == (200, "msisdn in use")
    assert holder.subscribers == before


@pytest.mark.parametrize(
    "freeing",
    [
        {"action": "update", "msisdn": []},
        {"action": "modify", "msisdn": [OTHER_NUMBER]},
        {"action": "unset", "msisdn": []},
        {"action": "delete"},
    ],
)
def test_a_number_that_was_freed_can_go_to_another_imsi(
    holder: Hlr, freeing: dict[str, object]
) -> None:
    assert holder.provision({"imsi": IMSI, **freeing}) == DONE
    assert holder.provision({**FULL, "imsi": OTHER_IMSI, "action": "update"}) == DONE
    assert holder.subscribers[OTHER_IMSI].msisdn == (NUMBER,)


def test_a_reset_forgets_the_records_and_frees_their_numbers(holder: Hlr) -> None:
    holder.reset()
    assert holder.subscribers == {}
    assert holder.provision({**FULL, "imsi": OTHER_IMSI, "action": "insert"}) == DONE


# --- The rules of the fields ---


@pytest.mark.parametrize(
    ("field", "values", "error"),
    [
        ("imsi", ["", IMSI[:-1], IMSI + "0", IMSI + "\n", "\u0660" * 15], "invalid imsi"),
        ("action", ["", "upsert", "UPDATE"], "invalid action"),
        ("subscriber_status", ["", "granted"], "invalid subscriber_status"),
        ("msisdn", [[NUMBER, OTHER_NUMBER], [""], ["+999"], ["\u0669" * 3]], "invalid msisdn"),
        ("cs_profile", ["", "2g", "default\n", "a b"], "invalid cs_profile"),
        ("cs_profile", ["silver"], "unknown cs_profile"),
        ("eps_profile", ["silver"], "unknown eps_profile"),
        ("msisdns", [[NUMBER]], "unknown field"),
    ],
)
def test_a_value_that_breaks_a_rule_is_a_result_of_false_with_http_200(
    hlr: Hlr, field: str, values: list[object], error: str
) -> None:
    for value in values:
        reply = hlr.provision({**FULL, "action": "update", field: value})
        assert refusal(reply) == (200, error)
        assert reply.body["message"]
    assert hlr.subscribers == {}


def test_a_request_without_imsi_or_action_is_a_result_of_false(hlr: Hlr) -> None:
    assert refusal(hlr.provision({"action": "update"})) == (200, "invalid imsi")
    assert refusal(hlr.provision(FULL)) == (200, "invalid action")


def test_a_value_of_a_wrong_type_is_a_400(hlr: Hlr) -> None:
    changes: list[dict[str, object]] = [
        {"imsi": int(IMSI)},
        {"action": ["update"]},
        {"subscriber_status": None},
        {"msisdn": NUMBER},
        {"msisdn": [int(NUMBER)]},
        {"eps_profile": 4},
    ]
    for change in changes:
        reply = hlr.provision({**FULL, "action": "update", **change})
        assert refusal(reply) == (400, "bad request")
    assert hlr.subscribers == {}


# --- Personal data ---


def test_a_refusal_never_holds_the_numbers_of_the_request(holder: Hlr) -> None:
    """The connector may pass the error text on, to a log or to a person."""
    secrets = (IMSI, OTHER_IMSI, FOREIGN_IMSI, NUMBER)
    spoilers: list[dict[str, object]] = [
        {},
        {"imsi": FOREIGN_IMSI},
        {"imsi": OTHER_IMSI},
        {"imsi": NUMBER},
        {"msisdn": [NUMBER, NUMBER]},
        {"msisdn": NUMBER},
        {"cs_profile": NUMBER},
        {"subscriber_status": IMSI},
        {NUMBER: NUMBER},
    ]
    told = [
        json.dumps(holder.provision({**FULL, "action": action, **spoiler}).body)
        for action in (*ACTIONS, NUMBER)
        for spoiler in spoilers
    ]
    assert not [text for text in told for secret in secrets if secret in text]
    assert sum('"result": false' in text for text in told) > 40


def test_a_printed_record_does_not_show_personal_numbers() -> None:
    assert IMSI not in repr(RECORD)
    assert NUMBER not in repr(RECORD)
