"""`connector simulate`: which world, seen how, and what is told of it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from connector_tools.program import NotInstalled
from connector_tools.send import Target
from connector_tools.simulation import report
from connector_tools.simulation.deployed import DeployedSimulation, DeploymentUnusable
from connector_tools.simulation.osmo import OsmoHlrSimulation
from connector_tools.simulation.real_functions import RealFunctionsSimulation
from connector_tools.simulation.store import FirestoreEmulator, MemoryStore, SqliteStore, Store
from connector_tools.simulation.virtual_time import VirtualTimeSimulation
from connector_tools.simulation.world import OnProgress, Scenario, Simulation, SimulationResult
from connector_tools.terminal import say, stop, terminal

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": SqliteStore,
    "firestore": lambda folder: FirestoreEmulator(),
}
_EVERY = 30.0  # seconds between two lines of progress where nobody looks


def inside(ledger: str, instances: int) -> Simulation:
    """In process, on virtual time, with the embedded HLR/HSS."""
    return VirtualTimeSimulation(ledger, instances)


def outside(ledger: str, instances: int) -> Simulation:
    """With real functions, and the embedded HLR/HSS."""
    return RealFunctionsSimulation(STORES[ledger], instances)


def osmo(ledger: str, instances: int) -> Simulation:
    """With a real osmo-hlr; the ledger is SQLite's."""
    return OsmoHlrSimulation(instances)


HOW: dict[str, Callable[[str, int], Simulation]] = {"inside": inside, "real": outside, "osmo": osmo}


def simulate(scenario: Scenario, how: str, ledger: str, instances: int) -> int:
    """Run a world with functions of our own and tell how it ended; the exit code."""
    say(f"{_size(scenario)}, {how}, {ledger}")
    return _run(scenario, HOW[how](ledger, instances), seen=True)


def load(scenario: Scenario, target: Target) -> int:
    """Run a world against a deployment and tell how it ended; the exit code."""
    say(f"{_size(scenario)}, {target.url}")
    return _run(scenario, DeployedSimulation(target), seen=False)


def _size(scenario: Scenario) -> str:
    size = f"{scenario.events} events, {scenario.subscribers} subscribers"
    return f"Seed {scenario.seed}: {size}"


def _run(scenario: Scenario, runs: Simulation, *, seen: bool) -> int:
    started = time.monotonic()
    with _progress(scenario.events) as told:
        try:
            ended = runs.run(scenario, told)
        except (NotInstalled, DeploymentUnusable) as trouble:
            stop(str(trouble))
    _tell(ended, seen)
    say(f"It took {time.monotonic() - started:.0f} s.", "dim")
    return 0 if (ended.converged if seen else ended.delivered) else 1


def _tell(ended: SimulationResult, seen: bool) -> None:
    console = terminal()
    for text, style in report.lines(ended, seen=seen):
        say(text, style, to=console)


@contextmanager
def _progress(total: int) -> Iterator[OnProgress]:
    """A bar on a terminal, a line now and then elsewhere; on standard error."""
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("trouble", total=total)
        yield lambda count, what: bar.update(task, completed=count, description=what)


def _lines(total: int) -> OnProgress:
    last = time.monotonic()

    def told(count: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{count} of {total} events, {what}", file=sys.stderr, flush=True)

    return told
