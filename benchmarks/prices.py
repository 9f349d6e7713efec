"""What events cost at Google: unit prices, operations of an event, and their products."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from benchmarks.burst import INSTANCES, RATE_LIMIT
from benchmarks.results import Row

# US dollars: list prices of us-central1, without the free tier and without discounts, as public
# pages of 2024 and 2025 had them. Not checked against today's: look up those of your region.
VCPU_SECOND = 0.000024  # cloud.google.com/run/pricing, request-based billing, tier 1
GIB_SECOND = 0.0000025  # as above
REQUEST = 0.40 / 1e6  # as above
READ, WRITE, DELETE = 0.03 / 1e5, 0.09 / 1e5, 0.01 / 1e5  # cloud.google.com/firestore/pricing
PUBSUB_BYTE = 40 / 2**40  # cloud.google.com/pubsub/pricing; published and delivered: twice
LOG_BYTE = 0.50 / 2**30  # cloud.google.com/stackdriver/pricing

CPU_MS = 2.0  # of an event with Firestore: 1.46 to 2.4 in several runs of `make bench`
ALONE = {"memory": 0.1, "Firestore": 0.2}  # seconds that an event takes by itself, as billed
USED = 0.6  # share of its CPU at which Google adds another instance
VCPUS, MEMORY_GIB = (
    1,
    0.5,
)  # function.cpu, function.memory: terraform/modules/connector/variables.tf
EVENT_BYTES, LINE_BYTES = 1_500, 1_000  # the contract's usual event; the line that it logs


@dataclass(frozen=True)
class Operations:
    """Of Firestore, for an event with two names and a subject; connector/ledger_firestore.py."""

    reads: int
    writes: int
    deletes: int

    @property
    def dollars(self) -> float:
        """Their price."""
        return self.reads * READ + self.writes * WRITE + self.deletes * DELETE


# Three documents are read, leased and settled; after 100 days they expire.
APPLIED = Operations(3, 6, 3)
# Three are read and leased; then the names are deleted again, and the subject is released.
REFUSED = Operations(3, 4, 2)
NONE = Operations(0, 0, 0)


def costs(cpu_ms: float = CPU_MS) -> Iterator[Row]:
    """A million of each."""
    yield "A million", "ledger", "function", "requests", "log", "Firestore", "Pub/Sub", "together"
    busy = INSTANCES / (INSTANCES * RATE_LIMIT)  # all of them, as long as the burst lasts
    packed = cpu_ms / 1000 / VCPUS / USED
    yield _cost("events, one at a time", "memory", ALONE["memory"], NONE)
    yield _cost("events, one at a time", "Firestore", ALONE["Firestore"], APPLIED)
    rate = f"{INSTANCES * RATE_LIMIT}/s"
    yield _cost(f"events of a burst, {rate}", "Firestore", busy, APPLIED)
    yield _cost("the same, buffered", "Firestore", busy, APPLIED, buffered=True)
    yield _cost("events, as fast as the CPU allows", "Firestore", packed, APPLIED)
    yield _cost("attempts that are refused (429)", "Firestore", packed, REFUSED)


def _cost(what: str, ledger: str, seconds: float, kept: Operations, buffered: bool = False) -> Row:
    parts = [
        seconds * (VCPUS * VCPU_SECOND + MEMORY_GIB * GIB_SECOND),
        REQUEST * (2 if buffered else 1),
        LINE_BYTES * LOG_BYTE,
        kept.dollars,
        2 * EVENT_BYTES * PUBSUB_BYTE if buffered else 0,
    ]
    return what, ledger, *(f"${1e6 * part:.2f}" for part in (*parts, sum(parts)))


def instances(cpu_ms: float = CPU_MS) -> Iterator[Row]:
    """How many instances a rate of events needs, for their CPU alone, and what each may do."""
    yield "Events/s", "CPUs", "`max_instances`", "`rate_limit`", "`concurrency`"
    for rate in (50, 200, 500, 1_000):
        cpus = rate * cpu_ms / 1000
        count = max(INSTANCES, ceil(cpus / VCPUS / USED))
        yield str(rate), f"{cpus:.1f}", str(count), f"{rate // count}/s", str(rate // count)
