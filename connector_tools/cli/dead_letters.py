"""`connector dlq`: list the events on the dead-letter topic, show, replay or remove them."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from connector.masking import redact
from connector_tools.cli.dead_letter_options import (
    Choice,
    DryRun,
    EventId,
    EventType,
    Ids,
    Most,
    OlderThan,
    OutcomeName,
    Reason,
    Subscriber,
    Subscription,
    Yes,
)
from connector_tools.cli.records_options import (
    AsJson,
    SecretsPlace,
    Since,
    Until,
    iso,
    note,
    stamp,
)
from connector_tools.masked_event import masked
from connector_tools.records.record import CannotRead
from connector_tools.terminal import (
    CANNOT_RUN,
    FAILED,
    INTERRUPTED,
    counted,
    json_text,
    print_json,
    say,
    stop,
    terminal,
)
from connector_tools.text_lines import columns

if TYPE_CHECKING:
    from connector_tools.dead_letters import DeadLetter, DeadLetterFilter, DeadLetterSubscription

app = typer.Typer(
    name="dlq",
    no_args_is_help=True,
    help="List dead letters, show one, replay them or throw them away.\n\n"
    "A dead letter is an event that cannot succeed as it is, or that Pub/Sub gave up after the "
    "last attempt. First remove the cause (the mapping, the handler, the external system), then "
    "replay.",
    epilog="Example: connector dlq list --outcome invalid",
)


@app.command("list", epilog="Example: connector dlq list --since 2h --outcome invalid")
def list_dead_letters(
    subscription: Subscription,
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    since: Since = None,
    until: Until = None,
    subscriber: Subscriber = None,
    ids: Ids = None,
    secrets: SecretsPlace = None,
    limit: Most = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, and count them by outcome. Nothing is changed."""
    wanted = Choice(
        event_id, event_type, outcome, reason, older_than, since, until, subscriber, ids, secrets
    ).filter()
    with _open(subscription) as desk:
        found = sorted(_pulled(desk, wanted, limit), key=lambda one: one.published)
    counts = Counter(one.outcome for one in found)
    if as_json:
        rows = [_row(one) for one in found]
        print_json({"count": len(found), "by_outcome": dict(counts), "letters": rows})
        return
    if found:
        cells = [
            (stamp(one.published), one.event_id, one.event_type, one.outcome, one.reason)
            for one in found
        ]
        for line in columns([("published", "event", "type", "outcome", "reason"), *cells]):
            say(line)
    by_outcome = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    say(_count(found) + (f": {by_outcome}" if found else ""))


@app.command(epilog="Example: connector dlq show EVENT_ID --json | connector explain FILE -")
def show(
    event_id: Annotated[str, typer.Argument(help="The event's id, as `list` shows it.")],
    subscription: Subscription,
    clear: Annotated[bool, typer.Option("--clear", help="Do not mask personal data.")] = False,
    limit: Most = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: its attributes, and its event with personal data masked.

    Of a masked number the last four digits stay, and the others become 0.
    """
    with _open(subscription) as desk:
        found = list(_pulled(desk, Choice(event_id).filter(), limit))
    if not found:
        stop(f"no dead letter of event {event_id}{_among(limit)}")
    one = found[0]
    event = one.event if clear or not one.event else masked(one.event)
    text = one.data.decode("latin-1")
    if as_json:
        unread = {} if event else {"text": text if clear else redact(text)}
        print_json(_row(one) | {"masked": not clear, "event": event or None} | unread)
        return
    for name, value in sorted(one.attributes.items()):
        say(f"{name}: {value}")
    print(json_text(event) if event else text if clear else redact(text))


@app.command(epilog="Example: connector dlq replay --outcome invalid --since 2h --dry-run")
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
    since: Since = None,
    until: Until = None,
    subscriber: Subscriber = None,
    ids: Ids = None,
    secrets: SecretsPlace = None,
    limit: Most = None,
    ask_above: Annotated[
        int, typer.Option(min=0, help="Ask first if there are more dead letters than this.")
    ] = 50,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish the events again, and remove each dead letter once Pub/Sub has taken its event.

    The ledger still knows what is newer: an old event does not overwrite a newer state. If it
    fails in the middle, it says what was published and what was not; the exit code is 1.
    """
    wanted = Choice(
        event_id, event_type, outcome, reason, older_than, since, until, subscriber, ids, secrets
    ).filter()
    with _open(subscription) as desk:
        chosen = sorted(_pulled(desk, wanted, limit), key=lambda one: one.published)
        if dry_run:
            _told(as_json, {"would_publish": len(chosen)}, f"would be published to {topic}", chosen)
            return
        if len(chosen) > ask_above and not yes:
            typer.confirm(f"Publish {_count(chosen)} to {topic}?", abort=True, err=True)
        done = _Replay(chosen)
        done.carry_out(desk, topic)
    done.tell(topic, as_json=as_json)


@app.command(epilog="Example: connector dlq purge --older-than 168 --dry-run")
def purge(
    subscription: Subscription,
    event_id: EventId = None,
    event_type: EventType = None,
    outcome: OutcomeName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    since: Since = None,
    until: Until = None,
    subscriber: Subscriber = None,
    ids: Ids = None,
    secrets: SecretsPlace = None,
    limit: Most = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Throw dead letters away for good."""
    wanted = Choice(
        event_id, event_type, outcome, reason, older_than, since, until, subscriber, ids, secrets
    ).filter()
    with _open(subscription) as desk:
        chosen = list(_pulled(desk, wanted, limit))
        if dry_run:
            _told(as_json, {"would_remove": len(chosen)}, "would be thrown away", chosen)
            return
        if chosen and not yes:
            typer.confirm(f"Throw away {_count(chosen)} for good?", abort=True, err=True)
        desk.remove(chosen)
    _told(as_json, {"removed": len(chosen)}, "thrown away", chosen)


@dataclass(slots=True)
class _Replay:
    """A replay of dead letters: what was published and what was not, whatever stops it."""

    chosen: list["DeadLetter"]
    published: list["DeadLetter"] = field(default_factory=list)
    not_removed: list["DeadLetter"] = field(default_factory=list)
    error: str | None = None
    exit_code: int = 0

    def carry_out(self, desk: "DeadLetterSubscription", topic: str) -> None:
        """Replay one by one until all are done, or one fails, or somebody presses Ctrl-C."""
        try:
            with _progress() as progress:
                for one in progress.track(self.chosen, description="Replaying"):
                    self._one(desk, one, topic)
        except CannotRead as error:
            self.error = str(error)
            self.exit_code = FAILED if self.published else CANNOT_RUN
        except KeyboardInterrupt:
            told = "interrupted; the first that was not published may be on its way"
            self.error, self.exit_code = told, INTERRUPTED

    def tell(self, topic: str, *, as_json: bool) -> None:
        """Print what was done, and end the command with its exit code."""
        rest = self.chosen[len(self.published) :]
        if as_json:
            document = {
                "published": [one.event_id for one in self.published],
                "not_published": [one.event_id for one in rest],
                "published_but_not_removed": [one.event_id for one in self.not_removed],
                "error": self.error,
            }
            print_json(document)
        elif self.published or not self.error:
            say(f"{_count(self.published)} published to {topic}")
        for one in self.not_removed:
            note(f"published, but its dead letter is still there: {one.event_id}")
        if self.error and self.published and not as_json:
            say(f"{_count(rest)} not published:")
            for one in rest:
                say(f"  {one.event_id or one.message_id}")
        if self.error:
            say(f"connector: {self.error}", "red", to=terminal(stderr=True))
        code = self.exit_code or (FAILED if self.not_removed else 0)
        if code:
            raise typer.Exit(code)

    def _one(self, desk: "DeadLetterSubscription", one: "DeadLetter", topic: str) -> None:
        from connector_tools.dead_letters import NotRemoved  # noqa: PLC0415 - see _open

        try:
            desk.replay(one, topic)
        except NotRemoved as error:
            self.not_removed.append(one)
            self.published.append(one)
            raise CannotRead(str(error)) from error
        self.published.append(one)


@contextmanager
def _open(subscription: str) -> Iterator["DeadLetterSubscription"]:
    """Open the subscription; what Pub/Sub refuses ends the command with one line."""
    # Google's client takes half a second to import; only these commands need it.
    from connector_tools.dead_letters import DeadLetterSubscription  # noqa: PLC0415 - see above

    try:
        emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
        with DeadLetterSubscription(subscription, emulator) as desk:
            yield desk
    except CannotRead as error:
        stop(str(error))


def _pulled(
    desk: "DeadLetterSubscription", wanted: "DeadLetterFilter", limit: int | None
) -> Iterator["DeadLetter"]:
    """Yield the wanted ones; say so if `limit` kept some from being looked at."""
    looked = 0
    missing = set(wanted.ids or ())
    for one in desk.pull(limit):
        looked += 1
        missing.discard(one.event_id)
        if wanted.fits(one):
            yield one
    if looked == limit:
        note(f"looked at the first {limit} dead letters only (--limit); there may be more")
    for event_id in sorted(missing):
        note(f"no dead letter of event {event_id}{_among(limit)}")


def _row(one: "DeadLetter") -> dict[str, Any]:
    return {
        "message_id": one.message_id,
        "published": iso(one.published),
        "event_id": one.event_id or None,
        "event_type": one.event_type or None,
        "outcome": one.outcome,
        "reason": one.reason or None,
        "attributes": one.attributes,
    }


def _told(as_json: bool, document: dict[str, Any], text: str, some: list["DeadLetter"]) -> None:
    if as_json:
        print_json(document | {"event_ids": [one.event_id for one in some]})
    else:
        say(f"{_count(some)} {text}")


def _progress() -> Progress:
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())


def _among(limit: int | None) -> str:
    return f" among the first {limit}" if limit else ""


def _count(dead_letters: list["DeadLetter"]) -> str:
    return counted(len(dead_letters), "letter")
