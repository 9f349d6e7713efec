"""One measurement: events sent to servers in turn, several rounds, the median of each figure."""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

from benchmarks.load import Load, load
from benchmarks.server import Server


@dataclass(frozen=True)
class Measured:
    """What a server did; latencies in milliseconds, CPU in microseconds an event, memory in MB."""

    rate: float
    p50: float
    p99: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Rounds:
    """How long and how often; `told` is called with what is measured now."""

    seconds: int
    rounds: int
    told: Callable[[str], None]

    def compare(
        self, servers: Mapping[str, Server], event: Path, concurrent: int, pause: int = 0
    ) -> dict[str, Measured]:
        """Load each server in turn: what the machine does meanwhile meets all of them."""
        for server in servers.values():
            load(server.url, event, concurrent, 1, pause)  # connections, caches
        found: dict[str, list[Measured]] = {name: [] for name in servers}
        for number in range(1, self.rounds + 1):
            for name, server in servers.items():
                self.told(f"{name}, {concurrent} concurrent, round {number} of {self.rounds}")
                found[name].append(self._once(name, server, event, concurrent, pause))
        return {name: _median(rows) for name, rows in found.items()}

    def _once(
        self, name: str, server: Server, event: Path, concurrent: int, pause: int
    ) -> Measured:
        before = server.cpu()
        sent = load(server.url, event, concurrent, self.seconds, pause)
        _check(name, sent)
        cpu = (server.cpu() - before) / sent.events * 1e6
        return Measured(sent.rate, sent.p50, sent.p99, cpu, server.memory())


def _check(name: str, sent: Load) -> None:
    """A figure of events that were refused or lost would be a figure of something else."""
    if sent.refused or sent.lost or not sent.events:
        raise SystemExit(
            f"{name}: of {sent.events} events {sent.refused} were refused, {sent.lost} lost"
        )


def _median(rows: list[Measured]) -> Measured:
    return Measured(*(median(column) for column in zip(*map(astuple, rows), strict=True)))
