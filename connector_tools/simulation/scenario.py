"""How large a world is and which faults it has, and the result of its run."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.held_events import HeldEvent
from connector_tools.simulation.inventory import Inventory
from connector_tools.simulation.nsps import NspsOptions

_REJECTED = 422  # final: the same event would get the same answer again (see `connector.outcome`)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How large a world is, and which faults it has.

    `events` is how many NSPS gets in total. Subscribers change `rate` times per simulated second;
    `subscribers` is how many there are at a time. The ids of PortaBilling begin at `first`.
    `replays` is how often the operator, at the end, replays the events that NSPS gave up.
    With `ends_early` it ends when every event that is left fails in the same way again and again.
    `doubts` are sentences: what is not promised and was switched on, and makes records wrong in a
    way that cannot be told from a fault of the connector.
    """

    events: int
    subscribers: int
    seed: int
    rate: float
    faults: Faults
    options: NspsOptions
    first: int = 0
    replays: int = 3
    doubts: tuple[str, ...] = ()
    ends_early: bool = False
    inventory: Inventory = field(default_factory=Inventory)


@dataclass(slots=True)
class SimulationResult:
    """The result of a run; report.py prints it.

    `answers` counts by status and message. `latencies` are in seconds. `subscribers` counts the
    SIMs that were compared. `reported` are the events that NSPS gave up, `waiting` is the number
    still to be delivered, `different` has the last events of each subscriber whose record is wrong,
    `simulated` is in simulated seconds. `rings` are the subscribers who wait for each other's
    number, with the events that were given up for that reason, and `not_promised` is what else
    happened and is no failure; `different` and `reported` are without those of `rings`. `doubts`
    are those of the scenario. `left` are the events that wait; if the run ended early, `stuck` is
    the answer that each of them gets. `state` is what billing says of each IMSI (see
    `comparison.state`).
    """

    events: int = 0
    attempts: int = 0
    answers: dict[tuple[int, str], int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    subscribers: int = 0
    reported: list[HeldEvent] = field(default_factory=list)
    waiting: int = 0
    wrong: list[str] = field(default_factory=list)
    different: list[tuple[Difference, list[HeldEvent]]] = field(default_factory=list)
    rings: list[tuple[Difference, list[HeldEvent]]] = field(default_factory=list)
    not_promised: list[str] = field(default_factory=list)
    doubts: tuple[str, ...] = ()
    stuck: str = ""
    left: list[HeldEvent] = field(default_factory=list)
    state: list[dict[str, Any]] = field(default_factory=list, repr=False)
    simulated: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether the network is as billing says, no rule was broken, and no event is left."""
        return not (self.different or self.wrong or self.reported or self.waiting)

    @property
    def rejected(self) -> list[HeldEvent]:
        """The reported events that were answered 422: their data is wrong for the mapping."""
        return [held for held in self.reported if held.history[-1][1] == _REJECTED]

    @property
    def delivered(self) -> bool:
        """Whether all events except the rejected ones were accepted in the end."""
        return not (self.wrong or self.waiting or len(self.reported) > len(self.rejected))
