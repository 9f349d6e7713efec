"""A mapping file that serves in this process, with everything that it does noted in a journal."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from connector.doors.http import HttpDoor
from connector.doors.worker import Worker
from connector.ledger.memory import MemoryLedger
from connector.ledger.records import LedgerStore
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.mapping.setting import hidden_texts
from connector.mapping.setting_values import SettingValues
from connector.outcome import Result, answer
from connector.pipeline import Pipeline, Record, hash_key
from connector.settings import read
from connector.startup import Startup, function_secrets, start
from connector.system import System
from connector_tools.deployment import hide
from connector_tools.inspector.journal import Journal
from connector_tools.inspector.observed import Observed, SubjectThen, current
from connector_tools.inspector.observed_system import Deployed, ObservedSystem
from connector_tools.inspector.pins import Pins
from connector_tools.inspector.scripted import Scripted
from connector_tools.mapping_tests.seen import Seen, recording


@dataclass(frozen=True, slots=True)
class ObservedPipeline(Pipeline):
    """The pipeline of the function; each event that it handles is in the journal afterwards."""

    journal: Journal | None = None
    store: LedgerStore | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)

    async def handle(self, body: bytes, record: Record | None = None) -> Result:
        """See `Pipeline`."""
        result = (await self.observe(body)).result
        assert result  # noqa: S101 - every event ends with one
        return result

    async def observe(self, body: bytes, life: str = "") -> Observed:
        """Handle an event, and return what was observed."""
        assert self.journal  # noqa: S101 - `serving` makes no other
        event = self.journal.begin(body)
        event.life, event.mapping = life, self.mapping
        event.values, event.shown = self.settings, self.shown
        token = current.set(event)
        try:
            event.result = await Pipeline.handle(self, body, event.record)
        finally:
            current.reset(token)
        event.answer = answer(event.result)
        turn = event.record.turn
        event.secrets = tuple(turn.secrets) if turn else ()
        event.ledger = await self._ledger_view(event.record)
        self.journal.end(event)
        return event

    async def _ledger_view(self, record: Record) -> list[SubjectThen]:
        steps = record.plan.steps if record.plan else ()
        subjects = dict.fromkeys(step.subject for step in steps if step.subject)
        assert self.store  # noqa: S101 - as above
        return [
            SubjectThen(name, await self.store.look(name), name in record.dropped)
            for name in subjects
        ]


@dataclass(frozen=True, slots=True)
class Serving:
    """A mapping file that serves. `shown` are its settings with `***` in place of secrets."""

    mapping: MappingFile
    startup: Startup
    pipeline: ObservedPipeline
    door: HttpDoor
    shown: Mapping[str, Any]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that nothing may show: the values of secrets, and the function's tokens."""
        settings = self.mapping.settings.items()
        values = [self.startup.values.get(name) for name, one in settings if one.secret]
        return (*(text for value in values for text in hidden_texts(value)), *self.startup.tokens)


@dataclass(frozen=True, slots=True)
class Around:
    """What outlives a mapping file that is edited: the ledger, the pins, the journal."""

    store: LedgerStore
    pins: Pins
    journal: Journal


@asynccontextmanager
async def serving(
    environ: Mapping[str, str], around: Around, *, scripted: bool
) -> AsyncIterator[Serving]:
    """Serve the mapping file that `environ` names; `scripted` replies as its tests say.

    Raises:
        BadMapping, BadSettings: see `connector.startup.start` and `Startup.serve`.
        SecretsUnreachable: see `Startup.serve`.
    """
    opening = _scripted(environ) if scripted else _real(environ)
    async with opening as (startup, opened, client):
        mapping = recording(startup.mapping, Seen(startup.mapping))
        shown = hide(mapping, dict(startup.values))
        file = Deployed(mapping, startup.values, shown)
        watched = ObservedSystem(opened.system, client, file, around.pins)
        given: dict[str, Any] = {one.name: getattr(opened, one.name) for one in fields(opened)}
        given |= {"mapping": mapping, "ledger": around.store, "system": watched}
        kept: dict[str, Any] = {"journal": around.journal, "store": around.store}
        worker = Worker(startup)
        worker.pipeline = pipeline = ObservedPipeline(**given, **kept, shown=shown)
        yield Serving(mapping, startup, pipeline, HttpDoor(worker), shown)


_Opened = tuple[Startup, Pipeline, System]
"""What was read, the pipeline, and the client in its system that has the guard."""


@asynccontextmanager
async def _real(environ: Mapping[str, str]) -> AsyncIterator[_Opened]:
    startup = await asyncio.to_thread(start, environ)  # it runs an event loop of its own
    async with startup.serve() as opened:
        yield startup, opened, opened.system


@asynccontextmanager
async def _scripted(environ: Mapping[str, str]) -> AsyncIterator[_Opened]:
    """As `_real`, but the settings need not be ones that the client of a network would take."""
    settings = read(environ)
    mapping = await asyncio.to_thread(load, settings.MAPPING_FILE)
    secrets = function_secrets(settings, [mapping], environ)
    await secrets.load()
    values = SettingValues(mapping, environ, secrets)
    values.check()
    startup = Startup(settings, mapping, secrets, values, environ)
    async with Scripted(mapping, values) as system:
        budget, key = settings.EVENT_BUDGET, hash_key(startup.tokens[0])
        pipeline = Pipeline(mapping, values, MemoryLedger(), system, budget, key)
        yield startup, pipeline, system.client
