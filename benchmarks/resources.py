"""The CPU time of a resource beyond its reads: resources beside plain calls with the same requests.

    python -m benchmarks.resources

Both mappings send the same requests to a system in this process, in turns. The figure is the
difference of their CPU times, divided by the number of resources. Wanted: at most 0.3 ms.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import Pipeline
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.quiet import quiet
from connector_tools.simulation.virtual_time import HSS
from tests.support.events import event
from tests.support.hss import SERVED, SETTINGS, HssWire

ROUNDS, EVENTS = 30, 60
RESOURCES = 4
PLAIN = """
rules:
  - name: a subscriber changed
    on: SIM/Updated
    ignore:
      - {if: not sim.imsi, because: IMSI is empty or not provided}
      - {if: no_account, because: the SIM has no account yet}
    require:
      - {that: sim.imsi is imsi, because: IMSI must be 15 digits}
      - {that: account, because: "account_info is null, but the SIM names an account"}
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: keys, get: "/auc/{{ sim.imsi }}"}
      - {id: found, get: "/subscribers/{{ sim.imsi }}"}
      - {id: held, get: "/numbers/{{ sim.imsi }}"}
      - {get: "/policies/{{ found.json.id }}"}
"""
CHANGE = """
      - patch: "/subscribers/{{ sim.imsi }}"
        json: {state: ='active' if served else 'barred'}
"""


def sent() -> bytes:
    """A new event about the same subscriber."""
    made = event("sim-updated", change=SERVED) | {"event_id": str(uuid4())}
    made["data"]["variables"] = {}
    return json.dumps(made).encode()


def _bar(wire: HssWire, method: str) -> None:
    """Bar the subscriber again, so that the next event finds a difference."""
    if method == "PATCH":
        next(iter(wire.hss.subscribers.values())).fields["state"] = "barred"


class Contender:
    """A pipeline with its own HSS, which holds the subscriber as the events say."""

    def __init__(self, file: Path, *, differs: bool) -> None:
        self.wire = HssWire(after=_bar if differs else None)
        mapping = load(file)
        assert isinstance(mapping.system, HttpSystemEntry)
        self.system = HttpSystem(mapping.system, SETTINGS, transport=self.wire)
        self.pipeline = Pipeline(mapping, SETTINGS, MemoryLedger(), self.system)

    async def prepare(self, like: "Contender") -> None:
        """Hold what `like` holds."""
        self.wire.hss.__dict__.update(like.wire.hss.__dict__)

    async def events(self, bodies: list[bytes]) -> float:
        """The CPU time of an event, in milliseconds."""
        started = time.process_time()
        for body in bodies:
            result = await self.pipeline.handle(body)
            if result.outcome is not Outcome.APPLIED:
                raise SystemExit(f"not applied: {result}")
        return (time.process_time() - started) * 1000 / len(bodies)


async def compare(folder: Path, *, differs: bool) -> None:
    """Run both in turns, and print the figure."""
    head, _, _ = HSS.file.read_text(encoding="utf-8").partition("\nresources:")
    file = folder / f"plain-{differs}.yaml"
    file.write_text(head + PLAIN + (CHANGE if differs else ""), encoding="utf-8")
    held, plain = Contender(HSS.file, differs=differs), Contender(file, differs=differs)
    async with held.system, plain.system:
        first = sent()
        held.wire.hss.keys.add(json.loads(first)["pb_data"]["sim_info"]["imsi"])
        await held.events([first])  # creates the subscriber
        await plain.prepare(held)
        await _measure(held, plain, differs=differs)


async def _measure(held: Contender, plain: Contender, *, differs: bool) -> None:
    times: list[tuple[float, float]] = []
    for each in (held, plain):
        if differs:
            _bar(each.wire, "PATCH")
        each.wire.sent.clear()
    for _ in range(ROUNDS):
        bodies = [sent() for _ in range(EVENTS)]
        times.append((await held.events(bodies), await plain.events([sent() for _ in bodies])))
    counts = [len(each.wire.sent) / ROUNDS / EVENTS for each in (held, plain)]
    beyond = median(one - other for one, other in times) / RESOURCES
    what = "one field differs" if differs else "nothing differs"
    resources, calls = median(one for one, _ in times), median(other for _, other in times)
    print(
        f"{what}: {resources:.2f} ms with resources, {calls:.2f} ms with calls, "
        f"requests {counts[0]:g} and {counts[1]:g}, {beyond:.3f} ms a resource beyond its reads"
    )


async def main() -> None:
    """Compare without and with a difference."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        for differs in (False, True):
            await compare(Path(folder), differs=differs)


if __name__ == "__main__":
    asyncio.run(main())
