"""How the sub-commands of `connector simulate` run a world and print its report."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from connector.mapping import load as mapping_load
from connector.mapping.document import BadMapping
from connector_tools.program import DidNotStart, NotInstalled
from connector_tools.terminal import FAILED, print_json, say, stop, terminal

if TYPE_CHECKING:
    from connector_tools.simulation.scenario import Scenario, SimulationResult
    from connector_tools.simulation.world import OnProgress, Simulation

_EVERY = 30.0  # seconds between two lines of progress where there is no terminal


def handled(file: Path) -> tuple[str, ...]:
    """The event types that a mapping has rules for.

    Ends the command if the file is wrong, or if none of them is simulated.
    """
    from connector_tools.simulation.billing import RAISED  # noqa: PLC0415 - see world_options.py

    try:
        mapping = mapping_load.load(file)
    except BadMapping as bad:
        stop(str(bad.lints[0]))
    found = tuple(dict.fromkeys(name for rule in mapping.rules for name in rule.on))
    if not {name.lower() for name in found} & {name.lower() for name in RAISED}:
        stop(f"{file} has no rule for an event that is simulated: {', '.join(RAISED)}")
    return found


def size(scenario: "Scenario") -> str:
    """The seed and the size of a world, for the first line of the report."""
    told = f"{scenario.events} events, {scenario.subscribers} subscribers"
    return f"Seed {scenario.seed}: {told}"


def nothing(result: "SimulationResult") -> None:
    """Do nothing with a result."""


class Shown(NamedTuple):
    """What the report of a world says of it, and how.

    `about` names the connector and its system. `seen` says whether the network can be compared.
    """

    about: str
    seen: bool
    as_json: bool


def run(
    scenario: "Scenario",
    simulation: "Simulation",
    shown: Shown,
    also: Callable[["SimulationResult"], None] = nothing,
) -> None:
    """Run a world, print the report, and end the command.

    `also` gets the result before the command ends.
    """
    from connector_tools.simulation import deployed  # noqa: PLC0415 - see world_options.py

    if not shown.as_json:
        say(f"{size(scenario)}, {shown.about}")
    # So that all programs are stopped, also if the command is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    with _progress(scenario.events) as on_progress:
        try:
            result = simulation.run(scenario, on_progress)
        except (NotInstalled, DidNotStart, deployed.DeploymentUnusable) as error:
            stop(str(error))
    also(result)
    _report(result, scenario, shown, time.monotonic() - started)
    if not (result.converged if shown.seen else result.delivered):
        raise typer.Exit(FAILED)


def _report(result: "SimulationResult", scenario: "Scenario", shown: Shown, seconds: float) -> None:
    from connector_tools.simulation import report, report_json  # noqa: PLC0415 - see world_options.py

    if shown.as_json:
        found = report_json.document(result, scenario, shown.about, seen=shown.seen)
        print_json({**found, "took_seconds": round(seconds, 1)})
        return
    console = terminal()
    for text, style in report.lines(result, seen=shown.seen):
        say(text, style, to=console)
    say(f"It took {seconds:.0f} s.", "dim", to=console)


@contextmanager
def _progress(total: int) -> Iterator["OnProgress"]:
    """Show progress on standard error: a bar on a terminal, else a line every half minute."""
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield _progress_lines(total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("trouble", total=total)
        yield lambda count, what: bar.update(task, completed=count, description=what)


def _progress_lines(total: int) -> "OnProgress":
    last = time.monotonic()

    def on_progress(count: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            print(f"{count} of {total} events, {what}", file=sys.stderr, flush=True)

    return on_progress
