"""SIM cards, accounts, the events of PortaBilling, and what the network must hold for a SIM."""

from dataclasses import dataclass, field
from typing import Any

# The statuses that take an account out of service (contract 5).
OUT_OF_SERVICE = (
    "blocked customer_blocked suspended customer_suspended customer_provisionally_terminated "
    "closed inactive expired not_yet_active"
).split()
IN_SERVICE = ["active", "zero_balance", "credit_exceeded", "customer_suspension_delayed", "frozen"]
ADDONS = {4001: "tv-sport", 4002: "tv-movies", 4003: "data-extra"}


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
    addons: set[int] = field(default_factory=set)
    throttled: bool = False
    address: int = 0

    @property
    def email(self) -> str:
        """The present address of its subscriber; `address` counts how often it changed."""
        return f"subscriber{self.i_account}.{self.address}@mail.example"

    @property
    def name(self) -> str:
        """First and last name of its subscriber."""
        return f"Firstname{self.i_account} Lastname{self.i_account}"

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
