"""`connector dlq`: what ended on the dead-letter topic, shown, sent again, or thrown away."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connector import log
from connector.event import parse, personal
from connector.outcome import Refusal

if TYPE_CHECKING:
    from connector_tools.dead_letters import DeadLetters, Filter, Letter

app = typer.Typer(
    no_args_is_help=True,
    help="Look at dead letters, send them again, or throw them away.\n\n"
    "A dead letter is an event that cannot succeed as it is, or that Pub/Sub gave up after the "
    "last attempt. Mend the cause (the mapping, the handler, the external system), then replay.",
)

Subscription = Annotated[
    str,
    typer.Option(
        envvar="PUBSUB_DEAD_LETTER_SUBSCRIPTION",
        help="The dead-letter subscription, projects/P/subscriptions/S.",
    ),
]
EventId = Annotated[str | None, typer.Option(help="Only the letter of this event.")]
EventType = Annotated[str | None, typer.Option(help="Only events of this type, e.g. SIM/Updated.")]
OutcomeName = Annotated[str | None, typer.Option(help="Only this outcome, e.g. invalid.")]
Reason = Annotated[str | None, typer.Option(help="Only letters whose reason contains this.")]
OlderThan = Annotated[float | None, typer.Option(help="Only letters older than so many hours.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="Look at so many letters at the most.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_letters(
    subscription: Subscription,
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    limit: Most = 1000,
) -> None:
    """Show the letters, oldest first, and how many there are of each outcome.

    Example: connector dlq list --subscription projects/P/subscriptions/S --outcome invalid
    """
    meant = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as letters:
        found = sorted(_pulled(letters, meant, limit), key=lambda letter: letter.published)
    table = Table("published", "event", "type", "outcome", "reason", box=None)
    for letter in found:
        when = letter.published.strftime("%Y-%m-%d %H:%M:%SZ")
        table.add_row(when, letter.event_id, letter.event_type, letter.outcome, letter.reason)
    console = _console()
    if found:
        console.print(table)
    counts = Counter(letter.outcome for letter in found)
    by_outcome = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    console.print(_count(found) + (f": {by_outcome}" if found else ""))


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(help="The event's id, as `list` shows it.")],
    subscription: Subscription,
    clear: Annotated[bool, typer.Option("--clear", help="Do not mask personal data.")] = False,
    limit: Most = 1000,
) -> None:
    """Show one letter whole: why it ended, and its event with personal data masked."""
    with _open(subscription) as letters:
        found = list(_pulled(letters, _filter(event_id=event_id), limit))
    if not found:
        _fail(f"no dead letter of event {event_id} among the first {limit}")
    letter, console = found[0], _console()
    for name, value in sorted(letter.attributes.items()):
        console.print(f"{name}: {value}")
    text = json.dumps(letter.event, indent=2) if letter.event else letter.data.decode("latin-1")
    print(text if clear else _masked(letter, text))


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
    """Publish events again; a letter is gone once Pub/Sub has taken its event.

    The ledger still knows what is newer: an old event does not overwrite a newer state.
    """
    meant = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as letters:
        chosen = list(_pulled(letters, meant, limit))
        if dry_run:
            _console().print(f"{_count(chosen)} would be published to {topic}")
            return
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            for letter in progress.track(chosen, description="Replaying"):
                letters.replay(letter, topic)
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
    """Throw letters away for good."""
    meant = _filter(event_id, event_type, outcome, reason, older_than)
    with _open(subscription) as letters:
        chosen = list(_pulled(letters, meant, limit))
        if dry_run:
            _console().print(f"{_count(chosen)} would be thrown away")
            return
        if chosen and not yes:
            typer.confirm(f"Throw away {_count(chosen)} for good?", abort=True)
        letters.remove(chosen)
    _console().print(f"{_count(chosen)} thrown away")


def _filter(
    event_id: str | None = None,
    event_type: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    older_than: float | None = None,
) -> "Filter":
    from connector_tools.dead_letters import Filter  # noqa: PLC0415 - see _open

    before = datetime.now(UTC) - timedelta(hours=older_than) if older_than else None
    return Filter(event_id, event_type, outcome, reason, before)


def _open(subscription: str) -> "DeadLetters":
    # Google's client takes half a second to import; only these commands need it.
    from connector_tools.dead_letters import DeadLetters  # noqa: PLC0415

    return DeadLetters(subscription, os.environ.get("PUBSUB_EMULATOR_HOST"))


def _pulled(letters: "DeadLetters", meant: "Filter", limit: int) -> Iterator["Letter"]:
    """The letters that are meant, with a word on Google's refusal instead of a traceback."""
    from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415 - see _open

    try:
        yield from (letter for letter in letters.pull(limit) if meant.fits(letter))
    except GoogleAPICallError as error:
        _fail(f"Pub/Sub: {type(error).__name__}: {error.message}")


def _masked(letter: "Letter", text: str) -> str:
    try:
        return log.redact(text, personal(parse(letter.data)))
    except Refusal:
        return log.redact(text)


def _count(letters: list["Letter"]) -> str:
    return "1 letter" if len(letters) == 1 else f"{len(letters)} letters"


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 250, highlight=False)


def _fail(message: str) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(2)
