"""`connector simulate`: its sub-commands, and what they print."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from connector.mapping import load as mapping_load
from connector.mapping.document import BadMapping
from connector_tools.cli.options import Token
from connector_tools.cli.world_options import WorldOptions, with_world_options
from connector_tools.program import DidNotStart, NotInstalled
from connector_tools.send import target
from connector_tools.simulation import faults
from connector_tools.terminal import FAILED, say, stop, terminal

if TYPE_CHECKING:
    from connector_tools.simulation.world import OnProgress, Scenario, Simulation

_EVERY = 30.0  # seconds between two lines of progress where there is no terminal
_FORMER = """\
`connector simulate` has sub-commands, and the options follow one of them:
  connector simulate virtual [OPTIONS]    in this process
  connector simulate functions [OPTIONS]  real functions, formerly --real
  connector simulate osmo-hlr [OPTIONS]   a real osmo-hlr, formerly --osmo
  connector simulate load URL [OPTIONS]   a deployment, formerly --url URL"""


class _SimulateGroup(TyperGroup):
    """Explains the sub-commands to a user who gives options without one, as was once right."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse any option but `--help`: the group has no other.

        Raises:
            UsageError: The first argument is an option.
        """
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            ctx.fail(_FORMER)
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_SimulateGroup,
    no_args_is_help=True,
    help="Simulate PortaBilling, NSPS and an HLR/HSS around the connector, with faults.\n\n"
    "Subscribers change while faults happen. Then the faults stop, every event that waits is "
    "delivered, and the HLR/HSS is compared with billing. The exit code is 1 if a subscriber "
    "differs, an event was lost, or something happened that must not.",
    epilog="Example: connector simulate virtual --events 20000 --ledger sqlite --instances 3",
)


class LedgerInProcess(StrEnum):
    """The ledgers of a connector in this process."""

    MEMORY = "memory"
    SQLITE = "sqlite"


class SystemInProcess(StrEnum):
    """The external systems of a world in this process."""

    WTL = "wtl"
    HSS = "hss"


class LedgerOfFunctions(StrEnum):
    """The ledgers of real functions; Firestore is Google's emulator on this machine."""

    MEMORY = "memory"
    SQLITE = "sqlite"
    FIRESTORE = "firestore"


_LEDGER = typer.Option(help="Where the connector keeps its ledger.")
_SYSTEM = typer.Option(
    help="The external system: an HLR that is told a state, or an HSS with several resources for "
    "a subscriber, in which another program writes, too."
)
Instances = Annotated[int, typer.Option(min=1, max=50, help="Instances of the function.")]


@app.command(
    epilog="Example: connector simulate virtual --events 20000 --ledger sqlite --instances 3"
)
@with_world_options
def virtual(
    world: WorldOptions,
    ledger: Annotated[LedgerInProcess, _LEDGER] = LedgerInProcess.MEMORY,
    instances: Instances = 1,
    system: Annotated[SystemInProcess, _SYSTEM] = SystemInProcess.WTL,
) -> None:
    """Run the connector in this process, on virtual time.

    A simulated month takes minutes.
    """
    from connector_tools.simulation import virtual_time  # noqa: PLC0415 - see world_options.py

    _refuse_to_share_memory(ledger, instances)
    simulated = virtual_time.SYSTEMS[system]
    simulation = virtual_time.VirtualTimeSimulation(ledger, instances, system=simulated)
    what = f"virtual, {ledger}, {system}"
    _compare(world.scenario(faults.ALL), simulation, what)


@app.command(epilog="Example: connector simulate functions --ledger firestore --instances 2")
@with_world_options
def functions(
    world: WorldOptions,
    ledger: Annotated[LedgerOfFunctions, _LEDGER] = LedgerOfFunctions.MEMORY,
    instances: Instances = 1,
) -> None:
    """Run real functions, which are killed with `kill -9`.

    A simulated minute takes a second.
    """
    from connector_tools.simulation import real_functions, store  # noqa: PLC0415 - 80 ms

    _refuse_to_share_memory(ledger, instances)
    simulation = real_functions.RealFunctionsSimulation(store.STORES[ledger], instances)
    _compare(world.scenario(faults.ALL), simulation, f"functions, {ledger}")


@app.command(epilog="Example: connector simulate osmo-hlr --events 1000 --subscribers 80")
@with_world_options
def osmo_hlr(world: WorldOptions, instances: Instances = 1) -> None:
    """Run with a real osmo-hlr, which is stopped, killed and locked.

    The connector runs in this process, with the SQLite ledger. A simulated minute takes a second.
    """
    from connector_tools.simulation import osmo  # noqa: PLC0415 - see world_options.py

    simulation = osmo.OsmoHlrSimulation(instances)
    _compare(world.scenario(faults.ALL), simulation, "osmo-hlr, sqlite")


@app.command(
    epilog="Example: connector simulate load https://staging.example.com/process-event "
    "--file mappings/wtl-hlr-hss.yaml"
)
@with_world_options
def load(
    world: WorldOptions,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the connector listens.")],
    token: Token = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Its mapping file: NSPS sends the events that this has rules for."),
    ] = None,
) -> None:
    """Load-test a connector that is deployed in a staging system.

    The events are about made-up subscribers, with IMSIs of the test network 001-01 and numbers of
    the country code 999, which nobody has. A simulated minute takes a second, so --rate 0.5 is 30
    events a second. Only faults of NSPS happen. The network behind the connector cannot be seen:
    the exit code is 1 if an event was neither accepted in the end nor rejected (422).
    """
    from connector_tools.simulation import deployed  # noqa: PLC0415 - see world_options.py

    try:
        to = target(url, token, "the argument URL")
    except ValueError as error:
        stop(str(error))
    scenario = world.scenario(faults.DEPLOYED, _handled(file) if file else None)
    say(f"{_size(scenario)}, {to.url}")
    _run(scenario, deployed.DeployedSimulation(to), seen=False)


def _refuse_to_share_memory(ledger: str, instances: int) -> None:
    if ledger == "memory" and instances > 1:
        stop("a ledger in memory is for one instance: give --ledger sqlite for several")


def _handled(file: Path) -> tuple[str, ...]:
    """The event types that a mapping has rules for; at least one of them is simulated."""
    from connector_tools.simulation.billing import RAISED  # noqa: PLC0415 - see world_options.py

    try:
        mapping = mapping_load.load(file)
    except BadMapping as bad:
        stop(str(bad.lints[0]))
    found = tuple(dict.fromkeys(name for rule in mapping.rules for name in rule.on))
    if not {name.lower() for name in found} & {name.lower() for name in RAISED}:
        stop(f"{file} has no rule for an event that is simulated: {', '.join(RAISED)}")
    return found


def _compare(scenario: "Scenario", simulation: "Simulation", what: str) -> None:
    """Run a world whose network is compared with billing at the end."""
    say(f"{_size(scenario)}, {what}")
    _run(scenario, simulation, seen=True)


def _size(scenario: "Scenario") -> str:
    size = f"{scenario.events} events, {scenario.subscribers} subscribers"
    return f"Seed {scenario.seed}: {size}"


def _run(scenario: "Scenario", simulation: "Simulation", *, seen: bool) -> None:
    """Run a world, print the report, and end the command; `seen` as in `report.lines`."""
    from connector_tools.simulation import deployed, report  # noqa: PLC0415 - see world_options.py

    started = time.monotonic()
    with _progress(scenario.events) as on_progress:
        try:
            result = simulation.run(scenario, on_progress)
        except (NotInstalled, DidNotStart, deployed.DeploymentUnusable) as error:
            stop(str(error))
    console = terminal()
    for text, style in report.lines(result, seen=seen):
        say(text, style, to=console)
    say(f"It took {time.monotonic() - started:.0f} s.", "dim")
    if not (result.converged if seen else result.delivered):
        raise typer.Exit(FAILED)


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
