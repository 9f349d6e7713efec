"""What a run of the benchmark found, and the tables that tell it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.measure import Measured

CONCURRENT = (1, 10, 100, 250)
SIZES = (1_500, 10_000, 100_000, 1_000_000)
DELAYS = (0, 100)
Row = tuple[str, ...]


@dataclass
class Results:
    """The figures of one run.

    `loads` by the system's delay (ms), concurrency and contender; `sizes` by the event's bytes and
    contender; `ledgers` by delay and ledger; `half` at half load, the system at 100 ms; `cold` the
    seconds to the first 202.
    """

    machine: str
    loads: dict[tuple[int, int], dict[str, Measured]] = field(default_factory=dict)
    sizes: dict[int, dict[str, Measured]] = field(default_factory=dict)
    ledgers: dict[int, dict[str, Measured]] = field(default_factory=dict)
    half: dict[str, Measured] = field(default_factory=dict)
    cold: dict[str, float] = field(default_factory=dict)

    def ratio(self, delay: int, concurrent: int, other: str = "forwarder") -> float:
        """The connector's throughput as a part of another's."""
        row = self.loads[delay, concurrent]
        return row["connector"].rate / row[other].rate

    @property
    def overhead(self) -> float:
        """The 99th percentile at half load beyond the system's own 100 ms."""
        return self.half["connector"].p99 - 100

    @property
    def flat(self) -> float:
        """The dearest event from 1 to 250 concurrent by the cheapest (CPU)."""
        costs = [self.loads[0, concurrent]["connector"].cpu for concurrent in CONCURRENT]
        return max(costs) / min(costs)

    @property
    def linear(self) -> float:
        """CPU a byte of a 1 MB event by that of a 100 KB event, without what each event costs."""
        small, middle, large = (
            self.sizes[size]["connector"].cpu for size in (SIZES[0], SIZES[2], SIZES[3])
        )
        return (large - small) / (SIZES[3] - SIZES[0]) / ((middle - small) / (SIZES[2] - SIZES[0]))


def goals(results: Results) -> Iterator[Row]:
    """Each goal with what was measured and whether it is reached."""
    yield "Goal", "wanted", "measured", "reached"
    cold = results.cold["connector"] / results.cold["hello"]
    memory = results.loads[0, 100]["connector"].memory
    found = [
        ("Throughput, system at 0 ms, by the forwarder's", ">= 0.75", results.ratio(0, 100)),
        ("Throughput, system at 100 ms, by the forwarder's", ">= 0.95", results.ratio(100, 100)),
        ("p99 beyond the system's time at half load, ms", "< 15", results.overhead),
        ("Cold start, by hello-world's", "<= 1.5", cold),
        ("Memory at 100 concurrent, MB", "< 120", memory),
        ("CPU of an event, dearest by cheapest, 1 to 250 concurrent", "<= 1.5", results.flat),
        ("CPU of a byte, at 1 MB by at 100 KB", "<= 1.2", results.linear),
    ]
    if "node-red" in results.loads[0, 100]:
        found.insert(1, ("The same by Node-RED's", "> 1", results.ratio(0, 100, "node-red")))
    for goal, wanted, figure in found:
        yield goal, wanted, f"{figure:.2f}", "yes" if _holds(figure, wanted) else "**no**"


def _holds(figure: float, wanted: str) -> bool:
    sign, limit = wanted.split()
    return {
        ">=": figure >= float(limit),
        ">": figure > float(limit),
        "<=": figure <= float(limit),
        "<": figure < float(limit),
    }[sign]


def loads(results: Results, delay: int) -> Iterator[Row]:
    """Throughput by concurrency, the external system at one speed."""
    yield "Concurrent", "who", "events/s", "ratio", "p50 ms", "p99 ms", "CPU us/event", "MB"
    for concurrent in CONCURRENT:
        row = results.loads[delay, concurrent]
        for name, found in row.items():
            ratio = found.rate / row["forwarder"].rate
            yield (
                str(concurrent),
                name,
                f"{found.rate:.0f}",
                f"{ratio:.2f}",
                f"{found.p50:.1f}",
                f"{found.p99:.1f}",
                f"{found.cpu:.0f}",
                f"{found.memory:.0f}",
            )


def sizes(results: Results) -> Iterator[Row]:
    """Cost by the size of an event."""
    yield "Bytes", "forwarder CPU us", "connector CPU us", "connector events/s", "p99 ms"
    for size, row in results.sizes.items():
        found = row["connector"]
        yield (
            str(size),
            f"{row['forwarder'].cpu:.0f}",
            f"{found.cpu:.0f}",
            f"{found.rate:.0f}",
            f"{found.p99:.1f}",
        )


def ledgers(results: Results) -> Iterator[Row]:
    """What the ledgers cost."""
    yield "System", "ledger", "events/s", "p50 ms", "p99 ms", "CPU us/event", "MB"
    for delay, row in results.ledgers.items():
        for name, found in row.items():
            yield (
                f"{delay} ms",
                name,
                f"{found.rate:.0f}",
                f"{found.p50:.1f}",
                f"{found.p99:.1f}",
                f"{found.cpu:.0f}",
                f"{found.memory:.0f}",
            )


def cold(results: Results) -> Iterator[Row]:
    """Process start to the first 202."""
    yield "Who", "seconds", "by hello-world's"
    for name, seconds in results.cold.items():
        yield name, f"{seconds:.2f}", f"{seconds / results.cold['hello']:.2f}"


def markdown(rows: Iterator[Row]) -> str:
    """A table; the first row is its head."""
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
