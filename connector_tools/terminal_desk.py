"""Serves a mapping file on this machine, and prints what it does: `connector run FILE`.

It is the desk of the inspector without its page: the same engine, with the file's counterpart, or
with a system that replies as the file's tests say.
"""

import asyncio
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.inspector.changes import changes
from connector_tools.inspector.desk import Desk
from connector_tools.inspector.serve import HOST, print_change, server, until_stopped
from connector_tools.inspector.surroundings import Surroundings
from connector_tools.stack.example_event import example
from connector_tools.stack.text import event_line, style
from connector_tools.terminal import say

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_LONGEST = 400  # characters of a body that are shown


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is served: a mapping file, its counterpart if it has one, where; `watch` reloads it."""

    file: Path
    counterpart: type[Counterpart] | None
    port: int
    watch: bool


class TerminalDesk(Desk):
    """A desk whose news are printed, one after the other; `shown` prints them."""

    def __init__(self, file: Path, around: Surroundings, token: str, *, watch: bool) -> None:
        super().__init__(file, around, token, watch=watch)
        self._to_print: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def tell(self, name: str, document: Any) -> None:
        """See `Desk`: what the page would be told is printed."""
        self._to_print.put_nowait((name, document))

    async def shown(self) -> None:
        """Print all news until the task is cancelled."""
        before = self.mapping
        while True:
            name, document = await self._to_print.get()
            if name == "event":
                await self._show_event(document["n"])
            elif name == "counterpart":
                self._show_records()
            elif name == "mapping":
                self._show_change(document, before)
                before = self.mapping

    async def _show_event(self, number: int) -> None:
        event = self.journal.get(number)
        if event is None or not event.line:
            return
        found = await self.detail(event, reveal=True)
        line = event.line
        say(event_line(line), style(line))
        explained = found["explained"]
        if explained and explained.get("summary"):
            say(f"  {explained['summary']}")
        for call in found["calls"]:
            for text in _call_lines(call):
                say(text, "dim")

    def _show_records(self) -> None:
        found = self.counterpart(reveal=True) or {}
        for record in found.get("records", ()):
            if record["changed"]:
                words = ", ".join(f"{word} {value}" for word, value in record["words"].items())
                say(f"  {record['masked']}: {words or 'no record'}")
        for sentence in found.get("wrong", ()):
            say(f"  MUST NOT HAPPEN: {sentence}", "red")
        if found.get("problem"):
            say(f"  {found['problem']}", "yellow")

    def _show_change(self, document: dict[str, Any], before: Any) -> None:
        """Print whether a changed file serves now, and what it does otherwise."""
        if not print_change(self.file, document):
            return
        events = [event.body for event in self.journal if event.kind == "event"]
        bodies = events or [example(self.file).read_bytes()]
        about = "the events so far" if events else "the example event"
        found = changes(before, self.mapping, self.serving.shown, bodies)
        say(f"Different for {about}:")
        for text in found or ["nothing"]:
            say(f"  {text}")


def run(wanted: Wanted) -> int:
    """Serve until Ctrl-C, and return the exit code."""

    async def serve(counterpart: Counterpart | None) -> None:
        await _serve(wanted, Surroundings(counterpart, real=False))

    return until_stopped(wanted.counterpart, wanted.port, serve)


async def _serve(wanted: Wanted, around: Surroundings) -> None:
    token = secrets.token_urlsafe(16)
    desk = TerminalDesk(wanted.file, around, token, watch=wanted.watch)
    async with desk:
        for line in _introduction(desk, wanted):
            say(line)
        shown = asyncio.create_task(desk.shown())
        door = Route("/{path:path}", desk.take, methods=_METHODS)
        try:
            await server(Starlette(routes=[door]), wanted.port).serve()
        finally:
            shown.cancel()


def _introduction(desk: TerminalDesk, wanted: Wanted) -> Iterator[str]:
    url, event = f"http://{HOST}:{wanted.port}", example(wanted.file)
    yield f"Function         {url}/process-event  (health: {url}/health)"
    yield f"External system  {desk.surroundings.what}"
    if desk.surroundings.counterpart:
        yield from (f"  {line}" for line in desk.surroundings.counterpart.by_hand())
    yield f"Token            {desk.token}"
    yield ""
    yield "Send an event in another terminal:"
    given = f"--url {url}/process-event --token {desk.token}"
    yield f"  connector send {shlex.quote(str(event))} {given}"
    yield ""
    watched = f" {wanted.file.name} is read again when it changes." if wanted.watch else ""
    yield f"Each event is shown here, with its requests and replies.{watched} Ctrl-C stops both."


def _call_lines(call: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a call: its request, and what came of each attempt."""
    request = call["request"]
    yield f"  {request['line']}"
    if request["body"]:
        yield f"    {_short(request['body'])}"
    for attempt in call["attempts"]:
        reply, judged = attempt["reply"], attempt["judged"]
        status = f"{reply['status']} " if reply and reply["status"] else ""
        text = f"{status}{_short(reply['body'])}" if reply else attempt["end"]
        parts = [f"    -> {text.rstrip()}  {attempt['took_ms']:.0f} ms"]
        if judged and judged["outcome"] != "applied":
            because = f": {judged['because']}" if judged["because"] else ""
            line = f" (line {judged['line']})" if judged["line"] else ""
            parts.append(f"{judged['outcome']}{because}{line}")
        yield "  ".join(parts)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text)} characters)"
