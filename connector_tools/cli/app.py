"""The command line `connector`: check, test and explain a mapping, run the function, send events.

Exit codes: 0 all is well; 1 it is not (a lint of level error, a failed test, an event that was not
accepted); 2 the command could not do its work (usage, files, settings, no connection).
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from connector.event import parse
from connector.mapping import load as mapping_load
from connector.mapping.document import BadMapping, Lint
from connector.mapping.schema import MappingFile as _Mapping
from connector.mapping.schema import schema as mapping_schema
from connector.outcome import Outcome, Refusal
from connector.pipeline import hash_key
from connector.settings import API_TOKEN, HASH_KEY, BadSettings
from connector.startup import start
from connector_tools import explain_text
from connector_tools import send as sender
from connector_tools.cli import dead_letters as dlq
from connector_tools.cli.summary import mend, reporting, size, summary
from connector_tools.deployment import deployment
from connector_tools.documents.openapi import document as openapi_document
from connector_tools.events_file import items
from connector_tools.explain import answer_shown
from connector_tools.explain import explain as explained
from connector_tools.mapping_tests import run_cases, untested
from connector_tools.terminal import TROUBLE, counted, opened, say, stop, terminal

_FAILURE = 1
_INTERRUPTED = 130  # as a shell says it

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
app.add_typer(dlq.app, name="dlq")
MappingFile = Annotated[Path, typer.Argument(metavar="FILE", help="Mapping file.")]


@app.callback(
    invoke_without_command=True,
    epilog="Example: connector test mappings/wtl-hlr-hss.yaml",
)
def connector(context: typer.Context) -> None:
    """Write a mapping file for an external system, and see what it does with events of NSPS.

    The usual order: `check` the file, `test` it with the tests inside it, `explain` what would be
    sent for an event, `run` the function on this machine, `send` events to it. `COMMAND --help`
    tells more, with an example.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog="Example: connector check mappings/wtl-hlr-hss.yaml --environment")
def check(
    file: MappingFile,
    environment: Annotated[
        bool,
        typer.Option(
            "--environment", help="Check too whether the function would start with it here."
        ),
    ] = False,
) -> None:
    """Say what is wrong with a mapping file: place, reason, mend.

    Warnings are for the author; errors stop a deployment, and the exit code is 1.
    """
    found, lints = mapping_load.check(file)
    _show(lints)
    if found:
        say(f"{file}: {_summed_up(found, lints)}")
    if found is None or _errors(lints):
        raise typer.Exit(_FAILURE)
    if environment:
        _check_environment(file)


@app.command(epilog="Example: connector test mappings/wtl-hlr-hss.yaml")
def test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Mapping files.")],
) -> None:
    """Run the tests inside mapping files.

    They script what the external system replies; nothing is sent. A rule, or an `ignore` or
    `require` of it, that no test reaches is a failure too.
    """
    runs = [_test(file) for file in files]
    passed, failed = (sum(run[index] for run in runs) for index in (0, 1))
    say(f"{passed} passed, {failed} failed", "red" if failed else "green")
    if failed or not all(run[2] for run in runs):
        raise typer.Exit(_FAILURE)


@app.command(
    epilog="Example: connector explain mappings/wtl-hlr-hss.yaml mappings/events/sim-updated.json"
)
def explain(
    file: MappingFile,
    event: Annotated[str, typer.Argument(metavar="EVENT|-", help="File with one event as JSON.")],
) -> None:
    """Show what would be sent for an event, and why; nothing is sent.

    Settings come from the environment, those that it lacks are made up. The event's data is shown
    in the clear, a secret never. The exit code is 1 if the event is invalid.
    """
    mapping, lints = mapping_load.check(file)
    if mapping is None or _errors(lints):
        _show(lints, stderr=True)
        raise typer.Exit(TROUBLE)
    with opened(event) as stream:
        body = stream.read()
    try:
        settings = deployment(mapping, os.environ)
    except BadSettings as bad:
        stop(str(bad))
    try:
        found = explained(parse(body), mapping, settings.values)
    except Refusal as refusal:
        _show_lines(explain_text.answer_lines(answer_shown(refusal.result)))
        raise typer.Exit(_FAILURE) from None
    _show_lines(explain_text.lines(found, settings, _hash_key()))
    if found.result and found.result.outcome is Outcome.INVALID:
        raise typer.Exit(_FAILURE)


@app.command(epilog="Example: connector run")
def run(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the function listens.")] = 8080,
) -> None:
    """Keep an embedded HLR/HSS and the function running here."""
    from connector_tools.stack import stack  # noqa: PLC0415 - only this command needs the HLR

    raise typer.Exit(stack.run(port=port))


@app.command(epilog="Example: connector demo")
def demo() -> None:
    """Send a subscriber's life through the function to an HLR/HSS."""
    from connector_tools.stack import demo as life  # noqa: PLC0415 - only this command needs the HLR

    raise typer.Exit(life.demo())


@app.command(epilog="Example: connector send events.ndjson --concurrency 20 --new-ids")
def send(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON (one event or a list) or NDJSON.")
    ],
    url: Annotated[
        str, typer.Option(envvar="CONNECTOR_URL", help="Where the connector listens.")
    ] = "http://127.0.0.1:8080/process-event",
    token: Annotated[
        str,
        typer.Option(
            envvar="API_TOKEN",
            show_default=False,
            help="Its bearer token; of several, comma-separated, the first.",
        ),
    ] = "",
    concurrency: Annotated[
        int, typer.Option(min=1, max=200, help="Events that are under way at once.")
    ] = 10,
    new_ids: Annotated[
        bool,
        typer.Option(
            "--new-ids",
            help="Give each event a new event_id, or it is a duplicate of the one sent before. "
            "Its i_event names it too and is left out.",
        ),
    ] = False,
) -> None:
    """Post events to a connector as NSPS does, and sum up the answers.

    A large NDJSON file is sent while it is read. Events under way at once arrive in any order. The
    exit code is 1 if an event was not accepted, 2 if there is no connection.
    """
    try:
        to = sender.target(url, token)
    except ValueError as error:
        stop(str(error))
    tally = sender.Tally()
    with opened(file) as stream:
        found = items(stream, new_ids=new_ids)
        try:
            with reporting(tally, size(stream)) as report:
                asyncio.run(sender.send(to, found, concurrency, report))
        except sender.Unreachable as trouble:
            summary(tally)
            stop(mend(to, trouble))
        except KeyboardInterrupt:
            summary(tally)
            raise typer.Exit(_INTERRUPTED) from None
    summary(tally)
    if tally.refused:
        raise typer.Exit(_FAILURE)


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
    from connector_tools.simulation.nsps import Options  # noqa: PLC0415 - as above
    from connector_tools.simulation.world import Plan  # noqa: PLC0415 - as above

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
        found = faults.read(fault or [], faults.ELSEWHERE if url else faults.ALL)
        target = sender.target(url, token) if url else None
    except ValueError as error:
        stop(str(error))
    options = Options(enriches_retries=fresh, retries_4xx=not drop_4xx, cache=cache)
    if file:
        options = replace(options, handled=_handled(file))
    plan = Plan(events, subscribers, seed, rate, found, options)
    if target:
        raise typer.Exit(simulation.load(plan, target))
    how = "osmo" if osmo else "real" if real else "inside"
    raise typer.Exit(simulation.simulate(plan, how, ledger, instances))


@app.command(epilog="Example: connector schema > mappings/mapping.schema.json")
def schema() -> None:
    """Print the JSON Schema of mapping files, for editors."""
    typer.echo(json.dumps(mapping_schema(), indent=2))


@app.command(epilog="Example: connector openapi > docs/openapi.json")
def openapi() -> None:
    """Print the function's OpenAPI document, for gateways, clients and attacks."""
    typer.echo(json.dumps(openapi_document(), indent=2))


def main() -> None:
    """The entry point."""
    app(prog_name="connector")


def _handled(file: Path) -> tuple[str, ...]:
    """The types of event that a mapping has rules for; at least one is raised here."""
    from connector_tools.simulation.billing import RAISED  # noqa: PLC0415 - as in `simulate`

    try:
        mapping = mapping_load.load(file)
    except BadMapping as bad:
        stop(str(bad.lints[0]))
    found = tuple(dict.fromkeys(name for rule in mapping.rules for name in rule.on))
    if not {name.lower() for name in found} & {name.lower() for name in RAISED}:
        stop(f"{file} has no rule for an event that is simulated: {', '.join(RAISED)}")
    return found


def _test(file: Path) -> tuple[int, int, bool]:
    """How many tests of a file passed and failed, and whether all of it was tested."""
    found, lints = mapping_load.check(file)
    if found is None or _errors(lints):
        _show(lints)
        return 0, 0, False
    results = []
    for index, result in enumerate(run_cases(found)):
        results.append(result)
        line = found.document.place(("tests", index)).line
        if result.problems:
            say(f"FAILED  {result.case.name} ({file}:{line})", "red")
        else:
            say(f"ok      {result.case.name}")
        for problem in result.problems:
            say(f"        {problem}")
    missing = untested(found, results)
    _show(missing)
    failed = sum(1 for result in results if result.problems)
    return len(results) - failed, failed, not missing


def _errors(lints: list[Lint]) -> int:
    return sum(1 for found in lints if found.level == "error")


def _show(lints: list[Lint], *, stderr: bool = False) -> None:
    console = terminal(stderr=stderr)
    for found in lints:
        say(str(found), "red" if found.level == "error" else "yellow", to=console)


def _show_lines(lines: Iterator[explain_text.Line]) -> None:
    console = terminal()
    for text, style in lines:
        say(text, style, to=console)


def _summed_up(found: _Mapping, lints: list[Lint]) -> str:
    errors = _errors(lints)
    counts = [counted(errors, "error"), counted(len(lints) - errors, "warning")]
    told = ", ".join(count for count in counts if not count.startswith("0 ")) or "no lints"
    return f"{told}, {counted(len(found.rules), 'rule')}, {counted(len(found.tests), 'test')}"


def _check_environment(file: Path) -> None:
    """Whether the function would start here with this file."""
    try:
        start({**os.environ, "MAPPING_FILE": str(file)})
    except BadSettings as bad:
        for problem in bad.problems:
            say(f"environment: error: {problem}", "red")
        raise typer.Exit(_FAILURE) from None
    say("environment: all settings are there and of their types")


def _hash_key() -> bytes | None:
    """The key of the function's log, if this environment holds it."""
    token = os.environ.get(API_TOKEN, "").partition(",")[0].strip()
    secret = os.environ.get(HASH_KEY, "").strip() or token
    return hash_key(secret) if secret else None


if __name__ == "__main__":
    main()
