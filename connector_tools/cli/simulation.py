"""`connector simulate`: which world, seen how, and what is told of it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from connector_tools.counterparts.osmo_hlr import NotInstalled
from connector_tools.send import Target
from connector_tools.simulation import report
from connector_tools.simulation.deployed import Elsewhere, Refused
from connector_tools.simulation.osmo import Osmo
from connector_tools.simulation.real_functions import Outside
from connector_tools.simulation.store import FirestoreEmulator, Memory, Missing, Sqlite, Store
from connector_tools.simulation.virtual_time import Inside
from connector_tools.simulation.virtual_time import Progress as Told
from connector_tools.simulation.world import Ended, Plan
from connector_tools.terminal import say, stop, terminal

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: Memory(),
    "sqlite": Sqlite,
    "firestore": lambda folder: FirestoreEmulator(),
}
_EVERY = 30.0  # seconds between two lines of progress where nobody looks


class Runs(Protocol):
    """A way to run a world."""

    def run(self, plan: Plan, progress: Told) -> Ended:
        """One run, from beginning to end."""


def inside(ledger: str, instances: int) -> Runs:
    """In process, on virtual time, with the embedded HLR/HSS."""
    return Inside(ledger, instances)


def outside(ledger: str, instances: int) -> Runs:
    """With real functions, and the embedded HLR/HSS."""
    return Outside(STORES[ledger], instances)


def osmo(ledger: str, instances: int) -> Runs:
    """With a real osmo-hlr; the ledger is SQLite's."""
    return Osmo(instances)


HOW: dict[str, Callable[[str, int], Runs]] = {"inside": inside, "real": outside, "osmo": osmo}


def simulate(plan: Plan, how: str, ledger: str, instances: int) -> int:
    """Run a world with functions of our own and tell how it ended; the exit code."""
    say(f"Seed {plan.seed}: {plan.events} events, {plan.subscribers} subscribers, {how}, {ledger}")
    return _run(plan, HOW[how](ledger, instances), seen=True)


def load(plan: Plan, target: Target) -> int:
    """Run a world against a deployment and tell how it ended; the exit code."""
    say(f"Seed {plan.seed}: {plan.events} events, {plan.subscribers} subscribers, {target.url}")
    return _run(plan, Elsewhere(target), seen=False)


def _run(plan: Plan, runs: Runs, *, seen: bool) -> int:
    started = time.monotonic()
    with _progress(plan.events) as told:
        try:
            ended = runs.run(plan, told)
        except (Missing, NotInstalled, Refused) as trouble:
            stop(str(trouble))
    _tell(ended, seen)
    say(f"It took {time.monotonic() - started:.0f} s.", "dim")
    return 0 if (ended.converged if seen else ended.delivered) else 1


def _tell(ended: Ended, seen: bool) -> None:
    console = terminal()
    for text, style in report.lines(ended, seen=seen):
        say(text, style, to=console)


@contextmanager
def _progress(total: int) -> Iterator[Told]:
    """A bar on a terminal, a line now and then elsewhere; on standard error."""
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("trouble", total=total)
        yield lambda count, what: bar.update(task, completed=count, description=what)


def _lines(total: int) -> Told:
    last = time.monotonic()

    def told(count: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{count} of {total} events, {what}", file=sys.stderr, flush=True)

    return told
