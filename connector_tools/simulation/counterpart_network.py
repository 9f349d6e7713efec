"""A counterpart behind a faulty wire as the network of a world."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.counterparts.stand_in.http import HttpStandIn
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock
from connector_tools.simulation.comparison import differences, doubles
from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.faulty_wire import FaultyWire

_ANSWERS = ("throttle", "error", "error-after", "refusal", "garbage")
"""The faults that only the system itself can have, of `faults.NETWORK`."""
_CUT = "cut"


class CounterpartNetwork:
    """See `world.ObservedNetwork`. New secrets are written to files in the folder `secrets`."""

    def __init__(
        self, counterpart: Counterpart, wire: FaultyWire, secrets: Path, clock: Clock
    ) -> None:
        self._counterpart = counterpart
        self._wire = wire
        self._secrets = secrets
        self._clock = clock
        self._random = Random(wire.random.random())
        self._outage = ""
        if isinstance(counterpart, HttpStandIn) or hasattr(counterpart, "fault"):
            counterpart.fault = self._fault

    @property
    def faults(self) -> Faults:
        """The faults that requests meet now."""
        return self._wire.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._wire.faults = faults

    @property
    def met(self) -> Counter[str]:
        """See `ObservedNetwork`."""
        return self._wire.met

    @property
    def wrong(self) -> list[str]:
        """See `ObservedNetwork`."""
        return self._counterpart.wrong

    @property
    def not_promised(self) -> list[str]:
        """See `ObservedNetwork`."""
        return self._counterpart.not_promised

    @property
    def requests(self) -> int:
        """See `ObservedNetwork`."""
        return self._wire.requests

    async def outage(self, begins: bool) -> None:
        """Begin an outage of the counterpart, or cut the wire; or end that."""
        if begins:
            self._outage = self._random.choice([*self._counterpart.outages, _CUT])
            self.met[f"outage: {self._outage}"] += 1
        if self._outage == _CUT:
            await self._wire.cut(begins)
        elif begins:
            await asyncio.to_thread(self._counterpart.begin, self._outage)
        else:
            await asyncio.to_thread(self._counterpart.end)

    async def rotate(self) -> None:
        """Change the credentials, and later the connector's secrets: see `ObservedNetwork`."""
        changed = await asyncio.to_thread(self._counterpart.rotate)
        try:
            await self._clock.sleep(30)
        finally:
            for name, value in changed.items():
                (self._secrets / name).write_text(value)

    def differences(self, billing: Billing) -> list[Difference]:
        """See `ObservedNetwork`; a system that only receives messages holds nothing."""
        if self._counterpart.by == "nothing":
            return []
        holds = self._counterpart.holds()
        self.wrong.extend(doubles(self._counterpart.by, holds))
        return list(differences(self._counterpart.by, holds, billing))

    def _fault(self) -> str | None:
        at = self._random.random()
        for name in _ANSWERS:
            at -= self.faults[name]
            if at < 0:
                self.met[name] += 1
                return name
        return None
