"""Mapping files for systems that want a login, and a pipeline with everything that it writes."""

import asyncio
import io
import json
from collections import ChainMap
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from connector import log
from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.outcome import Result, answer
from connector.pipeline import Pipeline, Record
from connector.system import Renewal, System
from tests.support.events import event, subscriber

TOKEN = """\
auth:
  login:
    requests:
      - post: /login
        json: {user: =settings.user, password: =settings.password}
        take: {token: =reply.json.token}
        example: {json: {token: example}}
headers: {X-Token: =session.token}
"""
RULE = """\
- name: a card changed
  on: SIM/Updated
  subject: imsi:{{ sim.imsi }}
  calls: [{post: /cards, idempotent: false, json: {imsi: =sim.imsi}}]
"""
_SETTINGS: dict[str, Any] = {
    "user": "connector",
    "password": "p4ssword-of-the-connector",
    "key": None,
}
_FILE = """\
name: cards
summary: Keeps a directory of cards.
settings:
  url: {{env: URL, type: url}}
  user: {{env: LOGIN_USER, default: connector}}
  password: {{secret: PASSWORD}}
  key: {{secret: KEY, type: pem, optional: true}}
system:
  http:
    base_url: =settings.url
{http}
{replies}
rules:
{rules}
"""


def mapping_file(folder: Path, http: str = TOKEN, rules: str = RULE, replies: str = "") -> Path:
    """A file with this part of `system.http`, these rules, and these `replies` of the system."""
    file = folder / "cards.yaml"
    parts = {"http": _indented(http, 4), "rules": _indented(rules, 2)}
    file.write_text(_FILE.format(replies=_indented(replies, 2), **parts), encoding="utf-8")
    return file


def mapping(folder: Path, *parts: str, **named: str) -> MappingFile:
    """The mapping of such a file, which must not have errors."""
    return load(mapping_file(folder, *parts, **named))


@dataclass
class Opened:
    """A pipeline that serves. `written` has all lines, of this connector and of libraries."""

    pipeline: Pipeline
    system: System
    written: io.StringIO
    answers: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)

    async def handle(self, number: int = 1, change: dict[str, Any] | None = None) -> Result:
        """Handle a new event of the subscriber with this number."""
        found = event(imsi=subscriber(number), change=change)
        record = Record()
        result = await self.pipeline.handle(json.dumps(found).encode(), record)
        self.answers.append(json.dumps(answer(result).body))
        self.records += [repr(item) for call in record.calls for item in call]
        return result

    async def burst(self, size: int) -> list[Result]:
        """Handle that many events at once, each of another subscriber."""
        return list(await asyncio.gather(*(self.handle(number) for number in range(size))))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    def shown(self, secrets: Iterable[str]) -> list[str]:
        """Those of the secrets that a line or an answer shows."""
        texts = "\n".join([self.written.getvalue(), *self.answers])
        return [secret for secret in secrets if secret in texts]


@asynccontextmanager
async def opened(
    made: MappingFile,
    settings: MutableMapping[str, Any],
    renewal: Renewal | None = None,
    budget: float = 20,
) -> AsyncIterator[Opened]:
    """Serve with a mapping and these values of its settings."""
    written = io.StringIO()
    values = ChainMap(settings, _SETTINGS)
    log.configure("DEBUG", written)
    try:
        async with made.protocol.client(made.system, values, renewal) as system:
            pipeline = Pipeline(made, values, MemoryLedger(), system, budget, b"key")
            yield Opened(pipeline, system, written)
    finally:
        log.configure()


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in dedent(text).splitlines())
