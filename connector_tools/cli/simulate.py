"""`connector simulate`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from connector.mapping import checks
from connector.mapping.document import BadMapping
from connector_tools import send
from connector_tools.terminal import stop

app = typer.Typer()


@app.command(epilog="Example: connector simulate --events 20000 --ledger sqlite --instances 3")
def simulate(
    events: Annotated[int, typer.Option(min=1, help="Events that PortaBilling raises.")] = 2000,
    subscribers: Annotated[int, typer.Option(min=1, help="Subscribers at a time.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
    rate: Annotated[float, typer.Option(min=0.001, help="Events per simulated second.")] = 0.5,
    ledger: Annotated[str, typer.Option(help="memory, sqlite or firestore.")] = "memory",
    instances: Annotated[int, typer.Option(min=1, max=50, help="Instances of the function.")] = 1,
    real: Annotated[
        bool,
        typer.Option(
            "--real", help="Real functions, killed with -9, on time that passes 60 times faster."
        ),
    ] = False,
    osmo: Annotated[
        bool, typer.Option("--osmo", help="A real osmo-hlr, stopped, killed and locked.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=RATE]",
            help="What goes wrong: all (which is the default), none, or a name, several times.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="NSPS enriches an event anew for each retry.")
    ] = False,
    drop_4xx: Annotated[
        bool,
        typer.Option("--drop-4xx", help="NSPS does not retry what was answered 4xx, but for 429."),
    ] = False,
    cache: Annotated[
        float, typer.Option(min=0, help="Seconds for which NSPS may use what it has read before.")
    ] = 0,
    url: Annotated[
        str,
        typer.Option(
            help="Load-test the connector that is deployed there, in a staging system: the events "
            "are of made-up subscribers, with IMSIs of the test network 001-01 and numbers of the "
            "country code 999, which nobody has. A simulated minute takes a second, so --rate 0.5 "
            "is 30 events a second.",
        ),
    ] = "",
    token: Annotated[
        str,
        typer.Option(envvar="API_TOKEN", show_default=False, help="Its bearer token, with --url."),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Its mapping file, with --url: NSPS sends the events it has rules for."),
    ] = None,
) -> None:
    """Simulate a PortaBilling, an NSPS and an HLR/HSS with faults, and see whether they agree.

    Subscribers change, everything that can go wrong does, then all calms down and the HLR/HSS is
    compared with billing. The exit code is 1 if a subscriber differs, an event was lost, or
    something happened that must not; with --url, where the network cannot be seen, if an event
    was neither accepted in the end nor rejected (422).
    """
    from connector_tools.cli import simulation  # noqa: PLC0415 - only this command
    from connector_tools.simulation import faults  # noqa: PLC0415 - needs the world
    from connector_tools.simulation.nsps import NspsOptions  # noqa: PLC0415 - as above
    from connector_tools.simulation.world import Scenario  # noqa: PLC0415 - as above

    if ledger not in simulation.STORES or (ledger == "firestore" and not real):
        stop("--ledger is memory, sqlite or, with --real, firestore")
    if osmo:
        ledger = "sqlite"
    if ledger == "memory" and instances > 1:
        stop("a ledger in memory is for one instance: --ledger sqlite or firestore for several")
    if url and (real or osmo or instances > 1 or ledger != "memory"):
        stop("--url is a deployment with instances and a ledger of its own: leave the others out")
    if file and not url:
        stop("--file goes with --url; the simulation's own functions have the WTL mapping")
    try:
        found = faults.read(fault or [], faults.DEPLOYED if url else faults.ALL)
        target = send.target(url, token) if url else None
    except ValueError as error:
        stop(str(error))
    options = NspsOptions(enriches_retries=fresh, retries_4xx=not drop_4xx, cache=cache)
    if file:
        options = replace(options, handled=_handled(file))
    scenario = Scenario(events, subscribers, seed, rate, found, options)
    if target:
        raise typer.Exit(simulation.load(scenario, target))
    how = "osmo" if osmo else "real" if real else "inside"
    raise typer.Exit(simulation.simulate(scenario, how, ledger, instances))


def _handled(file: Path) -> tuple[str, ...]:
    """The types of event that a mapping has rules for; at least one is raised here."""
    from connector_tools.simulation.billing import RAISED  # noqa: PLC0415 - as in `simulate`

    try:
        mapping = checks.load(file)
    except BadMapping as bad:
        stop(str(bad.lints[0]))
    found = tuple(dict.fromkeys(name for rule in mapping.rules for name in rule.on))
    if not {name.lower() for name in found} & {name.lower() for name in RAISED}:
        stop(f"{file} has no rule for an event that is simulated: {', '.join(RAISED)}")
    return found
