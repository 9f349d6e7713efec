"""The spellings of PortaBilling's releases become one (contract 2.2)."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from connector.event import Event, parse
from connector.portabilling import (
    AccessPolicyInfo,
    AccountInfo,
    AddOn,
    FeatureAttribute,
    PolicyAttribute,
    PortaBillingData,
    ProductInfo,
    ServiceFeature,
    SimInfo,
    VDCounterInfo,
)

IMSI, ICCID = "001010000000001", "89420000000000000019"


def read(**parts: Any) -> Event:
    data = {"event_type": "SIM/Updated", "variables": {}}
    return parse(json.dumps({"event_id": "e", "data": data, "pb_data": parts}).encode())


def account(**fields: Any) -> AccountInfo:
    found = read(account_info=fields).account
    assert found
    return found


def sim(**fields: Any) -> SimInfo:
    found = read(sim_info=fields).sim
    assert found
    return found


def counter(**fields: Any) -> VDCounterInfo:
    return read(full_vd_counter_info=[fields]).counters[0]


def unreadable(**parts: Any) -> dict[str, str]:
    """The rule of each field that cannot be read; the event itself can."""
    return {found.detail.field: found.detail.rule for found in read(**parts).unreadable}


# The account's state


@pytest.mark.parametrize(
    ("state", "spellings"),
    [
        ("open", ["open", "Open", "OPEN", " open ", "active", "Active", "O", "o"]),
        ("suspended", ["suspended", "SUSPENDED", "S", "s"]),
        ("inactive", ["inactive", "Inactive", "I", "i"]),
        ("terminated", ["terminated", "Terminated", "closed", "CLOSED", "C", "c"]),
        (None, [None, "", " "]),
    ],
)
def test_bill_status_has_four_values_in_many_spellings(
    state: str | None, spellings: list[str | None]
) -> None:
    assert [account(bill_status=spelt).bill_status for spelt in spellings] == [state] * len(
        spellings
    )


@pytest.mark.parametrize("value", ["barred", "opened", "O S", "ope\u0578", "X", "null", "0"])
def test_an_unknown_bill_status_is_unreadable(value: str) -> None:
    assert unreadable(account_info={"bill_status": value}) == {
        "pb_data.account_info.bill_status": (
            "must be open, suspended, inactive or terminated (or O, S, I, C)"
        )
    }


@pytest.mark.parametrize("value", [1.0, True, ["open"], {"open": True}])
def test_a_bill_status_must_be_text(value: Any) -> None:
    assert unreadable(account_info={"bill_status": value}) == {
        "pb_data.account_info.bill_status": "must be text"
    }


@pytest.mark.parametrize(
    ("blocked", "spellings"),
    [
        (True, [True, "Y", "y", "true", "True", " TRUE ", 1, 1.0, "1"]),
        (False, [False, "N", "n", "false", "False", " FALSE ", 0, 0.0, "0"]),
    ],
)
def test_blocked_is_a_bool_in_many_spellings(blocked: bool, spellings: list[Any]) -> None:
    assert all(account(blocked=spelt).blocked is blocked for spelt in spellings)


@pytest.mark.parametrize("value", [None, "", " "])
def test_an_unknown_blocked_stays_unknown(value: Any) -> None:
    assert account(blocked=value).blocked is None
    assert account().blocked is None


@pytest.mark.parametrize("value", ["maybe", "yes", "blocked", 2, -1, 0.5, [], ["Y"], {}])
def test_any_other_value_of_blocked_is_unreadable(value: Any) -> None:
    assert unreadable(account_info={"blocked": value}) == {
        "pb_data.account_info.blocked": "must be true, false, Y or N"
    }


def test_states_become_lower_case() -> None:
    assert account(status=" Customer_Suspended ").status == "customer_suspended"
    assert sim(status="USED").status == "used"
    assert account(status="of_a_later_release").status == "of_a_later_release"
    assert account(status="").status is None


# The account's number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("420700000001@msisdn", "420700000001"),
        ("420700000001@MSISDN", "420700000001"),
        (" 420700000001@msisdn ", "420700000001"),
        ("+420 700@msisdn", "+420 700"),
        ("420700000001", "420700000001"),
        ("+420700000001@msisdn", "420700000001"),
        ("+420700000001", "420700000001"),
        ("4" * 15, "4" * 15),
        ("4" * 16, "from the SIM"),
        ("4" * 16 + "@msisdn", "from the SIM"),
        ("8903302342234567890123456789012", "from the SIM"),
        (420700000001, "420700000001"),
        (IMSI, "from the SIM"),
        (ICCID, "from the SIM"),
        ("login", "from the SIM"),
        ("420700000001@example.com", "from the SIM"),
        ("@msisdn", "from the SIM"),
        ("420700000001@", "from the SIM"),
        ("٤٢٠", "from the SIM"),
        ("", "from the SIM"),
        (None, "from the SIM"),
    ],
)
def test_each_form_of_the_charging_id_gives_the_number(name: str | None, number: str) -> None:
    found = read(
        account_info={"id": name},
        sim_info={"imsi": IMSI, "iccid": ICCID, "msisdn": "from the SIM"},
    ).account
    assert found
    assert found.msisdn == number


def test_an_account_named_by_its_old_sim_has_the_number_of_the_new_one() -> None:
    old = {"imsi": IMSI, "iccid": ICCID, "msisdn": "of the old"}
    for name in (IMSI, ICCID):
        found = read(
            account_info={"id": name}, sim_info={"msisdn": "of the new"}, prev_sim_info=old
        ).account
        assert found
        assert found.msisdn == "of the new"


def test_an_account_may_be_without_a_number() -> None:
    assert account(id="login").msisdn is None
    assert account().msisdn is None


def test_a_number_sent_for_the_account_is_replaced() -> None:
    assert account(msisdn="666").msisdn is None


# SIM cards


@pytest.mark.parametrize("imsi", ["001010", IMSI, None])
def test_an_imsi_of_6_to_15_digits_is_read(imsi: str | None) -> None:
    assert sim(imsi=imsi).imsi == imsi


@pytest.mark.parametrize("imsi", ["", "  "])
def test_a_blank_imsi_is_null(imsi: str) -> None:
    assert sim(imsi=imsi).imsi is None


@pytest.mark.parametrize(
    "imsi", ["00101", IMSI + "0", IMSI[:-1] + "x", IMSI[:-1] + "\n", " " + IMSI[1:], "\u0661" * 15]
)
def test_a_malformed_imsi_is_unreadable(imsi: str) -> None:
    rule = "must be 6 to 15 digits"
    assert unreadable(sim_info={"imsi": imsi}) == {"pb_data.sim_info.imsi": rule}
    assert unreadable(prev_sim_info={"imsi": imsi}) == {"pb_data.prev_sim_info.imsi": rule}


@pytest.mark.parametrize("field", ["imsi", "iccid", "msisdn"])
def test_an_identifier_that_comes_as_a_number_becomes_its_digits(field: str) -> None:
    assert getattr(sim(**{field: 1010000000001}), field) == "1010000000001"
    wrong = 8.94e18  # it has lost digits
    assert unreadable(sim_info={field: wrong}) == {f"pb_data.sim_info.{field}": "must be text"}


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("+420700000001", "420700000001"),
        ("+" + "4" * 15, "4" * 15),
        ("420 700", "420 700"),
        ("++420", "++420"),
        ("+", "+"),
        ("", None),
    ],
)
def test_a_phone_number_has_no_plus(sent: str, number: str | None) -> None:
    assert sim(msisdn=sent).msisdn == number


@pytest.mark.parametrize("sent", ["4" * 16, "+" + "4" * 16, ICCID])
def test_a_phone_number_has_at_most_15_digits(sent: str) -> None:
    rule = {"pb_data.sim_info.msisdn": "must have 15 digits at most"}
    assert unreadable(sim_info={"msisdn": sent}) == rule


# The access policy


@pytest.mark.parametrize(
    ("sent", "name"),
    [({"name": "p"}, "p"), ([{"name": "p"}], "p"), ({}, None), ([{}], None)],
)
def test_an_access_policy_is_an_object_or_a_list_of_one(sent: Any, name: str | None) -> None:
    policy = read(access_policy_info=sent).policy
    assert policy
    assert policy.name == name


@pytest.mark.parametrize("sent", [None, [], [None]])
def test_an_empty_list_of_access_policies_is_null(sent: Any) -> None:
    assert read(access_policy_info=sent).policy is None


def test_several_access_policies_are_unreadable() -> None:
    assert unreadable(access_policy_info=[{}, {}]) == {
        "pb_data.access_policy_info": "must be one access policy, not several"
    }


# Numbers


@pytest.mark.parametrize(("sent", "number"), [(5, 5), ("5", 5), (" 5 ", 5), (5.0, 5), ("", None)])
def test_numbers_may_come_as_text(sent: Any, number: int | None) -> None:
    assert account(i_account=sent, i_product=sent).i_account == number
    assert sim(i_sim_card=sent).i_sim_card == number
    assert counter(addon_priority=sent, allocated_amount=sent).allocated_amount == number
    assert read(product_info={"i_product": sent}).product == ProductInfo(i_product=number)
    addons = account(assigned_addons=[{"addon_priority": sent}]).assigned_addons
    assert addons == [AddOn(addon_priority=number)]


def test_a_huge_number_is_kept() -> None:
    assert account(i_product=10**30).i_product == 10**30


@pytest.mark.parametrize("sent", ["many", "007", "7.0", "1_0", "+7", 1.5, 1e16, True, [], {}])
def test_an_id_must_be_a_number(sent: Any) -> None:
    assert list(unreadable(account_info={"i_account": sent})) == ["pb_data.account_info.i_account"]


@pytest.mark.parametrize(
    ("sent", "remaining"),
    [
        (5, 5.0),
        ("007", "007"),
        (0.5, 0.5),
        ("10.5", 10.5),
        ("-3", -3.0),
        ("N/A", "N/A"),
        (None, None),
    ],
)
def test_a_remaining_amount_is_a_number_or_text(sent: Any, remaining: Any) -> None:
    assert counter(remaining=sent).remaining == remaining
    assert isinstance(counter(remaining=sent).remaining, type(remaining))


@pytest.mark.parametrize("sent", ["nan", "inf", "-Infinity", "1e999"])
def test_text_for_infinity_or_nan_stays_text(sent: str) -> None:
    assert counter(remaining=sent).remaining == sent


def test_a_remaining_amount_of_another_type_is_unreadable() -> None:
    assert list(unreadable(full_vd_counter_info=[{"remaining": []}])) == [
        "pb_data.full_vd_counter_info.0.remaining"
    ]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 400])
@pytest.mark.parametrize("field", [b"allocated_amount", b"remaining"])
def test_an_infinite_number_is_unreadable(field: bytes, number: bytes) -> None:
    body = b'{"event_id": "e", "data": {"event_type": "X"}, "pb_data":'
    body += b' {"full_vd_counter_info": [{"' + field + b'": ' + number + b"}]}}"
    (found,) = parse(body).unreadable
    assert found.detail.field == f"pb_data.full_vd_counter_info.0.{field.decode()}"


# All parts

PARTS: list[type[BaseModel]] = [
    AccountInfo,
    AddOn,
    ServiceFeature,
    FeatureAttribute,
    SimInfo,
    AccessPolicyInfo,
    PolicyAttribute,
    ProductInfo,
    VDCounterInfo,
    PortaBillingData,
]


@pytest.mark.parametrize("part", PARTS)
def test_known_fields_may_be_missing_or_null_and_new_ones_are_kept(part: type[BaseModel]) -> None:
    nulls = dict.fromkeys(part.model_fields)
    assert part.model_validate(nulls).model_dump() == part().model_dump() == nulls
    assert part.model_validate({"of_a_later_release": [1]}).model_extra == {
        "of_a_later_release": [1]
    }


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (
            AccountInfo,
            "bill_status billing_model blocked email firstname lastname phone1 zip i_account "
            "i_customer i_master_account i_product i_vd_plan id product_name status "
            "time_zone_name assigned_addons service_features",
        ),
        (
            AddOn,
            "addon_effective_from addon_effective_to addon_priority description name i_product "
            "i_product_group i_vd_plan",
        ),
        (ServiceFeature, "name effective_flag_value attributes"),
        (SimInfo, "i_account i_sim_card iccid imsi msisdn status"),
        (AccessPolicyInfo, "i_access_policy name attributes"),
        (PolicyAttribute, "group_name name value"),
        (ProductInfo, "i_product i_vd_plan addon_priority name description"),
        (
            VDCounterInfo,
            "service_name vdp_name dg_name discount_info unit i_vd_plan i_dest_group i_vd_dg "
            "i_service addon_priority allocated_amount remaining",
        ),
    ],
)
def test_the_parts_have_the_fields_of_the_guide(part: type[BaseModel], fields: str) -> None:
    """A mapping can use only these fields, so the list must be complete."""
    assert set(fields.split()) == set(part.model_fields) - {"msisdn"} | (
        {"msisdn"} if part is SimInfo else set()
    )
