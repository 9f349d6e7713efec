"""PortaBilling: who has which SIM, product and number, and what the network must hold for it.

Changes are numbered. A SIM's `version` is the number of the last change of the SIM or of its
account. Each change returns the events that PortaBilling raises for it.

It is not public how NSPS finds the objects of an event. The simulation assumes that a SIM event
names `i_sim_card`, and SIM/Replaced `prev_i_sim_card` too.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

# The statuses that take an account out of service (contract 5).
OUT_OF_SERVICE = (
    "blocked customer_blocked suspended customer_suspended customer_provisionally_terminated "
    "closed inactive expired not_yet_active"
).split()
IN_SERVICE = ["active", "zero_balance", "credit_exceeded", "customer_suspension_delayed", "frozen"]
# The event types that are simulated, of the many that PortaBilling has.
RAISED = ("SIM/Created", "SIM/Updated", "SIM/Replaced", "SIM/Deleted", "Account/BalanceChanged")
PRODUCTS = {3774: "mobile-l", 3780: "mobile-m", 3790: "mobile-s"}


@dataclass(slots=True)
class Sim:
    """A SIM card of the inventory."""

    i_sim_card: int
    imsi: str = field(repr=False)
    version: int
    i_account: int | None = None
    status: str = "available"
    deleted: bool = False

    @property
    def iccid(self) -> str:
        """Its ICCID."""
        return f"8942{self.i_sim_card:016d}"


@dataclass(slots=True)
class Account:
    """A subscriber's account."""

    i_account: int
    number: str = field(repr=False)
    i_product: int
    bill_status: str = "open"
    blocked: bool = False
    status: str = "active"
    i_sim_card: int | None = None

    @property
    def served(self) -> bool:
        """Whether it has service (contract 5, `subscriber_status`)."""
        out = self.blocked or self.status in OUT_OF_SERVICE
        return self.bill_status == "open" and not out

    @property
    def holds_number(self) -> bool:
        """Whether it keeps its number (contract 5, `msisdn`)."""
        return self.bill_status in ("open", "suspended")


@dataclass(frozen=True, slots=True)
class EspfEvent:
    """An event as PortaBilling's ESPF sends it to NSPS."""

    event_type: str
    variables: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Desired:
    """The record that the network must hold for a SIM.

    A SIM without an account (`owned` is False) has neither service nor number.
    """

    owned: bool
    served: bool = False
    number: str | None = field(default=None, repr=False)
    cs_profile: str | None = None
    eps_profile: str | None = None
    deleted: bool = False


class Billing:
    """Billing's accounts and SIMs: the truth that the network must follow.

    The caller sets `now` (seconds since 1970) before a change. All ids begin at `first`. IMSIs are
    of the test network 001-01, numbers of the country code 999, which no country has.
    """

    def __init__(self, random: Random, network: str = "00101", first: int = 0) -> None:
        self.now = 0.0
        self.sims: dict[int, Sim] = {}
        self.accounts: dict[int, Account] = {}
        self._random = random
        self._network = network
        self._version = 0
        self._first = first
        self._events = first
        self._numbers: list[str] = []  # free numbers, the longest free first
        self._next_number = first

    def desired(self, sim: Sim) -> Desired:
        """The record that the network must hold for a SIM now."""
        if sim.i_account is None:
            return Desired(owned=False, deleted=sim.deleted)
        account = self.accounts[sim.i_account]
        return Desired(
            owned=True,
            served=account.served,
            number=account.number if account.holds_number else None,
            cs_profile=PRODUCTS[account.i_product],
            eps_profile=f"eps-v{sim.version}",
        )

    def add_sim(self) -> tuple[Sim, list[EspfEvent]]:
        """Add a SIM to the inventory."""
        card = self._first + len(self.sims) + 1
        sim = self.sims[card] = Sim(card, f"{self._network}{card:010d}", self._change())
        return sim, [self._event("SIM/Created", sim=sim)]

    def open_account(self) -> Account:
        """Open an account with a number and without a SIM."""
        made = self._first + len(self.accounts) + 1
        product = self._random.choice(list(PRODUCTS))
        account = self.accounts[made] = Account(made, self._take_number(), product)
        return account

    def assign(self, account: Account, sim: Sim | None) -> list[EspfEvent]:
        """Give an account its first SIM or another one, or take its SIM away (None)."""
        previous = self.sims[account.i_sim_card] if account.i_sim_card else None
        if previous is sim:
            return []
        version = self._change()
        if previous:
            previous.i_account, previous.status, previous.version = None, "available", version
        account.i_sim_card = sim.i_sim_card if sim else None
        if sim:
            sim.i_account, sim.status, sim.version = account.i_account, "used", version
        return [self._event("SIM/Replaced", account, sim, previous)]

    def change(self, account: Account, **fields: Any) -> list[EspfEvent]:
        """Set fields of an account, for example `blocked` or `i_product`."""
        held = account.holds_number
        for name, value in fields.items():
            setattr(account, name, value)
        if held and not account.holds_number:
            self._numbers.append(account.number)
        elif account.holds_number and not held:
            account.number = self._take_number()
        return self._updated(account)

    def renumber(self, account: Account) -> list[EspfEvent]:
        """Give an account that holds a number another one."""
        if not account.holds_number:
            return []
        self._numbers.append(account.number)
        account.number = self._take_number()
        return self._updated(account)

    def delete_sim(self, sim: Sim) -> list[EspfEvent]:
        """Remove a SIM without an account from the inventory."""
        sim.deleted, sim.status, sim.version = True, "disposed", self._change()
        return [self._event("SIM/Deleted", sim=sim)]

    def noise(self, account: Account) -> list[EspfEvent]:
        """Raise an event that no handler asks for."""
        return [self._event("Account/BalanceChanged", account)]

    def _updated(self, account: Account) -> list[EspfEvent]:
        version = self._change()
        if account.i_sim_card is None:
            return []
        sim = self.sims[account.i_sim_card]
        sim.version = version
        return [self._event("SIM/Updated", account, sim)]

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

    def _take_number(self) -> str:
        """A number that was free for a while, or a new one if there are only few."""
        if len(self._numbers) > 3:
            return self._numbers.pop(0)
        self._next_number += 1
        return f"9990{self._next_number % 10**8:08d}"
