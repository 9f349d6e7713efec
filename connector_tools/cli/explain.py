"""`connector explain`: print what would be sent for an event, and why."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from connector.event import Event, parse
from connector.masking import hide_secrets
from connector.outcome import Outcome, Refusal
from connector.pipeline import hash_key
from connector.secrets import SecretsUnreachable
from connector.settings import API_TOKEN, HASH_KEY, BadSettings
from connector.startup import start
from connector_tools import explain_text
from connector_tools.cli.options import MappingPath
from connector_tools.cli.output import load_for_explaining
from connector_tools.explain import Explanation, answer_shown, explain
from connector_tools.explain_resources import explain_resources
from connector_tools.reading import BadHeld, Reading, checked, given, read
from connector_tools.terminal import FAILED, opened, say, stop, terminal
from connector_tools.text_lines import Line

app = typer.Typer()

_Read = Annotated[
    bool,
    typer.Option(
        "--read",
        help="Read what the external system holds, with the settings and secrets of the function, "
        "and show what differs. Nothing is written.",
    ),
]
_Found = Annotated[
    str | None,
    typer.Option(
        "--found",
        metavar="JSON|-",
        help="File with what the external system holds, instead of reading it: "
        '{"imsi:...": {"RESOURCE": {...}}}; null or no entry means that it holds none.',
    ),
]


@app.command(
    "explain",
    epilog="Example: connector explain mappings/wtl-hlr-hss.yaml mappings/events/sim-updated.json",
)
def explain_event(
    file: MappingPath,
    event: Annotated[str, typer.Argument(metavar="EVENT|-", help="File with one event as JSON.")],
    read_system: _Read = False,
    found_file: _Found = None,
) -> None:
    """Show what would be sent for an event, and why; nothing is written.

    Settings come from the environment; missing ones are made up, except with --read. The data of
    the event and of the system are shown unmasked, secrets are never shown. The exit code is 1 if
    the event is invalid.
    """
    mapping, settings = load_for_explaining(file)
    with opened(event) as stream:
        body = stream.read()
    try:
        parsed = parse(body)
    except Refusal as refusal:
        _show_lines(explain_text.answer_lines(answer_shown(refusal.result)))
        raise typer.Exit(FAILED) from None
    found = explain(parsed, mapping, settings.values)
    reading = _reading(found, file, read_system=read_system, found_file=found_file)
    resources = explain_resources(found, mapping, settings.values, reading)
    lines = explain_text.lines(found, resources, settings, _hash_key())
    _show_lines(lines, reading.secrets if reading else ())
    if found.result and found.result.outcome is Outcome.INVALID:
        raise typer.Exit(FAILED)


def _reading(
    found: Explanation, file: Path, *, read_system: bool, found_file: str | None
) -> Reading | None:
    """What the system holds, as the options say; None without them, or if nothing is to read."""
    if read_system and found_file:
        stop("give either --read or --found, not both")
    if found.result:
        return None
    if found_file:
        with opened(found_file) as stream:
            try:
                return given(found.steps, checked(json.loads(stream.read()), found.steps))
            except (ValueError, BadHeld) as error:
                stop(f"{found_file}: {error}")
    return _read(found.event, file) if read_system else None


def _read(event: Event, file: Path) -> Reading:
    try:
        return asyncio.run(read(event, start({**os.environ, "MAPPING_FILE": str(file)})))
    except (BadSettings, SecretsUnreachable) as error:
        stop(str(error))


def _show_lines(lines: Iterator[Line], secrets: tuple[str, ...] = ()) -> None:
    console = terminal()
    for text, style in lines:
        say(hide_secrets(text, secrets), style, to=console)


def _hash_key() -> bytes | None:
    """The key of the subject hashes in the function's log, if the environment has its secret."""
    token = os.environ.get(API_TOKEN, "").partition(",")[0].strip()
    secret = os.environ.get(HASH_KEY, "").strip() or token
    return hash_key(secret) if secret else None
