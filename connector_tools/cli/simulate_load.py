"""`connector simulate load`: a load test of a connector in a staging system."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector_tools.cli.options import Token
from connector_tools.cli.world_options import WorldOptions, with_world_options
from connector_tools.cli.world_run import Shown, handled, nothing, run
from connector_tools.send import target
from connector_tools.simulation import faults
from connector_tools.terminal import counted, say, stop, terminal

if TYPE_CHECKING:
    from connector_tools.simulation.scenario import Scenario, SimulationResult

app = typer.Typer()


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
    products: Annotated[
        str,
        typer.Option(
            metavar="LIST|FILE",
            help="Products of the staging system, such as `3774=Mobile L,3780=Mobile M`, or a JSON "
            "file that also has the attributes of their access policies.",
        ),
    ] = "",
    imsis: Annotated[
        Path | None,
        typer.Option(help="A file with IMSIs of the staging system, one on each line."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Write what billing says of each IMSI at the end, as JSON lines."),
    ] = None,
) -> None:
    """Load-test a connector that is deployed in a staging system.

    The events are about made-up subscribers, with numbers of the country code 999, which nobody
    has, and with the IMSIs of --imsis, or else of the test network 001-01. A simulated minute takes
    a second, so --rate 0.5 is 30 events a second. Only faults of NSPS happen. The network behind
    the connector cannot be seen: compare it with --state. The exit code is 1 if an event was
    neither accepted in the end nor rejected (422).
    """
    from connector_tools.simulation import deployed  # noqa: PLC0415 - see world_options.py

    try:
        to = target(url, token, "the argument URL")
    except ValueError as error:
        stop(str(error))
    usual = world.scenario(faults.DEPLOYED, handled(file) if file else None)
    scenario = _with_inventory(usual, products, imsis)
    with _state_file(state) as write_state:
        shown = Shown(str(to.url), False, world.as_json)
        run(scenario, deployed.DeployedSimulation(to), shown, write_state)


def _with_inventory(scenario: "Scenario", products: str, imsis: Path | None) -> "Scenario":
    """The scenario with the products and SIMs of a staging system, at most a SIM for each."""
    from connector_tools.simulation import inventory  # noqa: PLC0415 - see world_options.py

    try:
        found = inventory.read_products(products) if products else inventory.INVENTED
        cards = inventory.read_imsis(imsis) if imsis else ()
    except ValueError as error:
        stop(str(error))
    most = min(scenario.subscribers, len(cards)) if cards else scenario.subscribers
    return replace(scenario, subscribers=most, inventory=inventory.Inventory(found, cards))


@contextmanager
def _state_file(path: Path | None) -> Iterator[Callable[["SimulationResult"], None]]:
    """Open the file for --state at once, and yield a function that writes a result's state."""
    if path is None:
        yield nothing
        return
    try:
        path.touch(mode=0o600)  # with the IMSIs of a staging system
        stream = path.open("w", encoding="utf-8")
    except OSError as error:
        stop(f"--state: cannot write {path}: {error.strerror}")

    def write(result: "SimulationResult") -> None:
        stream.writelines(json.dumps(one) + "\n" for one in result.state)
        told = f"What billing says of {counted(len(result.state), 'SIM')} is in {path}."
        say(told, to=terminal(stderr=True))

    with stream:
        yield write
