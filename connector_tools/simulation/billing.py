"""PortaBilling: who has which SIM, product and number, and what the network must hold for it.

Changes are numbered. A SIM's `version` is the number of the last change of the SIM or of its
account. Each change returns the events that PortaBilling raises for it.

It is not public how NSPS finds the objects of an event. The simulation assumes that a SIM event
names `i_sim_card`, and SIM/Replaced `prev_i_sim_card` too.
"""

from datetime import UTC, datetime
from random import Random
from typing import Any

from connector_tools.simulation.inventory import Inventory, Product
from connector_tools.simulation.numbers import Holder, Numbers
from connector_tools.simulation.subscribers import Account, Desired, EspfEvent, Sim

# The event types that are simulated, of the many that PortaBilling has.
RAISED = (
    "SIM/Created",
    "SIM/Updated",
    "SIM/Replaced",
    "SIM/Deleted",
    "Subscriber/Created",
    "Subscriber/Updated",
    "Subscriber/Deleted",
    "Subscriber/ContactInfo/Changed",
    "Account/BalanceChanged",
    "Account/Blocked",
    "Account/Unblocked",
    "Account/Product/Changed",
    "Account/ProductAddon/Inserted",
    "Account/ProductAddon/Deleted",
    "Account/Service/Netaccess/QuotaExceeded",
    "Account/Service/QuotaAvailable",
)
_NETWORK = "00101"  # the test network of ITU-T E.212


class Billing:
    """Billing's accounts and SIMs: the truth that the network must follow.

    The caller sets `now` (seconds since 1970) before a change. All ids begin at `first`. IMSIs that
    are invented are of the test network 001-01, numbers of the country code 999, which no country
    has.
    """

    def __init__(self, random: Random, first: int = 0, inventory: Inventory | None = None) -> None:
        self.inventory = inventory or Inventory()
        self.now = 0.0
        self.sims: dict[int, Sim] = {}
        self.accounts: dict[int, Account] = {}
        self._random = random
        self._version = 0
        self._first = first
        self._events = first
        self._numbers = Numbers(first)

    def all_desired(self) -> dict[str, Desired]:
        """The records that the network must hold now, by IMSI."""
        return {sim.imsi: self.desired(sim) for sim in self.sims.values()}

    def desired(self, sim: Sim) -> Desired:
        """The record that the network must hold for a SIM now."""
        if sim.i_account is None:
            return Desired(owned=False, deleted=sim.deleted)
        account = self.accounts[sim.i_account]
        return Desired(
            owned=True,
            served=account.served,
            number=account.number if account.holds_number else None,
            cs_profile=self.product_of(account).name,
            eps_profile=f"eps-v{sim.version}",
        )

    @property
    def has_more_sims(self) -> bool:
        """Whether a SIM can be added; those of a staging system come to an end."""
        return not self.inventory.imsis or len(self.sims) < len(self.inventory.imsis)

    def add_sim(self) -> tuple[Sim, list[EspfEvent]]:
        """Add a SIM to the inventory, while `has_more_sims`."""
        card, given = self._first + len(self.sims) + 1, self.inventory.imsis
        imsi = given[len(self.sims)] if given else f"{_NETWORK}{card:010d}"
        sim = self.sims[card] = Sim(card, imsi, self._change())
        return sim, [self._event("SIM/Created", sim=sim)]

    def product_of(self, account: Account) -> Product:
        """The product of an account."""
        return self.inventory.products[account.i_product]

    def open_account(self) -> Account:
        """Open an account with a number and without a SIM."""
        made = self._first + len(self.accounts) + 1
        product = self._random.choice(list(self.inventory.products))
        account = self.accounts[made] = Account(made, self._numbers.take(), product)
        self._note_number(account)
        return account

    def may_have(self, account: Account, sim: Sim) -> bool:
        """Whether no ring of numbers can come of it if an account gets this SIM: see numbers.py."""
        return not self._numbers.closes_ring(account.number, [("sim", sim.i_sim_card)])

    def created(self, account: Account) -> list[EspfEvent]:
        """The events of an account that was opened."""
        return [self._event("Subscriber/Created", account)]

    def assign(self, account: Account, sim: Sim | None) -> list[EspfEvent]:
        """Give an account its first SIM or another one, or take its SIM away (None)."""
        previous = self.sims[account.i_sim_card] if account.i_sim_card else None
        if previous is sim:
            return []
        version = self._change()
        if previous:
            previous.i_account, previous.status, previous.version = None, "available", version
            self._numbers.note(("sim", previous.i_sim_card), None)
        account.i_sim_card = sim.i_sim_card if sim else None
        if sim:
            sim.i_account, sim.status, sim.version = account.i_account, "used", version
        self._note_number(account)
        replaced = self._event("SIM/Replaced", account, sim, previous)
        return [replaced, self._event("Subscriber/Updated", account)]

    def change(self, account: Account, **fields: Any) -> list[EspfEvent]:
        """Set fields of an account, for example `blocked` or `i_product`."""
        held, before = account.holds_number, (account.blocked, account.i_product)
        for name, value in fields.items():
            setattr(account, name, value)
        if held and not account.holds_number:
            self._numbers.free(account.number)
        elif account.holds_number and not held:
            account.number = self._numbers.take(_holders(account))
        self._note_number(account)
        return [*self._updated(account), *self._fine_grained(account, *before)]

    def _fine_grained(self, account: Account, blocked: bool, i_product: int) -> list[EspfEvent]:
        """The events that name a single change; `blocked` and `i_product` are as they were."""
        found = []
        if account.blocked != blocked:
            found.append("Account/Blocked" if account.blocked else "Account/Unblocked")
        if account.i_product != i_product:
            found.append("Account/Product/Changed")
        return [self._event(name, account) for name in found]

    def terminate(self, account: Account) -> list[EspfEvent]:
        """Close an account for good."""
        events = self.change(account, bill_status="terminated")
        return [*events, self._event("Subscriber/Deleted", account)]

    def switch_addon(self, account: Account, addon: int) -> list[EspfEvent]:
        """Add an add-on to an account, or remove it if the account has it."""
        event_type = "Deleted" if addon in account.addons else "Inserted"
        account.addons ^= {addon}
        told = self._event(f"Account/ProductAddon/{event_type}", account)
        return [told, *self._updated(account)]

    def use_up_quota(self, account: Account) -> list[EspfEvent]:
        """Use up the data quota of an account; no `SIM/Updated` tells of it."""
        account.throttled = True
        return [self._event("Account/Service/Netaccess/QuotaExceeded", account)]

    def top_up(self, account: Account) -> list[EspfEvent]:
        """Give an account data quota again."""
        account.throttled = False
        return [self._event("Account/Service/QuotaAvailable", account), *self._updated(account)]

    def change_address(self, account: Account) -> list[EspfEvent]:
        """Give the subscriber of an account another email address."""
        account.address += 1
        return [
            self._event("Subscriber/ContactInfo/Changed", account),
            self._event("Subscriber/Updated", account),
        ]

    def renumber(self, account: Account) -> list[EspfEvent]:
        """Give an account that holds a number another one."""
        if not account.holds_number:
            return []
        self._numbers.free(account.number)
        account.number = self._numbers.take(_holders(account))
        self._note_number(account)
        return self._updated(account)

    def exchange_numbers(self, one: Account, other: Account) -> list[EspfEvent]:
        """Let two accounts that hold numbers exchange them, which is not promised to end well."""
        one.number, other.number = other.number, one.number
        self._note_number(one)
        self._note_number(other)
        return [*self._updated(one), *self._updated(other)]

    def delete_sim(self, sim: Sim) -> list[EspfEvent]:
        """Remove a SIM without an account from the inventory."""
        sim.deleted, sim.status, sim.version = True, "disposed", self._change()
        return [self._event("SIM/Deleted", sim=sim)]

    def noise(self, account: Account) -> list[EspfEvent]:
        """Raise an event that no handler asks for."""
        return [self._event("Account/BalanceChanged", account)]

    def _updated(self, account: Account) -> list[EspfEvent]:
        version, updated = self._change(), self._event("Subscriber/Updated", account)
        if account.i_sim_card is None:
            return [updated]
        sim = self.sims[account.i_sim_card]
        sim.version = version
        return [self._event("SIM/Updated", account, sim), updated]

    def _event(
        self,
        event_type: str,
        account: Account | None = None,
        sim: Sim | None = None,
        previous: Sim | None = None,
    ) -> EspfEvent:
        self._events += 1
        happened = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d %H:%M:%S")
        variables: dict[str, Any] = {"i_env": 3, "i_event": self._events, "event_time": happened}
        if account:
            variables["i_account"] = account.i_account
        if sim:
            variables["i_sim_card"] = sim.i_sim_card
        if previous:
            variables["prev_i_sim_card"] = previous.i_sim_card
        if self._events % 7 == 0:  # as older releases of PortaBilling: numbers as text
            variables = {name: str(value) for name, value in variables.items()}
        return EspfEvent(event_type, variables)

    def _change(self) -> int:
        self._version += 1
        return self._version

    def _note_number(self, account: Account) -> None:
        for holder in _holders(account):
            self._numbers.note(holder, account.number if account.holds_number else None)


def _holders(account: Account) -> list[Holder]:
    """Those whose number a system may keep for an account: the account, and its SIM."""
    own: list[Holder] = [("account", account.i_account)]
    return [*own, ("sim", account.i_sim_card)] if account.i_sim_card else own
