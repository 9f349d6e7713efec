"""The data that NSPS reads from PortaBilling for an event: `pb_data` (contract 2.2).

Its shape is public; how NSPS finds the objects of an event is not. The simulation assumes: for
SIM/Replaced, the SIM is the one that the account has now, and the event names the previous one.
Every other SIM event names its SIM, and the account is the one that has this SIM now.
"""

from typing import Any

from connector_tools.simulation.billing import PRODUCTS, Account, Billing, EspfEvent, Sim

PARTS = ("account_info", "sim_info", "prev_sim_info", "access_policy_info", "product_info")


def enrich(billing: Billing, event: EspfEvent) -> dict[str, Any]:
    """The event's `pb_data`, from the present state of billing."""
    ids = {name: int(value) for name, value in event.variables.items() if name.startswith("i_")}
    previous = event.variables.get("prev_i_sim_card")
    if event.event_type == "SIM/Replaced":
        account: Account | None = billing.accounts[ids["i_account"]]
        sim = billing.sims.get(account.i_sim_card or 0) if account else None
    else:
        sim = billing.sims.get(ids.get("i_sim_card", 0))
        account = billing.accounts[sim.i_account] if sim and sim.i_account else None
    if sim and sim.deleted and event.event_type != "SIM/Deleted":
        sim = None
    found = {
        "account_info": _account(account) if account else None,
        "sim_info": _sim(billing, sim) if sim else None,
        "access_policy_info": _policy(account, sim) if account and sim else None,
        "product_info": _product(account) if account else None,
    }
    if event.event_type == "SIM/Replaced":
        old = billing.sims[int(previous)] if previous else None
        found["prev_sim_info"] = _sim(billing, old) if old and not old.deleted else None
    return found


def _account(account: Account) -> dict[str, Any]:
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
        "product_name": PRODUCTS[account.i_product],
        "email": f"subscriber{account.i_account}@mail.example",
        "firstname": f"Firstname{account.i_account}",
        "lastname": f"Lastname{account.i_account}",
        "zip": f"Z{account.i_account:07d}",
        "phone1": f"+99{account.i_account:09d}",
        "time_zone_name": "Europe/Prague",
        "assigned_addons": [],
    }


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


def _policy(account: Account, sim: Sim) -> dict[str, Any]:
    """The access policy; its `eps_profile` holds the SIM's version, which network.py compares."""
    values = {"cs_profile": PRODUCTS[account.i_product], "eps_profile": f"eps-v{sim.version}"}
    attributes = [{"group_name": "lte.wtl", "name": n, "value": v} for n, v in values.items()]
    return {"i_access_policy": 179, "name": "Mobile", "attributes": attributes}


def _product(account: Account) -> dict[str, Any]:
    return {"i_product": account.i_product, "name": PRODUCTS[account.i_product]}
