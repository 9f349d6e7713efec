"""Each event type that PortaOne's public pages document is accepted, in each documented form.

The types and their variables are those of the pages on event groups (MR97 to MR117), of the list of
fine-grained types (MR80 to MR116), and of the NSPS Connector Implementation Guide.
"""

import json
from typing import Any

import pytest

from connector.event import parse
from connector.mapping.load import load
from connector.outcome import Outcome, Refusal
from connector.plan.planner import plan
from tests.support import ROOT
from tests.support.events import event

GROUPED: dict[str, dict[str, Any]] = {
    "Customer/Created Customer/Updated Customer/Deleted": {"i_customer": 6392, "i_event": 5},
    "Subscriber/Created Subscriber/Updated Subscriber/Deleted": {
        "i_account": 1000889,
        "i_event": 5,
    },
    "DID/Created DID/Updated DID/Deleted": {"number": "420700000001", "i_event": 5},
    "Invoice/Created Invoice/Updated": {"i_customer": 6392, "i_invoice": 12, "i_event": 5},
    "Account/BalanceChanged Customer/BalanceChanged": {
        "billing_entity_id": 7,
        "prev_balance": "1.50",
        "curr_balance": 0.5,
    },
}
FINE = {
    "Accessibility": "Deleted Inserted",
    "AccessPolicy": "Changed Phase/Changed Phase/Deleted Phase/New",
    "Account": "AccessPolicy/Changed ActivationDate/Changed Alias/Delete AvailableFundsAppear "
    "Blocked CustomField/Changed Discount/Changed ExpirationDate/Changed FollowMe/Changed "
    "FollowMeNumber/Changed FollowMeNumber/Deleted FollowMeNumber/Inserted Id/Changed ID/Changed "
    "IPDeviceAssignment New Password/Changed ProductAddon/Changed ProductAddon/Deleted "
    "ProductAddon/Inserted Product/Changed ServiceAttribute/Changed ServiceFlags/Changed "
    "Service/Msg/QuotaExceeded Service/Netaccess/QuotaExceeded ServicePassword/Changed "
    "Service/QuotaAvailable Service/QuotaExceeded Service/QuotaExpired Service/Msg/QuotaExpired "
    "Service/Netaccess/QuotaExpired SIMCardAssignment Status/Changed Status/Closed Status/Exported "
    "Status/Imported Status/Suspend Status/Suspended Status/Unsuspend Status/SuspensionRemoved "
    "Unblocked ZeroAvailableFunds",
    "Connection": "Changed Deleted New",
    "Customer": "AvailableFundsAppear Blocked CustomField/Changed Name/Changed New "
    "ServiceAttribute/Changed ServiceFlags/Changed Status/Activated Status/Changed Status/Closed "
    "Status/Deactivated Status/Exported Status/Imported Status/Limited Status/Suspend "
    "Status/Suspended Status/Unsuspend Unblocked ZeroAvailableFunds",
    "CustomerSite": "ServiceAttribute/Changed",
    "CustomField": "Changed",
    "Custom": "Jasper/CapReached",
    "DID": "New Status/Activated Status/Assigned Status/Canceled Status/Moved Status/Unassigned",
    "Invoice": "Adjustments/Changed AmountPaid/Changed New Status/Changed",
    "IPDeviceProfile": "New",
    "PaymentTransaction": "New ResultCode/Changed Status/Changed",
    "Product": "AccessPolicy/Changed Discount/Changed ServiceAttribute/Changed",
    "ServiceAttribute": "Changed",
    "Subscriber": "Address/Changed ContactInfo/Changed Name/Changed",
}
OTHERS = [(kind, variables) for kinds, variables in GROUPED.items() for kind in kinds.split()]
OTHERS += [
    (f"{group}/{kind}", {"i_env": 3, "i_event": 999999, "i_account": 277147})
    for group, kinds in FINE.items()
    for kind in kinds.split()
]
SIM = ["sim-created", "sim-updated", "sim-replaced", "sim-deleted"]
# Spellings of fields in the guide's examples, in the OpenAPI file and on the pages of PortaBilling.
FORMS: dict[str, dict[str, Any]] = {
    "as in the guide": {},
    "numbers as text": {"data.variables.i_event": "5", "data.variables.i_account": "1000889"},
    "status of the event": {"status": "received"},
    "no handler": {"handler_id": None},
    "status of a SIM": {"data.variables.curr_status": "used", "pb_data.sim_info.status": "active"},
    "unknown number of days": {"data.variables.event_time": None},
    "a policy in a list": {"pb_data.access_policy_info": [{"i_access_policy": 1, "name": "x"}]},
    "an ICCID as id": {"pb_data.account_info.id": "89420000000000000019"},
    "a product": {"pb_data.product_info": {"i_product": 1, "name": "x", "addon_priority": 255}},
    "a counter": {
        "pb_data.full_vd_counter_info": [
            {"discount_info": "0..10 - 100%", "allocated_amount": 10, "remaining": "10"},
            {"dg_name": "RG100", "allocated_amount": 0.5, "remaining": "N/A", "addon_priority": -1},
        ]
    },
    "an add-on with a space": {
        "pb_data.account_info.assigned_addons": [{"addon_effective_from": "2025-05-16 12:59:46"}]
    },
    "times of Python": {"updated_at": "2025-05-16 12:59:46.123456+00:00"},
    "times of PostgreSQL": {"updated_at": "2025-05-16 12:59:46.123456+00"},
}
MAPPINGS = [load(ROOT / "mappings" / f"{name}.yaml") for name in ("wtl-hlr-hss", "osmo-hlr")]


def planned(sent: dict[str, Any], mapping: Any) -> Any:
    settings = dict.fromkeys(mapping.settings) | {"cs_profile": "a", "eps_profile": "b"}
    found = parse(json.dumps(sent).encode())
    assert not found.unreadable
    return plan(found, mapping, settings)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
def test_all_other_event_types_are_ignored_with_and_without_enrichment(mapping: Any) -> None:
    assert len(OTHERS) > 90
    for kind, variables in OTHERS:
        for numbers in (variables, {name: str(value) for name, value in variables.items()}):
            bare = {"event_id": "e", "data": {"event_type": kind, "variables": numbers}}
            for sent in (bare, bare | {"pb_data": event()["pb_data"]}):
                assert planned(sent, mapping).result.outcome is Outcome.IGNORED, kind


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.name)
@pytest.mark.parametrize("form", FORMS)
def test_the_events_of_sims_lead_to_calls_in_each_documented_form(mapping: Any, form: str) -> None:
    for name in SIM:
        change = {
            path: value
            for path, value in FORMS[form].items()
            if name != "sim-deleted" or "account_info" not in path
        }
        assert planned(event(name, change=change), mapping).steps, name


def test_the_malformed_event_of_the_guide_is_refused() -> None:
    with pytest.raises(Refusal):
        parse(b'{"event_id": "a5c1", "data": {"event_type": "SIM/Updated"}}')
