"""`connector dlq`: list the events on the dead-letter topic, show, replay or remove them."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connector.event import parse, personal
from connector.masking import redact
from connector.outcome import Refusal
from connector_tools.terminal import CANNOT_RUN, counted

if TYPE_CHECKING:
    from connector_tools.dead_letters import DeadLetter, DeadLetterFilter, DeadLetterSubscription

app = typer.Typer(
    no_args_is_help=True,
    help="List dead letters, show one, replay them or throw them away.\n\n"
    "A dead letter is an event that cannot succeed as it is, or that Pub/Sub gave up after the "
    "last attempt. First remove the cause (the mapping, the handler, the external system), then "
    "replay.",
    epilog="Example: connector dlq list --outcome invalid",
)

Subscription = Annotated[
    str,
    typer.Option(
        envvar="PUBSUB_DEAD_LETTER_SUBSCRIPTION",
        help="The dead-letter subscription, projects/P/subscriptions/S.",
    ),
]
EventId = Annotated[str | None, typer.Option(help="Only the dead letter of this event.")]
EventType = Annotated[str | None, typer.Option(help="Only events of this type, e.g. SIM/Updated.")]
OutcomeName = Annotated[str | None, typer.Option(help="Only this outcome, e.g. invalid.")]
Reason = Annotated[str | None, typer.Option(help="Only dead letters whose reason contains this.")]
OlderThan = Annotated[
    float | None, typer.Option(help="Only dead letters that are older than this number of hours.")
]
Most = Annotated[
    int, typer.Option("--limit", min=1, help="Look at this many dead letters at most.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_dead_letters(
    subscription: Subscription,
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Most = 1000,
) -> None:
    """List dead letters, oldest first, and count them by outcome.

    Example: connector dlq list --subscription projects/P/subscriptions/S --outcome invalid
    """
    wanted = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as opened:
        found = sorted(_pulled(opened, wanted, limit), key=lambda one: one.published)
    table = Table("published", "event", "type", "outcome", "reason", box=None)
    for one in found:
        when = one.published.strftime("%Y-%m-%d %H:%M:%SZ")
        table.add_row(when, one.event_id, one.event_type, one.outcome, one.reason)
    console = _console()
    if found:
        console.print(table)
    counts = Counter(one.outcome for one in found)
    by_outcome = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    console.print(_count(found) + (f": {by_outcome}" if found else ""))


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(help="The event's id, as `list` shows it.")],
    subscription: Subscription,
    clear: Annotated[bool, typer.Option("--clear", help="Do not mask personal data.")] = False,
    limit: Most = 1000,
) -> None:
    """Show one dead letter: its attributes, and its event with personal data masked."""
    with _open(subscription) as opened:
        found = list(_pulled(opened, _filter(event_id=event_id), limit))
    if not found:
        _fail(f"no dead letter of event {event_id} among the first {limit}")
    one, console = found[0], _console()
    for name, value in sorted(one.attributes.items()):
        console.print(f"{name}: {value}")
    text = json.dumps(one.event, indent=2) if one.event else one.data.decode("latin-1")
    print(text if clear else _masked(one, text))


@app.command()
def replay(
    subscription: Subscription,
    topic: Annotated[
        str, typer.Option(envvar="PUBSUB_TOPIC", help="Where to publish, projects/P/topics/T.")
    ],
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Most = 1000,
    dry_run: DryRun = False,
) -> None:
    """Publish the events again, and remove each dead letter once Pub/Sub has taken its event.

    The ledger still knows what is newer: an old event does not overwrite a newer state.
    """
    wanted = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as opened:
        chosen = list(_pulled(opened, wanted, limit))
        if dry_run:
            _console().print(f"{_count(chosen)} would be published to {topic}")
            return
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            for one in progress.track(chosen, description="Replaying"):
                opened.replay(one, topic)
    _console().print(f"{_count(chosen)} published to {topic}")


@app.command()
def purge(
    subscription: Subscription,
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Most = 1000,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Throw dead letters away for good."""
    wanted = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as opened:
        chosen = list(_pulled(opened, wanted, limit))
        if dry_run:
            _console().print(f"{_count(chosen)} would be thrown away")
            return
        if chosen and not yes:
            typer.confirm(f"Throw away {_count(chosen)} for good?", abort=True)
        opened.remove(chosen)
    _console().print(f"{_count(chosen)} thrown away")


def _filter(
    event_id: str | None = None,
    event_type: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    older_than: float | None = None,
) -> "DeadLetterFilter":
    from connector_tools.dead_letters import DeadLetterFilter  # noqa: PLC0415 - see _open

    before = datetime.now(UTC) - timedelta(hours=older_than) if older_than else None
    return DeadLetterFilter(event_id, event_type, outcome, reason, before)


def _open(subscription: str) -> "DeadLetterSubscription":
    # Google's client takes half a second to import; only these commands need it.
    from connector_tools.dead_letters import DeadLetterSubscription  # noqa: PLC0415

    return DeadLetterSubscription(subscription, os.environ.get("PUBSUB_EMULATOR_HOST"))


def _pulled(
    opened: "DeadLetterSubscription", wanted: "DeadLetterFilter", limit: int
) -> Iterator["DeadLetter"]:
    """Yield the wanted ones of the first `limit`; if Google refuses, end with its message."""
    from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415 - see _open

    try:
        yield from (one for one in opened.pull(limit) if wanted.fits(one))
    except GoogleAPICallError as error:
        _fail(f"Pub/Sub: {type(error).__name__}: {error.message}")


def _masked(dead_letter: "DeadLetter", text: str) -> str:
    try:
        return redact(text, personal(parse(dead_letter.data)))
    except Refusal:
        return redact(text)


def _count(dead_letters: list["DeadLetter"]) -> str:
    return counted(len(dead_letters), "letter")


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 250, highlight=False)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(CANNOT_RUN)
