"""Every field of an event is declared personal data, or was reviewed (contract 4.8)."""

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connector.event import Envelope, Event, parse, personal
from connector.masking import redact
from connector.portabilling import AccountInfo, Part, Personal, parts_in, personal_data
from tests.support.events import event

# Reviewed: an id of PortaBilling's own database, a state, a product, a time, or a container of
# other fields. `variables` has a free set of fields, which nobody can review; texts that quote it
# lose long numbers and e-mail addresses only (docs/decisions/0007-log-masking.md).
NOT_PERSONAL = {
    "Envelope": "event_id data pb_data handler_id created_at updated_at status",
    "ESPFEvent": "event_type variables",
    "PortaBillingData": "account_info sim_info prev_sim_info access_policy_info product_info "
    "full_vd_counter_info",
    "AccountInfo": "bill_status billing_model blocked i_account i_customer i_master_account "
    "i_product i_vd_plan product_name status time_zone_name assigned_addons service_features",
    "AddOn": "addon_effective_from addon_effective_to addon_priority description name i_product "
    "i_product_group i_vd_plan",
    "ServiceFeature": "name effective_flag_value attributes",
    "FeatureAttribute": "name effective_value",
    "SimInfo": "i_account i_sim_card status",
    "AccessPolicyInfo": "i_access_policy name attributes",
    "PolicyAttribute": "group_name name value",
    "ProductInfo": "i_product i_vd_plan addon_priority name description",
    "VDCounterInfo": "service_name vdp_name dg_name discount_info unit i_vd_plan i_dest_group "
    "i_vd_dg i_service addon_priority allocated_amount remaining",
    "Event": "event_id event_type handler_id status created_at updated_at parts i_account "
    "variables account sim prev_sim policy product counters snapshot identities unreadable ahead",
}
PERSONAL = {
    "AccountInfo": "email firstname lastname phone1 zip id msisdn",
    "SimInfo": "iccid imsi msisdn",
}


def models(model: type[Part] = Envelope) -> Iterator[type[Part]]:
    """A model and all models of its fields, at any depth."""
    yield model
    for field in model.model_fields.values():
        for part in parts_in(field.annotation):
            yield from models(part)


MODELS = sorted(set(models()), key=lambda model: model.__name__)


def personal_fields(model: type[Part]) -> set[str]:
    """The fields of a model whose values `personal_data` yields and `repr` hides."""
    markers: dict[str, Any] = {
        name: f"9{number:05}" for number, name in enumerate(model.model_fields)
    }
    filled = model.model_construct(**markers)
    yielded = {name for name, marker in markers.items() if marker in personal_data(filled)}
    hidden = {name for name, marker in markers.items() if marker not in repr(filled)}
    assert yielded == hidden
    return yielded


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_personal_or_was_reviewed(model: type[Part]) -> None:
    """A new field fails until it is declared `PERSONAL` or added to the list above."""
    found = personal_fields(model)
    assert found == set(PERSONAL.get(model.__name__, "").split())
    assert set(model.model_fields) - found == set(NOT_PERSONAL[model.__name__].split())


def test_every_field_of_the_event_itself_was_reviewed() -> None:
    names = {field.name for field in dataclasses.fields(Event)}
    assert names == set(NOT_PERSONAL["Event"].split())


def test_the_lists_name_models_that_exist() -> None:
    known = {model.__name__ for model in MODELS} | {"Event"}
    assert set(NOT_PERSONAL) == known
    assert set(PERSONAL) < known


def test_personal_data_of_each_part_of_an_event_is_found() -> None:
    account = {name: f"account-{name}" for name in PERSONAL["AccountInfo"].split()}
    old, new = (
        {"imsi": "0" * 14 + digit, "iccid": f"8{digit}", "msisdn": f"4{digit}"} for digit in "12"
    )
    parts = {"account_info": account, "sim_info": new, "prev_sim_info": old}
    found = parse(json.dumps(event() | {"pb_data": parts}).encode())
    sent = {*account.values(), *old.values(), *new.values()} - {"account-msisdn"}
    assert set(personal(found)) == sent


def test_personal_fields_below_other_fields_are_found() -> None:
    class Contact(Part):
        phone: Personal = None
        kind: str | None = None

    class Contacts(Part):
        first: Contact | None = None
        others: list[Contact] | None = None

    class Account(AccountInfo):
        contacts: Contacts | None = None

    values: dict[str, Any] = {"first": {"phone": "1", "kind": "home"}, "others": [{"phone": "2"}]}
    assert set(personal_data(Account.model_validate({"id": "3", "contacts": values}))) == set("123")


@pytest.mark.parametrize(
    "text", ["a@b.cz", "x a@b.cz, c@d.com.", "a@b.cc1@d.ee", "<a@b.cz>", "@a@b.cz", "x@y@b.cz@"]
)
def test_each_email_address_in_a_text_is_masked(text: str) -> None:
    masked = redact(text)
    assert "***" in masked
    assert "b.c" not in masked and "d.e" not in masked


@pytest.mark.parametrize("text", ["a", "1a", "a.", "a@", "@a.", "a@b.cc1"])
def test_the_time_of_masking_email_addresses_grows_with_the_length_of_the_text(text: str) -> None:
    """A search that began at each letter took minutes for the text of a long reply."""

    def seconds(length: int) -> float:
        long, best = "a@" + text * (length // len(text)), 9.0
        for _ in range(3):
            begun = time.process_time()
            redact(long)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(40_000) < 60 * seconds(2_000)  # linear: 20 times; quadratic: 400 times
