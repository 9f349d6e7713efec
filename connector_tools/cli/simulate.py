"""`connector simulate`: its sub-commands, and what they print."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from connector_tools.cli import simulate_load
from connector_tools.cli.world_options import WorldOptions, with_world_options
from connector_tools.cli.world_run import Shown, handled, run
from connector_tools.simulation import faults
from connector_tools.terminal import stop

if TYPE_CHECKING:
    from connector_tools.simulation.scenario import Scenario
    from connector_tools.simulation.world import Simulation

_FORMER = """\
`connector simulate` has sub-commands, and the options follow one of them:
  connector simulate virtual [OPTIONS]    in this process
  connector simulate functions [OPTIONS]  real functions, formerly --real
  connector simulate mapping osmo-hlr     a real osmo-hlr, formerly --osmo
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
    name="simulate",
    cls=_SimulateGroup,
    no_args_is_help=True,
    help="Simulate PortaBilling, NSPS and an external system around the connector, with faults.\n\n"
    "Subscribers change while faults happen. Then the faults stop, every event that waits is "
    "delivered, and the external system is compared with billing. The exit code is 1 if a "
    "subscriber differs, an event was lost, or something happened that must not.",
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
    """The ledgers of real functions; Firestore is Google's emulator on this machine.

    PostgreSQL is the server of a Debian package.
    """

    MEMORY = "memory"
    SQLITE = "sqlite"
    FIRESTORE = "firestore"
    POSTGRESQL = "postgresql"


_LEDGER = typer.Option(help="Where the connector keeps its ledger.")
_SYSTEM = typer.Option(
    help="The external system: an HLR that is told a state, or an HSS with several resources for "
    "a subscriber, in which another program writes, too."
)
Instances = Annotated[int, typer.Option(min=1, max=50, help="Instances of the function.")]
Counterpart = Annotated[
    Path | None,
    typer.Option(help="A Python file with the counterpart of a mapping file of your own."),
]


@app.command(
    epilog="Example: connector simulate virtual --events 20000 --ledger sqlite --instances 3"
)
@with_world_options
def virtual(
    world: WorldOptions,
    ledger: Annotated[LedgerInProcess, _LEDGER] = LedgerInProcess.SQLITE,
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
    _compare(world, _scenario(world, ledger), simulation, what)


@app.command(epilog="Example: connector simulate functions --ledger firestore --instances 2")
@with_world_options
def functions(
    world: WorldOptions,
    ledger: Annotated[LedgerOfFunctions, _LEDGER] = LedgerOfFunctions.SQLITE,
    instances: Instances = 1,
) -> None:
    """Run real functions, which are killed with `kill -9`.

    A simulated minute takes a second.
    """
    from connector_tools.simulation import real_functions, store  # noqa: PLC0415 - 80 ms

    _refuse_to_share_memory(ledger, instances)
    simulation = real_functions.RealFunctionsSimulation(store.STORES[ledger], instances)
    _compare(world, _scenario(world, ledger), simulation, f"functions, {ledger}")


@app.command(epilog="Example: connector simulate mapping hss-ldap --instances 2 --ledger sqlite")
@with_world_options
def mapping(
    world: WorldOptions,
    name: Annotated[
        str, typer.Argument(metavar="MAPPING", help="An entry of the catalogue, or a file.")
    ],
    counterpart: Counterpart = None,
    replies: Annotated[
        bool, typer.Option("--replies", help="The system replies as the tests in the file say.")
    ] = False,
    ledger: Annotated[LedgerOfFunctions, _LEDGER] = LedgerOfFunctions.SQLITE,
    instances: Instances = 1,
) -> None:
    """Run a mapping file with its counterpart: a real system, or a stand-in of one.

    Functions are killed with `kill -9`, the connections to the system break, and the system itself
    is stopped, killed and started again. A simulated minute takes a second.
    """
    from connector_tools.counterparts import catalogue  # noqa: PLC0415 - see world_options.py
    from connector_tools.simulation import (  # noqa: PLC0415 - as above
        mapping_world,
        scripted_world,
        store,
    )

    _refuse_to_share_memory(ledger, instances)
    try:
        file = catalogue.mapping_file(name)
        if replies:
            scenario = world.scenario(scripted_world.FAULTS, handled(file))
            shown = Shown(f"{file.stem} with the replies of its tests", False, world.as_json)
            run(scenario, scripted_world.ScriptedSimulation(file, instances), shown)
            return
        found = catalogue.counterpart_of(file, counterpart)
    except catalogue.NoCounterpart as error:
        stop(str(error))
    make_store = store.STORES[ledger]
    simulation = mapping_world.MappingSimulation(file, found, make_store, instances)
    what = f"{file.stem} with {found.what}, {ledger}"
    _compare(world, _scenario(world, ledger, handled(file)), simulation, what)


def _scenario(
    world: WorldOptions, ledger: str, handled: tuple[str, ...] | None = None
) -> "Scenario":
    """The scenario of a world that is compared; what is not promised happens only if named."""
    usual, named = faults.ALL, faults.NOT_PROMISED
    if ledger == "memory":  # it is lost with its instance
        usual, named = faults.without("kill"), named | {"kill": faults.ALL["kill"]}
    return world.scenario(usual, handled, named, forgetful=ledger == "memory")


def _refuse_to_share_memory(ledger: str, instances: int) -> None:
    if ledger == "memory" and instances > 1:
        stop("a ledger in memory is for one instance: give --ledger sqlite for several")


def _compare(
    world: WorldOptions, scenario: "Scenario", simulation: "Simulation", what: str
) -> None:
    """Run a world whose network is compared with billing at the end."""
    run(scenario, simulation, Shown(what, True, world.as_json))


app.add_typer(simulate_load.app)
