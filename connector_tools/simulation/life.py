"""Random changes of subscribers: mostly small ones, sometimes a SIM swap or a termination."""

from random import Random

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.subscribers import (
    ADDONS,
    IN_SERVICE,
    OUT_OF_SERVICE,
    Account,
    EspfEvent,
    Sim,
)

# The changes of a subscriber, with how often each happens relative to the others.
_CHANGES = {
    "product": 20,
    "block": 18,
    "suspend": 12,
    "state": 16,
    "noise": 8,
    "swap": 8,
    "renumber": 6,
    "addon": 6,
    "quota": 6,
    "address": 3,
    "remove": 4,
    "terminate": 4,
    "burst": 4,
}
_QUICK = set(_CHANGES) - {"terminate", "burst"}


class Life:
    """Changes one subscriber at a time; first opens accounts until there are `subscribers`.

    Of the changes, the share `exchanges` lets two subscribers exchange their numbers; `exchanged`
    counts them.
    """

    def __init__(
        self, billing: Billing, random: Random, subscribers: int, exchanges: float = 0
    ) -> None:
        self._billing = billing
        self._random = random
        self._subscribers = subscribers
        self._share = exchanges
        self.exchanged = 0
        self._living: list[Account] = []
        self._free: list[Sim] = []  # cards without an account; some are given to other accounts

    def step(self) -> list[EspfEvent]:
        """Make one change; the events that PortaBilling raises for it."""
        if len(self._living) < self._subscribers:
            return self._begin()
        if self._share and self._random.random() < self._share:
            return self._exchange()
        at = self._random.randrange(len(self._living))
        return self._happen(at, self._choice())

    def _choice(self) -> str:
        return self._random.choices(list(_CHANGES), list(_CHANGES.values()))[0]

    def _begin(self) -> list[EspfEvent]:
        account = self._billing.open_account()
        self._living.append(account)
        sim, events = self._card(account)
        return events + self._billing.created(account) + self._billing.assign(account, sim)

    def _exchange(self) -> list[EspfEvent]:
        served = [one for one in self._living if one.served and one.i_sim_card]
        if len(served) < 2:
            return []
        self.exchanged += 1
        return self._billing.exchange_numbers(*self._random.sample(served, 2))

    def _card(self, account: Account) -> tuple[Sim | None, list[EspfEvent]]:
        """A card for an account: a new one, or sometimes one that another account had.

        None if there is none.
        """
        more = self._billing.has_more_sims
        if self._free and (self._random.random() < 0.4 or not more):
            fitting = [sim for sim in self._free if self._billing.may_have(account, sim)]
            if fitting:
                chosen = self._random.choice(fitting)
                self._free.remove(chosen)
                return chosen, []
        return self._billing.add_sim() if more else (None, [])

    def _happen(self, at: int, what: str) -> list[EspfEvent]:
        if what == "terminate":
            return self._terminate(at)
        if what == "burst":  # up to three changes within the same second
            usual = [one for one in (self._choice() for _ in range(3)) if one in _QUICK]
            return [event for one in usual for event in self._happen(at, one)]
        changes = {
            "product": self._product,
            "block": self._block,
            "suspend": self._suspend,
            "state": self._state,
            "renumber": self._billing.renumber,
            "addon": self._addon,
            "quota": self._quota,
            "address": self._billing.change_address,
            "noise": self._billing.noise,
            "swap": self._swap,
            "remove": self._remove,
        }
        return changes[what](self._living[at])

    def _product(self, account: Account) -> list[EspfEvent]:
        return self._billing.change(
            account, i_product=self._random.choice(list(self._billing.inventory.products))
        )

    def _block(self, account: Account) -> list[EspfEvent]:
        return self._billing.change(account, blocked=not account.blocked)

    def _suspend(self, account: Account) -> list[EspfEvent]:
        other = "suspended" if account.bill_status == "open" else "open"
        return self._billing.change(account, bill_status=other)

    def _state(self, account: Account) -> list[EspfEvent]:
        states = IN_SERVICE if self._random.random() < 0.6 else OUT_OF_SERVICE
        return self._billing.change(account, status=self._random.choice(states))

    def _addon(self, account: Account) -> list[EspfEvent]:
        return self._billing.switch_addon(account, self._random.choice(list(ADDONS)))

    def _quota(self, account: Account) -> list[EspfEvent]:
        does = self._billing.top_up if account.throttled else self._billing.use_up_quota
        return does(account)

    def _swap(self, account: Account) -> list[EspfEvent]:
        old = account.i_sim_card
        sim, events = self._card(account)
        if sim is None:
            return []
        events += self._billing.assign(account, sim)
        return events + self._retire(old)

    def _remove(self, account: Account) -> list[EspfEvent]:
        if account.i_sim_card is None:
            return self._swap(account)
        old = account.i_sim_card
        return self._billing.assign(account, None) + self._retire(old)

    def _terminate(self, at: int) -> list[EspfEvent]:
        account, old = self._living[at], self._living[at].i_sim_card
        self._living[at] = self._living[-1]
        self._living.pop()
        events = self._billing.terminate(account)
        if self._random.random() < 0.7:
            events += self._billing.assign(account, None)
            events += self._retire(old)
        return events

    def _retire(self, card: int | None) -> list[EspfEvent]:
        """Delete a card that an account gave back, or keep it for another account.

        A card of a staging system is not deleted: the next run needs it.
        """
        if card is None:
            return []
        sim = self._billing.sims[card]
        if not self._billing.inventory.imsis and self._random.random() < 0.3:
            return self._billing.delete_sim(sim)
        self._free.append(sim)
        return []
