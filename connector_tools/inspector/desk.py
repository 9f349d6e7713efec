"""The desk: the mapping file that serves, its events, the system beside it, and the page's pins.

`connector_tools.inspector.app` gives it to the page. Everything runs on one event loop.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from starlette.requests import Request
from starlette.responses import Response

from connector.event import parse
from connector.ledger.memory import MemoryLedger
from connector.mapping.document import BadMapping
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings
from connector.systems.http.entry import ServerEntry
from connector_tools.deployment import hide
from connector_tools.inspector.documents import detail, groups, matching, personal_of, summary
from connector_tools.inspector.journal import Journal, refusals, tapped
from connector_tools.inspector.life import CannotLive, Life, Posted
from connector_tools.inspector.mapping_document import checked, digest, errors, mapping_document
from connector_tools.inspector.observed import Observed
from connector_tools.inspector.pins import Pins, offers
from connector_tools.inspector.planned import plan_document, plan_of, refused
from connector_tools.inspector.records import HeldRecords
from connector_tools.inspector.serving import Around, Serving, serving
from connector_tools.inspector.stream import News
from connector_tools.inspector.surroundings import Surroundings
from connector_tools.inspector.veil import Veil, hidden_in_json
from connector_tools.inspector.written_test import CannotWriteTest, check_passes, written_test
from connector_tools.stack import example_event

Document = dict[str, Any]
_LOOK = 0.3  # seconds between two looks at the file


class Conflict(Exception):  # noqa: N818 - an answer to the page
    """The file on disk is not the one that the page knows; the text says what to do."""


class Unprocessable(Exception):  # noqa: N818 - an answer to the page
    """What the page sent cannot be used; the text says why. `document` is more to tell."""

    def __init__(self, text: str, document: Document | None = None) -> None:
        super().__init__(text)
        self.document = document


@dataclass(slots=True)
class Running:
    """A deployment and what closes it; `busy` counts the events in it."""

    serving: Serving
    close: AsyncExitStack
    busy: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Desk:
    """Use it as an async context manager.

    Args:
        file: The mapping file.
        around: The external system.
        token: The bearer token of senders.
        told: Called with the log record of each event and of each refused request.
        watch: Whether the file is served anew when it changes on disk.
    """

    def __init__(
        self,
        file: Path,
        around: Surroundings,
        token: str,
        told: Callable[[Document], None] = lambda line: None,
        *,
        watch: bool = True,
    ) -> None:
        self.file = file
        self.token = token
        self.news = News()
        self.pins = Pins()
        self.life = Life()
        self.surroundings = around
        self.journal = Journal(self._ended)
        self.text = ""
        self._told = told
        self._watches = watch
        self._ledger = MemoryLedger()
        self._records = HeldRecords(around.counterpart, self._tell_records)
        self._running: Running | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble = ""
        self._pressing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Serve the file.

        Raises:
            BadSettings, SecretsUnreachable: the file or a setting is wrong.
        """
        self._stack = AsyncExitStack()
        try:
            self._stack.enter_context(tapped())
            await self._stack.enter_async_context(self.surroundings)
            self.text = self.file.read_text(encoding="utf-8")
            self._running = await self._open()
            await self._records.read(0)
            if self._watches:
                self._start(self._watch())
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop serving."""
        self.news.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._running:
            await self._running.close.aclose()
        await self._stack.aclose()

    # The file

    @property
    def serving(self) -> Serving:
        """What serves now."""
        assert self._running  # noqa: S101 - `__aenter__` made it
        return self._running.serving

    @property
    def mapping(self) -> MappingFile:
        """The file that serves now; the one on disk may have errors."""
        return self.serving.mapping

    async def _open(self) -> Running:
        stack = AsyncExitStack()
        mapping, _ = await asyncio.to_thread(checked, self.text, self.file)
        environ = self.surroundings.environ(self.file, mapping, self.token)
        around = Around(self._ledger, self.pins, self.journal)
        opened = serving(environ, around, scripted=self.surroundings.scripted)
        return Running(await stack.enter_async_context(opened), stack)

    async def _watch(self) -> None:
        """Serve the file anew each time it changes on disk."""
        seen = None  # the text tells whether it changed before this task began
        while True:
            await asyncio.sleep(_LOOK)
            now = self._stamp()
            if now == seen:
                continue
            seen = now
            with suppress(OSError, UnicodeDecodeError):
                text = self.file.read_text(encoding="utf-8")
                if text != self.text:
                    await self._change(text)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    async def _change(self, text: str) -> None:
        """Serve the new text, which is on disk; if it has errors, the old one goes on serving."""
        before, self.text = self.mapping, text
        mapping, lints = await asyncio.to_thread(checked, text, self.file)
        changes: list[str] = []
        if mapping is not None and not errors(lints):
            await self._replace()
            changes = self._changes(before)
        self.tell("mapping", {**self.mapping_document(), "changes": changes})

    async def _replace(self) -> None:
        """Open the file as it is now, and close what served before once it has no event left."""
        try:
            opened = await self._open()
        except (BadMapping, BadSettings, SecretsUnreachable) as error:
            self._trouble = "; ".join(getattr(error, "problems", [str(error)]))
            return
        self._trouble = ""
        old, self._running = self._running, opened
        if old:
            self._start(_close(old))

    def _changes(self, before: MappingFile) -> list[str]:
        """What the new file would do otherwise for the events so far."""
        from connector_tools.inspector.changes import changes  # noqa: PLC0415 - only then

        bodies = [event.body for event in self.journal if event.kind == "event"]
        return changes(before, self.mapping, self.serving.shown, bodies)

    def mapping_document(self) -> Document:
        """The document `Mapping` of the file on disk."""
        found = mapping_document(self.text, self.file)
        return {**found, "serving": digest(self.text) == found["digest"], "trouble": self._trouble}

    async def write(self, text: str, known: str) -> Document:
        """Write the file, if it has no errors and nobody else has changed it.

        Raises:
            Conflict: the file on disk is not the one with the digest `known`.
            Unprocessable: the text has errors.
        """
        found = mapping_document(text, self.file)
        if any(one["severity"] == "error" for one in found["problems"]):
            raise Unprocessable("the file has errors: it was not written", found)
        self.check_unchanged(known)
        await asyncio.to_thread(self.file.write_text, text, encoding="utf-8")
        await self._change(text)
        return self.mapping_document()

    def check_unchanged(self, known: str) -> None:
        """Check that the file on disk is the one that the page knows.

        Raises:
            Conflict: it is not.
        """
        try:
            now = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Conflict(f"the file cannot be read: {error}") from None
        if digest(now) != known:
            raise Conflict("the file was changed on disk meanwhile: look at it, then try again")

    async def write_test(self, event: Observed, name: str) -> Document:
        """Write a masked test of an event into the file, and its event beside it.

        Raises:
            Conflict: the file on disk is not the one that the page shows.
            Unprocessable: no test can be made of the event.
        """
        self.check_unchanged(digest(self.text))
        try:
            test = await written_test(event, name, self.text, self.file, self.secrets(event))
            test.event_file.parent.mkdir(exist_ok=True)
            test.event_file.write_text(test.event_text, encoding="utf-8")
            try:
                await asyncio.to_thread(check_passes, test, self.file, name)
            except BaseException:
                test.event_file.unlink()
                raise
        except CannotWriteTest as error:
            raise Unprocessable(str(error)) from None
        await asyncio.to_thread(self.file.write_text, test.text, encoding="utf-8")
        await self._change(test.text)
        return {
            "line": test.line,
            "text": test.added,
            "event_file": str(test.event_file),
            "mapping": self.mapping_document(),
        }

    # Events

    async def take(self, request: Request) -> Response:
        """Answer a request as the function's HTTP door does."""
        with refusals() as lines, self._busy() as serving:
            response = await serving.door(request)
        for line in lines:
            body = json.loads(bytes(response.body))
            self.journal.refuse(line, response.status_code, body)
        return response

    async def send(self, body: bytes, life: str = "") -> Observed:
        """Handle an event of the page."""
        with self._busy() as serving:
            return await serving.pipeline.observe(body, life)

    def _busy(self) -> "_Busy":
        assert self._running  # noqa: S101 - `__aenter__` made it
        return _Busy(self._running)

    def _ended(self, event: Observed) -> None:
        self._told(dict(event.line))
        self.tell("event", summary(event))
        if self.surroundings.counterpart and event.kind == "event":
            self._start(self._records.read(event.n))

    def events(self, text: str = "") -> Document:
        """The events so far; with a text only those that hold it."""
        found = list(matching(self.journal, text)) if text else list(self.journal)
        summaries = [summary(event) for event in found]
        return {"events": summaries, "groups": groups(summaries)}

    async def detail(self, event: Observed, *, reveal: bool) -> Document:
        """Everything that is known of an event."""
        veil = self.veil(event, reveal=reveal)
        found = detail(event, await plan_of(event), veil, self.surroundings.sent_to, reveal=reveal)
        return {**found, "replays": self._replays(event)}

    def veil(self, event: Observed, *, reveal: bool) -> Veil:
        """What hides the secrets of an event, and its personal data if it is not revealed."""
        return Veil(self.secrets(event), personal_of(event), event.body, reveal=reveal)

    def _replays(self, event: Observed) -> list[int]:
        """The numbers of the other deliveries of an event."""
        name = event.line.get("event_id")
        if not name:
            return []
        return [one.n for one in self.journal if one.line.get("event_id") == name and one != event]

    def secrets(self, event: Observed | None = None) -> tuple[str, ...]:
        """What nothing may show."""
        own = self.serving.secrets
        return (*own, *event.secrets) if event else own

    def plan(self, body: bytes, text: str | None, *, reveal: bool = True) -> Document:
        """The explanation of an event, with the file that serves or with another text of it.

        Without `reveal`, personal data of the event is masked.

        Raises:
            Unprocessable: the event cannot be read, or the text is no mapping.
        """
        mapping, shown = self.mapping, self.serving.shown
        if text is not None:
            other, lints = checked(text, self.file)
            if other is None or errors(lints):
                problems = mapping_document(text, self.file)["problems"]
                raise Unprocessable("the mapping file has errors", {"problems": problems})
            mapping, shown = other, self._shown(other)
        try:
            event = parse(body)
            found = plan_document(event, mapping, shown)
        except Refusal as refusal:
            raise Unprocessable(refused(refusal)) from None
        shown_plan: Document = Veil(self.secrets(), event, body, reveal=reveal).document(found)
        return shown_plan

    def _shown(self, mapping: MappingFile) -> Document:
        """The settings of another text of the file: those that serve, else made-up values."""
        from connector_tools.mapping_tests.values import test_settings  # noqa: PLC0415

        return {**hide(mapping, test_settings(mapping, {})), **self.serving.shown}

    # The subscriber's life

    async def press(self, name: str) -> Document:
        """Press a button of the subscriber's life, and wait until its events have ended.

        Raises:
            Unprocessable: it cannot be used now.
        """
        async with self._pressing:
            try:
                if name in ("outage", "recover") and not self.surroundings.counterpart:
                    raise CannotLive("there is no counterpart that could be cut off")
                posted = self.life.press(name, self.mapping)
            except CannotLive as error:
                raise Unprocessable(str(error)) from None
            if name == "outage":
                await self.surroundings.begin_outage()
            elif name == "recover":
                await self.surroundings.end_outage()
            told = await self._posted(name, posted)
            self.tell("life", self.buttons())
            return told

    def buttons(self) -> list[Document]:
        """The buttons of the subscriber's life as they are now."""
        cuttable = self.surroundings.counterpart is not None
        return self.life.buttons(self.mapping, cuttable=cuttable)

    async def _posted(self, name: str, posted: list[Posted]) -> Document:
        ended = []
        for one in posted:
            event = await self.send(one.body, life=name)
            accepted = bool(event.result and event.result.accepted)
            self.life.settle(one, accepted=accepted)
            ended.append(event)
        if ended:
            await self._records.read(ended[-1].n)
        last = summary(ended[-1]) if ended else {"n": None}
        message = "" if ended else _nothing(name)
        return {**last, "events": [event.n for event in ended], "note": message}

    # What the page reads first

    def state(self) -> Document:
        """The document `/api/state`."""
        return {
            "name": self.mapping.name,
            "file": str(self.file),
            "readonly": False,
            "source": "live",
            "system": self.surroundings.what,
            "counterpart": self.counterpart(reveal=False),
            "life": self.buttons(),
            "mapping": self.mapping_document(),
            "pins": self.pins.documents,
            "pin_kinds": offers(self.mapping),
            "curl": isinstance(self.mapping.system, ServerEntry),
            "example": self.example(),
        }

    def counterpart(self, *, reveal: bool) -> Document | None:
        """What the counterpart holds."""
        return self._records.document(reveal=reveal)

    def example(self) -> str:
        """An event to start with, as JSON text."""
        with suppress(OSError):
            return example_event.example(self.file, self.mapping).read_text(encoding="utf-8")
        return "{}"

    def tell(self, name: str, document: Any) -> None:
        """Send news to every page."""
        self.news.tell(name, hidden_in_json(document, self.secrets()))

    def _tell_records(self) -> None:
        self.tell("counterpart", self.counterpart(reveal=False))

    async def settled(self) -> None:
        """Wait until what the last event has changed was read."""
        await self._records.read(self.journal.last)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Busy:
    """Counts an event in a deployment, which is not closed before it has ended."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def __enter__(self) -> Serving:
        self._running.busy += 1
        return self._running.serving

    def __exit__(self, *exc: object) -> None:
        self._running.busy -= 1
        if not self._running.busy:
            self._running.idle.set()


async def _close(old: Running) -> None:
    while old.busy:
        old.idle.clear()
        await old.idle.wait()
    await old.close.aclose()


def _nothing(name: str) -> str:
    """Why a button has sent no event."""
    if name == "outage":
        return "the system is cut off: the next events show what NSPS will see"
    if name == "recover":
        return "the system can be reached again; no event was waiting"
    return "no rule of this file is for the events of this change, so nothing was sent"
