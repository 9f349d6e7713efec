"""The spellings of PortaBilling's releases (contract 2), seen at the external system."""

from typing import Any

import pytest

from tests.support.answers import ACCEPTED, DUPLICATE, details
from tests.support.events import event, subscriber
from tests.support.function import Function
from tests.support.scripted import ScriptedServer

GRANTED, BARRED = "serviceGranted", "operatorDeterminedBarring"
NUMBER = ["420700000001"]
ACCOUNT = "pb_data.account_info"


def applied(function: Function, system: ScriptedServer, change: dict[str, Any]) -> dict[str, Any]:
    """The one request that the system gets for an event with these changes."""
    assert function.post(event(change=change)).json() == ACCEPTED
    (request,) = system.requests
    body: dict[str, Any] = request.json
    return body


@pytest.mark.parametrize(
    ("spelt", "status", "number"),
    [
        *[(word, GRANTED, NUMBER) for word in ("open", "OPEN", " Open ", "active", "O", "o")],
        *[(word, BARRED, NUMBER) for word in ("suspended", "Suspended", "S")],
        *[(word, BARRED, []) for word in ("inactive", "I", "terminated", "closed", "C", "c")],
    ],
)
def test_bill_status_in_each_spelling(
    function: Function, system: ScriptedServer, spelt: str, status: str, number: list[str]
) -> None:
    body = applied(function, system, {f"{ACCOUNT}.bill_status": spelt})
    assert (body["subscriber_status"], body["msisdn"]) == (status, number)


@pytest.mark.parametrize("spelt", ["barred", "X", "opened", "customer_exported"])
def test_an_unknown_bill_status_is_refused(
    function: Function, system: ScriptedServer, spelt: str
) -> None:
    (detail,) = details(function.post(event(change={f"{ACCOUNT}.bill_status": spelt})))
    assert detail["field"] == f"{ACCOUNT}.bill_status"
    assert spelt not in detail["rule"]
    assert not system.requests


@pytest.mark.parametrize(
    ("spelt", "status"),
    [
        *[(word, BARRED) for word in (True, "Y", "y", "true", "True", 1, "1")],
        *[(word, GRANTED) for word in (False, "N", "n", "false", "FALSE", 0, "0")],
    ],
)
def test_blocked_in_each_spelling(
    function: Function, system: ScriptedServer, spelt: object, status: str
) -> None:
    body = applied(function, system, {f"{ACCOUNT}.blocked": spelt})
    assert body["subscriber_status"] == status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        *[
            (word, BARRED)
            for word in (
                "blocked customer_blocked suspended customer_suspended closed inactive expired "
                "customer_provisionally_terminated not_yet_active Blocked"
            ).split()
        ],
        *[
            (word, GRANTED)
            for word in (
                "active zero_balance overdraft credit_exceeded frozen quarantine screening "
                "customer_suspension_delayed customer_limiting_delayed customer_limited"
            ).split()
        ],
        (None, GRANTED),
        ("", GRANTED),
    ],
)
def test_the_accounts_state_bars_but_its_balance_does_not(
    function: Function, system: ScriptedServer, state: str | None, status: str
) -> None:
    body = applied(function, system, {f"{ACCOUNT}.status": state})
    assert (body["subscriber_status"], body["msisdn"]) == (status, NUMBER)


POLICY = {"attributes": [{"group_name": "lte.wtl", "name": "cs_profile", "value": "cs-x"}]}


@pytest.mark.parametrize(
    ("policy", "profile"),
    [
        (POLICY, "cs-x"),
        ([POLICY], "cs-x"),
        ([], "default"),
        (None, "default"),
        ({"attributes": None}, "default"),
        ({"attributes": []}, "default"),
        ({"attributes": [{"name": "cs_profile", "value": ""}]}, "default"),
        ({"attributes": [{"name": "cs_profile", "value": None}]}, "default"),
    ],
)
def test_an_access_policy_is_an_object_or_a_list_of_one(
    function: Function, system: ScriptedServer, policy: object, profile: str
) -> None:
    body = applied(function, system, {"pb_data.access_policy_info": policy})
    assert (body["cs_profile"], body["eps_profile"]) == (profile, "default")


def test_numbers_may_come_as_text(function: Function, system: ScriptedServer) -> None:
    as_text = {
        "data.variables.i_env": "3",
        "data.variables.i_account": "277147",
        f"{ACCOUNT}.i_account": "277147",
        f"{ACCOUNT}.i_product": "3774",
        f"{ACCOUNT}.i_vd_plan": "",
        "pb_data.sim_info.i_sim_card": "3793",
        "pb_data.full_vd_counter_info": [
            {"i_service": "1", "allocated_amount": "10.5", "remaining": "3.5"},
            {"i_service": 1, "allocated_amount": 10, "remaining": "N/A"},
            {"remaining": None},
        ],
    }
    assert applied(function, system, as_text)["subscriber_status"] == GRANTED


def test_an_event_number_as_text_names_the_same_event(
    function: Function, system: ScriptedServer
) -> None:
    once = event()
    assert function.post(once).json() == ACCEPTED
    number = once["data"]["variables"]["i_event"]
    same = event(change={"data.variables.i_event": str(number), "data.variables.i_env": "3"})
    assert function.post(same).json() == DUPLICATE
    assert len(system.requests) == 1


@pytest.mark.parametrize(
    ("charging_id", "number"),
    [
        ("420700000001@msisdn", NUMBER),
        ("420700000099@msisdn", ["420700000099"]),
        ("420700000099@MSISDN", ["420700000099"]),
        ("420700000099", ["420700000099"]),
        ("89420000000000000019", NUMBER),
        ("001010000000001", NUMBER),
        ("ada.example", NUMBER),
        ("ada@example.com", NUMBER),
        ("@msisdn", NUMBER),
        ("", NUMBER),
        (None, NUMBER),
    ],
)
def test_each_form_of_the_charging_id_gives_the_number(
    function: Function, system: ScriptedServer, charging_id: str | None, number: list[str]
) -> None:
    assert applied(function, system, {f"{ACCOUNT}.id": charging_id})["msisdn"] == number


def test_an_account_without_any_number_is_served_without_one(
    function: Function, system: ScriptedServer
) -> None:
    without = {f"{ACCOUNT}.id": "ada", "pb_data.sim_info.msisdn": None}
    body = applied(function, system, without)
    assert (body["subscriber_status"], body["msisdn"]) == (GRANTED, [])


@pytest.mark.parametrize("kind", ["sim/updated", "SIM/UPDATED", "Sim/Updated"])
def test_event_types_are_compared_without_case(
    function: Function, system: ScriptedServer, kind: str
) -> None:
    assert applied(function, system, {"data.event_type": kind})["action"] == "update"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"data.event_type": "Account/ID/Changed"},
            "no rule for events of type Account/ID/Changed",
        ),
        ({"data.event_type": "SIM"}, "no rule for events of type SIM"),
        ({"pb_data.sim_info": None}, "IMSI is empty or not provided"),
        ({"pb_data.sim_info": {}}, "IMSI is empty or not provided"),
        ({"pb_data.sim_info.imsi": ""}, "IMSI is empty or not provided"),
        ({"pb_data.sim_info.imsi": None}, "IMSI is empty or not provided"),
        (
            {ACCOUNT: None, "pb_data.sim_info.i_account": None},
            "the SIM has no account yet",
        ),
    ],
)
def test_an_event_without_anything_to_do_is_ignored_with_the_reason(
    function: Function, system: ScriptedServer, change: dict[str, Any], reason: str
) -> None:
    response = function.post(event(change=change))
    assert response.status_code == 202
    assert response.json() == {"message": f"Event ignored: {reason}"}
    assert not system.requests


def test_an_event_of_variables_alone_is_valid(function: Function, system: ScriptedServer) -> None:
    bare = {"event_id": "bare", "data": {"event_type": "Customer/New", "variables": {}}}
    response = function.post(bare)
    assert response.json() == {"message": "Event ignored: no rule for events of type Customer/New"}
    assert not system.requests


def test_unknown_fields_are_accepted_anywhere(function: Function, system: ScriptedServer) -> None:
    unknown: dict[str, Any] = {"since": "MR123", "deep": [{"er": None}]}
    places = ["x_new", "data.x_new", "data.variables.x_new", "pb_data.x_new"]
    places += [f"pb_data.{part}.x_new" for part in ("account_info", "sim_info")]
    places += ["pb_data.access_policy_info.x_new", "pb_data.product_info.x_new"]
    body = applied(function, system, dict.fromkeys(places, unknown))
    assert (body["subscriber_status"], body["msisdn"]) == (GRANTED, NUMBER)


def test_all_optional_fields_may_be_null(function: Function, system: ScriptedServer) -> None:
    sent = event()
    account = sent["pb_data"]["account_info"]
    nulls: dict[str, object] = {
        f"{ACCOUNT}.{name}": None for name in account if name not in ("bill_status", "blocked")
    }
    nulls |= dict.fromkeys(("handler_id", "created_at", "updated_at", "status"))
    nulls |= {"pb_data.sim_info.iccid": None, "pb_data.sim_info.status": None}
    nulls |= {"pb_data.sim_info.imsi": subscriber(77)}  # the ledger has no newer snapshot of it
    assert applied(function, system, nulls)["subscriber_status"] == GRANTED
