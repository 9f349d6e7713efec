"""A pipeline whose external system a test plays, with notes of what happens in which order."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Self

from connector.call import Call
from connector.ledger.memory import MemoryLedger
from connector.ledger.records import Busy, Claim, ClaimRequest, Duplicate, Superseded
from connector.mapping.load import load
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline, Record
from connector.system import Reply, Turn
from tests.support.calls import http

TOKEN = "s3cret-of-the-system"
MAPPING = """
name: cards
summary: Keeps a directory of cards.
settings:
  token: {secret: TOKEN}
system:
  http: {base_url: "http://system.test", auth: {bearer: =settings.token}}
rules:
  - name: a card changed
    on: SIM/Updated
    ignore: [{if: not sim.imsi, because: no IMSI}]
    require: [{that: account, because: account_info is missing}]
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: found, get: "/find/{{ sim.imsi }}"}
      - {id: made, when: found.status == 404, post: /cards, json: {imsi: =sim.imsi}}
      - put: /cards/{{ found.json.id or made.json.id }}
        json: {status: =account.bill_status, at: =event.updated_at}
  - name: a card was replaced
    on: SIM/Replaced
    calls:
      - {subject: "imsi:{{ prev_sim.imsi }}", releases: true, delete: "/cards/{{ prev_sim.imsi }}"}
      - {subject: "imsi:{{ sim.imsi }}", put: "/cards/{{ sim.imsi }}", json: {}}
"""
FOUND = Reply(Outcome.APPLIED, status=200, seen={"status": 200, "json": {"id": 7}})
Played = Reply | Exception | Callable[[], Awaitable[Reply]]


def applied(status: int = 200, **document: Any) -> Reply:
    return Reply(Outcome.APPLIED, status=status, seen={"status": status, "json": document})


@dataclass
class PlayedSystem:
    """Takes a turn of `turns` for each call, then replies that the card is found."""

    notes: list[str]
    turns: deque[Played] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    left: int = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing to close."""

    async def send(self, call: Call, turn: Turn) -> Reply:
        self.notes.append(f"{call.method} {http(call).path}")
        self.calls.append(call)
        self.deadlines.append(turn.deadline - asyncio.get_running_loop().time())
        played = self.turns.popleft() if self.turns else FOUND
        if isinstance(played, Exception):
            raise played
        return played if isinstance(played, Reply) else await played()

    def leave(self, turn: Turn) -> None:
        self.left += 1


@dataclass
class Clock:
    now: float = 0

    def __call__(self) -> float:
        return self.now


class NotedLedger(MemoryLedger):
    """The memory ledger with notes; fails where `errors` says so."""

    def __init__(self, notes: list[str], clock: Clock) -> None:
        super().__init__(clock=clock)
        self.notes = notes
        self.errors: dict[str, Exception] = {}

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        self.noted("claim")
        return await super().claim(request)

    async def settle(self, claim: Claim) -> None:
        self.noted("settle")
        await super().settle(claim)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        self.noted("release")
        await super().release(claim, touched, rest)

    def noted(self, step: str) -> None:
        self.notes.append(step)
        if step in self.errors:
            raise self.errors[step]


class Bench:
    """A pipeline of `MAPPING`, or of another file, with everything around it."""

    def __init__(self, folder: Path, written: StringIO, text: str = MAPPING) -> None:
        file = folder / "cards.yaml"
        file.write_text(text, encoding="utf-8")
        self.notes: list[str] = []
        self.clock = Clock()
        self.system = PlayedSystem(self.notes)
        self.ledger = NotedLedger(self.notes, self.clock)
        self.mapping = load(file)
        self.written = written

    async def handle(self, event: Any, record: Record | None = None, budget: float = 10) -> Result:
        settings = {"token": TOKEN}
        pipeline = Pipeline(self.mapping, settings, self.ledger, self.system, budget, b"key")
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return await pipeline.handle(body, record)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]
