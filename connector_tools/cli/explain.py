"""`connector explain`: print what would be sent for an event, and why."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from connector.event import Event, parse
from connector.mapping.load import check
from connector.mapping.schema import MappingFile
from connector.masking import hide_secrets
from connector.outcome import Outcome, Refusal
from connector.pipeline import hash_key
from connector.secrets import SecretsUnreachable
from connector.settings import API_TOKEN, HASH_KEY, BadSettings
from connector.startup import start
from connector_tools import explain_text
from connector_tools.cli.mapping_settings import load_for_explaining
from connector_tools.cli.options import MappingPath
from connector_tools.deployment import Deployment
from connector_tools.explain import Explanation, answer_shown, explain
from connector_tools.explain_json import plan_document
from connector_tools.explain_resources import explain_resources
from connector_tools.given_replies import BadReplies, replies_of, told
from connector_tools.reading import BadHeld, Reading, checked, given, read
from connector_tools.terminal import FAILED, json_text, opened, print_json, say, stop, terminal
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
_Replies = Annotated[
    str | None,
    typer.Option(
        "--replies",
        metavar="FILE|-",
        help="File with the replies of the external system, as a test has them under `replies` (a "
        "list) or `system` (by request): calls that read a reply are shown, too.",
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
    epilog="Example: connector explain wtl-hlr-hss mappings/events/sim-updated.json",
)
def explain_event(
    file: MappingPath,
    event: Annotated[str, typer.Argument(metavar="EVENT|-", help="File with one event as JSON.")],
    read_system: _Read = False,
    found_file: _Found = None,
    replies_file: _Replies = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show what would be sent for an event, and why; nothing is written.

    Settings come from the environment; missing ones are made up, except with --read. The data of
    the event and of the system are shown unmasked, secrets are never shown. The exit code is 1 if
    the event is invalid.
    """
    mapping, settings = load_for_explaining(file)
    with opened(event) as stream:
        body = _event_in(stream.read())
    try:
        parsed = parse(body)
    except Refusal as refusal:
        _show_refusal(refusal, as_json=as_json)
        raise typer.Exit(FAILED) from None
    found = explain(parsed, mapping, settings.values)
    sources = _Sources(read_system, found_file, replies_file)
    reading = _reading(found, mapping, settings, sources)
    if reading and reading.learned:
        found = explain(parsed, mapping, settings.values, reading.learned)
    resources = explain_resources(found, mapping, settings.values, reading)
    secrets = reading.secrets if reading else ()
    if as_json:
        document = plan_document(found, resources, mapping, check(file)[1])
        print(hide_secrets(json_text(document), secrets))
    else:
        lines = explain_text.lines(found, resources, settings, _hash_key())
        _show_lines(lines, secrets)
        for note in reading.notes if reading else ():
            say(f"replies: {note}", "yellow")
    if found.result and found.result.outcome is Outcome.INVALID:
        raise typer.Exit(FAILED)


def _show_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Print the answer to what is no event."""
    answer = answer_shown(refusal.result)
    if as_json:
        reason = "; ".join(f"{item.field}: {item.rule}" for item in refusal.result.details)
        outcome = refusal.result.outcome.value
        result = {"outcome": outcome, "reason": reason, "status": answer.status}
        print_json({"summary": f"{outcome}: {reason}", "result": result})
    else:
        _show_lines(explain_text.answer_lines(answer))


def _event_in(body: bytes) -> bytes:
    """The event in what `connector dlq show --json` prints; any other text stays as it is."""
    try:
        shown = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(shown, dict) or not {"message_id", "masked", "event"} <= shown.keys():
        return body
    if shown["event"] is None:
        stop("the dead letter holds no event: its bytes are not a JSON object")
    if shown["masked"]:
        say("The event is masked: of each number only the last four digits are its own.", "yellow")
    return json.dumps(shown["event"]).encode()


class _Sources(NamedTuple):
    """Where the system's replies come from, as the options say."""

    read_system: bool
    found_file: str | None
    replies_file: str | None


def _reading(
    found: Explanation, mapping: MappingFile, settings: Deployment, sources: _Sources
) -> Reading | None:
    """What the system says, as the options say; None without them, or if nothing is to read."""
    if sum(map(bool, sources)) > 1:
        stop("give only one of --read, --found and --replies")
    if found.result:
        return None
    if sources.found_file:
        return _held(found, sources.found_file)
    if sources.replies_file:
        return _told(found, mapping, settings, sources.replies_file)
    return _read(found.event, mapping.document.path) if sources.read_system else None


def _held(found: Explanation, name: str) -> Reading:
    with opened(name) as stream:
        try:
            return given(found.steps, checked(json.loads(stream.read()), found.steps))
        except (ValueError, BadHeld) as error:
            stop(f"{name}: {error}")


def _told(found: Explanation, mapping: MappingFile, settings: Deployment, name: str) -> Reading:
    with opened(name) as stream:
        try:
            replies = replies_of(stream.read().decode(), Path(name), mapping)
        except (UnicodeDecodeError, BadReplies) as error:
            stop(str(error))
    return asyncio.run(told(found.event, mapping, settings.values, replies))


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
