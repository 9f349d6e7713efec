"""How long a burst takes to drain through an HLR/HSS with a limit, and what events cost.

    make drain

A maintenance of NSPS ends and it releases all that it held: the real pipeline, mapping, guard and
memory ledger of some instances take the events on virtual time, with NSPS's own retries. The
HLR/HSS answers after 50 ms and refuses with 429 what is over its limit. Same figures each time.
`--write` puts them into docs/scaling.md.
"""

import argparse
import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random, seed
from tempfile import TemporaryDirectory

import httpx
import structlog

from benchmarks.results import Row, markdown
from benchmarks.server import ROOT
from connector import lint
from connector.http_system import HttpSystem
from connector.ledger_memory import MemoryLedger
from connector.mapping import Mapping
from connector.pipeline import Pipeline
from connector_tools.send import quantile
from connector_tools.simulation.billing import Billing
from connector_tools.simulation.clock import Clock, VirtualLoop
from connector_tools.simulation.instance import Instance, MortalLedger, Trouble
from connector_tools.simulation.nsps import Answer, Delivery, Nsps, Options

LIMIT = 50  # requests a second that the HLR/HSS bears
BURSTS = (1_000, 4_000, 16_000)  # events; more take longer to compute and show nothing else
_TOOK = 0.05  # seconds for an answer of the HLR/HSS
_WTL = ROOT / "mappings" / "wtl-hlr-hss.yaml"
_SCALING = ROOT / "docs" / "scaling.md"
_MARK = "<!-- What follows is written by `make drain`. -->\n"
_DAY = 86_400.0

# US dollars, list prices of us-central1 without the free tier as public pages of 2025 have them
# (Cloud Run with request-based billing, Firestore, Pub/Sub, Logging): put in those of your region.
VCPU_SECOND, GIB_SECOND, REQUEST = 0.000024, 0.0000025, 0.40 / 1e6
READ, WRITE, DELETE = 0.03 / 1e5, 0.09 / 1e5, 0.01 / 1e5
PUBSUB_BYTE = 40 / 2**40  # once when it is published, once when it is delivered
LOG_BYTE = 0.50 / 2**30
# Of an event with two names and one subject, see connector/ledger_firestore.py: it reads and leases
# three documents and settles them; they are deleted after 100 days.
READS, WRITES, DELETES = 3, 6, 3
MEMORY_GIB = 0.5  # terraform/modules/connector/variables.tf
EVENT_BYTES, LINE_BYTES = 1_500, 1_000  # the benchmark's event; the line that it logs


class Hlr(httpx.AsyncBaseTransport):
    """An HLR/HSS that refuses what is over its limit."""

    def __init__(self) -> None:
        self.served = 0
        self.refused = 0
        self._recent: deque[float] = deque()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        await asyncio.sleep(_TOOK)
        if len(self._recent) >= LIMIT:
            self.refused += 1
            return httpx.Response(429)
        self._recent.append(now)
        self.served += 1
        return httpx.Response(200, json={"result": True})


class _Loop(VirtualLoop):
    """Asking for the time takes some: aiolimiter asks again until the last bit has dripped out."""

    def time(self) -> float:
        """See `asyncio.AbstractEventLoop`."""
        self.virtual += 1e-8
        return self.virtual


@dataclass(frozen=True)
class Drained:
    """How a burst ended: times in seconds after its release."""

    events: int
    last: float
    waits: tuple[float, ...]
    attempts: int
    refused: int
    given_up: int


def drained(events: int, instances: int, rate_limit: int | None) -> Drained:
    """Release a burst; `rate_limit` is the mapping's, per second and instance."""
    seed(1)  # the connector's own jitter
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=_Loop) as runner:
            mapping = _limited(rate_limit, Path(folder))
            return runner.run(_drain(events, instances, mapping))
    finally:
        structlog.reset_defaults()


def _limited(rate_limit: int | None, folder: Path) -> Mapping:
    text = _WTL.read_text(encoding="utf-8").partition("\ntests:")[0]
    if rate_limit:
        text = text.replace("  http:\n", f"  http:\n    rate_limit: {rate_limit}/s\n", 1)
    file = folder / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    return lint.load(file)


async def _drain(events: int, count: int, mapping: Mapping) -> Drained:
    hlr, clock, turn = Hlr(), Clock(), 0
    ledger = MortalLedger(MemoryLedger(clock=asyncio.get_running_loop().time), Trouble(Random(1)))
    values = {"api_url": "http://hlr.invalid", "api_token": "t", "timeout": 30.0}
    values |= {"cs_profile": "default", "eps_profile": "default", "imsi_regexp": None}
    async with AsyncExitStack() as stack:
        instances = [
            await stack.enter_async_context(
                Instance(
                    Pipeline(
                        mapping, values, ledger, HttpSystem(mapping.system, values, transport=hlr)
                    ),
                    ledger,
                )
            )
            for _ in range(count)
        ]

        async def post(delivery: Delivery) -> Answer:
            nonlocal turn
            turn += 1
            return await instances[turn % count].post(delivery)

        nsps = _held(events, clock, post)
        delivering = asyncio.create_task(nsps.run())
        began = clock.now()
        nsps.maintenance = False
        while nsps.waiting:
            await clock.sleep(1)
        delivering.cancel()
    waits = sorted(held.history[-1][0] - began for held in nsps.history)
    attempts = sum(nsps.answers.values())
    return Drained(events, waits[-1], tuple(waits), attempts, hlr.refused, len(nsps.failed))


def _held(events: int, clock: Clock, post: object) -> Nsps:
    """An NSPS in maintenance, with an event of each of so many subscribers."""
    billing = Billing(Random(1))
    nsps = Nsps(clock, billing, Random(1), post, Options())  # type: ignore[arg-type]
    nsps.maintenance = True
    for _ in range(events):
        account, (sim, _) = billing.open_account(), billing.add_sim()
        billing.assign(account, sim)
        for espf in billing.change(account, blocked=True):
            nsps.take(espf)
    return nsps


def drains(bursts: tuple[int, ...] = BURSTS) -> Iterator[Row]:
    """Three instances, without a limit of their own and with one each."""
    yield (
        "Events",
        "`rate_limit`",
        "drained after",
        "events/s",
        "half waited",
        "99 of 100 waited",
        "attempts/event",
        "429 of the HLR",
        "given up",
    )
    for rate_limit in (None, LIMIT // 3):
        for events in bursts:
            found = drained(events, 3, rate_limit)
            yield (
                f"{events}",
                f"{rate_limit}/s" if rate_limit else "none",
                _duration(found.last),
                f"{events / found.last:.1f}",
                _duration(quantile(found.waits, 0.5) or 0),
                _duration(quantile(found.waits, 0.99) or 0),
                f"{found.attempts / events:.2f}",
                f"{found.refused}",
                f"{found.given_up}",
            )


def mornings() -> Iterator[Row]:
    """10 million subscribers: two hours held, released at once, while events go on coming."""
    yield "Events/subscriber/day", "a second", "held in two hours", "HLR", "drained after"
    for share in (0.05, 0.1, 0.2, 0.4):
        arriving = 10_000_000 * share / _DAY
        held = arriving * 7200
        for limit in (LIMIT, 4 * LIMIT):
            spare = limit - arriving
            after = _duration(held / spare) if spare > 0 else "never: more arrive than it bears"
            yield f"{share}", f"{arriving:.0f}", f"{held:,.0f}", f"{limit}/s", after


def costs() -> Iterator[Row]:
    """A million events, by how many come a second."""
    yield "Events/s", "ledger", "function", "requests", "log", "Firestore", "Pub/Sub", "together"
    for rate, seconds in ((1, 0.2), (50, 1 / 50), (300, 1 / 300)):
        for ledger in ("memory or SQLite", "Firestore"):
            function = 1e6 * seconds * (VCPU_SECOND + MEMORY_GIB * GIB_SECOND)
            requests = 1e6 * REQUEST
            kept = READS * READ + WRITES * WRITE + DELETES * DELETE
            firestore = 1e6 * kept if ledger == "Firestore" else 0
            pubsub = 1e6 * 2 * EVENT_BYTES * PUBSUB_BYTE
            log = 1e6 * LINE_BYTES * LOG_BYTE
            parts = (function, requests, log, firestore, pubsub)
            yield str(rate), ledger, *(f"${part:.2f}" for part in (*parts, sum(parts)))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def text() -> str:
    """All tables, as Markdown."""
    return "\n".join(
        [
            "### A burst; three instances, an HLR/HSS that bears 50 a second (simulated)\n",
            markdown(drains()),
            "### 10 million subscribers after two hours of maintenance (arithmetic)\n",
            markdown(mornings()),
            "### A million events through Pub/Sub, in US dollars (arithmetic)\n",
            markdown(costs()),
        ]
    )


def main() -> None:
    """Print the tables and, if asked for, write them down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="into docs/scaling.md")
    options = parser.parse_args()
    found = text()
    print(found)
    if options.write:
        before = _SCALING.read_text(encoding="utf-8").partition(_MARK)[0]
        _SCALING.write_text(before + _MARK + "\n" + found, encoding="utf-8")


if __name__ == "__main__":
    main()
