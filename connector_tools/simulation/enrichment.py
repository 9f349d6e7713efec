"""The data that NSPS reads from PortaBilling for an event: `pb_data` (contract 2.2).

Its shape is public; how NSPS finds the objects of an event is not. The simulation assumes: for
SIM/Replaced, the SIM is the one that the account has now, and the event names the previous one.
Every other SIM event names its SIM, and the account is the one that has this SIM now.
"""

from typing import Any

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.inventory import Product
from connector_tools.simulation.subscribers import ADDONS, Account, EspfEvent, Sim

PARTS = (
    "account_info",
    "sim_info",
    "prev_sim_info",
    "access_policy_info",
    "product_info",
    "full_vd_counter_info",
)
_SOLD = "2026-01-01T00:00:00"  # before every simulation begins
# Add-ons that PortaBilling still lists, or lists already, although they are not in effect.
_ENDED = ("2025-06-01 00:00:00", "2025-12-31 23:59:59")
_LATER = ("2099-01-01T00:00:00", None)


def enrich(billing: Billing, event: EspfEvent) -> dict[str, Any]:
    """The event's `pb_data`, from the present state of billing."""
    ids = {name: int(value) for name, value in event.variables.items() if name.startswith("i_")}
    previous = event.variables.get("prev_i_sim_card")
    if event.event_type == "SIM/Replaced" or not event.event_type.startswith("SIM/"):
        account: Account | None = billing.accounts[ids["i_account"]]
        sim = billing.sims.get(account.i_sim_card or 0) if account else None
    else:
        sim = billing.sims.get(ids.get("i_sim_card", 0))
        account = billing.accounts[sim.i_account] if sim and sim.i_account else None
    if sim and sim.deleted and event.event_type != "SIM/Deleted":
        sim = None
    found = {
        "account_info": _account(account, billing.product_of(account)) if account else None,
        "sim_info": _sim(billing, sim) if sim else None,
        "access_policy_info": _policy(billing.product_of(account), sim)
        if account and sim
        else None,
        "product_info": _product(account, billing.product_of(account)) if account else None,
        "full_vd_counter_info": _counters(account) if account else None,
    }
    if event.event_type == "SIM/Replaced":
        old = billing.sims[int(previous)] if previous else None
        found["prev_sim_info"] = _sim(billing, old) if old and not old.deleted else None
    return found


def _account(account: Account, product: Product) -> dict[str, Any]:
    """An account in one of PortaBilling's spellings; each account always has the same one."""
    raw = account.i_account % 3 == 0
    spelt = account.bill_status[0].upper() if raw else account.bill_status
    if account.bill_status == "terminated":
        spelt = "C" if raw else "closed"
    return {
        "i_account": account.i_account,
        "i_customer": 6000 + account.i_account // 4,
        "id": account.number if account.i_account % 5 == 0 else f"{account.number}@msisdn",
        "bill_status": spelt,
        "billing_model": "credit_account",
        "blocked": ("Y" if account.blocked else "N") if raw else account.blocked,
        "status": account.status,
        "i_product": account.i_product,
        "product_name": product.name,
        "email": account.email,
        "firstname": f"Firstname{account.i_account}",
        "lastname": f"Lastname{account.i_account}",
        "zip": f"Z{account.i_account:07d}",
        "phone1": f"+99{account.i_account:09d}",
        "time_zone_name": "Europe/Prague",
        "assigned_addons": _addons(account),
    }


def _addons(account: Account) -> list[dict[str, Any]]:
    """The add-ons in effect, and for some accounts one that has ended or that begins later."""
    listed: list[tuple[int, tuple[str, str | None]]]
    listed = [(addon, (_SOLD, None)) for addon in sorted(account.addons)]
    others = sorted(ADDONS.keys() - account.addons)
    if others and account.i_account % 4 < 2:
        listed.append((others[0], _LATER if account.i_account % 4 else _ENDED))
    return [
        {
            "i_product": addon,
            "name": ADDONS[addon],
            "addon_priority": 10,
            "addon_effective_from": begins,
            "addon_effective_to": ends,
        }
        for addon, (begins, ends) in listed
    ]


def _counters(account: Account) -> list[dict[str, Any]]:
    """The quotas of voice, which is unlimited, and of data, as a number or as text."""
    left = 0 if account.throttled else 7.5
    return [
        {"service_name": "Voice Calls", "dg_name": "RG1", "unit": "min", "remaining": "N/A"},
        {
            "service_name": "Internet Access",
            "dg_name": "RG100",
            "unit": "GB",
            "addon_priority": 0,
            "allocated_amount": 10,
            "remaining": str(left) if account.i_account % 2 else left,
        },
    ]


def _sim(billing: Billing, sim: Sim) -> dict[str, Any]:
    account = billing.accounts[sim.i_account] if sim.i_account else None
    return {
        "i_account": sim.i_account,
        "i_sim_card": sim.i_sim_card,
        "iccid": sim.iccid,
        "imsi": sim.imsi,
        "msisdn": account.number if account and account.holds_number else None,
        "status": sim.status,
    }


def _policy(product: Product, sim: Sim) -> dict[str, Any]:
    """The access policy of a product.

    That of an invented one holds the SIM's version in its `eps_profile`: network.py compares it.
    """
    invented = {"cs_profile": product.name, "eps_profile": f"eps-v{sim.version}"}
    values = invented if product.attributes is None else product.attributes
    attributes = [{"group_name": "lte.wtl", "name": n, "value": v} for n, v in values.items()]
    return {"i_access_policy": 179, "name": "Mobile", "attributes": attributes}


def _product(account: Account, product: Product) -> dict[str, Any]:
    return {"i_product": account.i_product, "name": product.name}
