"""`connector explain`: print what would be sent for an event, and why."""

import os
from collections.abc import Iterator
from typing import Annotated

import typer

from connector.event import parse
from connector.outcome import Outcome, Refusal
from connector.pipeline import hash_key
from connector.settings import API_TOKEN, HASH_KEY
from connector_tools import explain_text
from connector_tools.cli.options import MappingPath
from connector_tools.cli.output import load_for_explaining
from connector_tools.explain import answer_shown, explain
from connector_tools.terminal import FAILED, opened, say, terminal

app = typer.Typer()


@app.command(
    "explain",
    epilog="Example: connector explain mappings/wtl-hlr-hss.yaml mappings/events/sim-updated.json",
)
def explain_event(
    file: MappingPath,
    event: Annotated[str, typer.Argument(metavar="EVENT|-", help="File with one event as JSON.")],
) -> None:
    """Show what would be sent for an event, and why; nothing is sent.

    Settings come from the environment; missing ones are made up. The event's data is shown
    unmasked, secrets are never shown. The exit code is 1 if the event is invalid.
    """
    mapping, settings = load_for_explaining(file)
    with opened(event) as stream:
        body = stream.read()
    try:
        found = explain(parse(body), mapping, settings.values)
    except Refusal as refusal:
        _show_lines(explain_text.answer_lines(answer_shown(refusal.result)))
        raise typer.Exit(FAILED) from None
    _show_lines(explain_text.lines(found, settings, _hash_key()))
    if found.result and found.result.outcome is Outcome.INVALID:
        raise typer.Exit(FAILED)


def _show_lines(lines: Iterator[explain_text.Line]) -> None:
    console = terminal()
    for text, style in lines:
        say(text, style, to=console)


def _hash_key() -> bytes | None:
    """The key of the subject hashes in the function's log, if the environment has its secret."""
    token = os.environ.get(API_TOKEN, "").partition(",")[0].strip()
    secret = os.environ.get(HASH_KEY, "").strip() or token
    return hash_key(secret) if secret else None
