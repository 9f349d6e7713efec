"""All ledgers, each with a clock that tests move. A new ledger joins their tests through STORES."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connector.event import Snapshot
from connector.ledger.firestore import FirestoreLedger
from connector.ledger.memory import MemoryLedger
from connector.ledger.postgresql import PostgresqlLedger
from connector.ledger.postgresql_database import Login
from connector.ledger.records import ClaimRequest, LedgerStore, LedgerUnavailable
from connector.ledger.sqlite import SqliteLedger
from tests.emulator.firestore import shared
from tests.support import postgresql as servers

LEASE = 60.0


class Clock:
    """A clock that tests move."""

    def __init__(self, now: float = 1000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    async def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Store:
    """A ledger, and a function that lets seconds pass for its leases."""

    ledger: LedgerStore
    pass_by: Callable[[float], Coroutine[Any, Any, None]]


@asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Store]:
    clock = Clock()
    ledger = MemoryLedger(clock=clock)
    yield Store(ledger, clock.pass_by)
    await ledger.close()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Store]:
    clock = Clock()
    ledger = SqliteLedger(folder / "ledger", b"key", clock=clock)
    yield Store(ledger, clock.pass_by)
    await ledger.close()


async def _wake(ledger: FirestoreLedger) -> None:
    """Wait for the first answer of an emulator that has just started, which can take seconds."""
    for _ in range(10):
        with suppress(LedgerUnavailable):
            await ledger.kept("", 1)
            return


@asynccontextmanager
async def firestore(_: Path) -> AsyncIterator[Store]:
    ahead = Clock(0)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", shared().address)
        project = f"p{uuid4().hex[:12]}"
        ledger = FirestoreLedger(
            b"key", project, clock=lambda now: now + timedelta(seconds=ahead())
        )
        await _wake(ledger)
        yield Store(ledger, ahead.pass_by)
    await ledger.close()


@asynccontextmanager
async def postgresql(_: Path) -> AsyncIterator[Store]:
    ahead = Clock(0)
    url = servers.new_database(servers.shared())
    ledger = PostgresqlLedger(url, b"key", Login(lambda: servers.PASSWORD), ahead=ahead)
    yield Store(ledger, ahead.pass_by)
    await ledger.close()


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "firestore": firestore,
    "postgresql": postgresql,
}


def at(second: float, created: float = 0) -> Snapshot:
    return Snapshot(second, created, 0)


def claim_request(
    *identities: str, about: tuple[str, ...] = ("imsi:1",), **fields: Any
) -> ClaimRequest:
    """A request for an event of account 1, with a snapshot of second 10; `fields` change it."""
    usual: dict[str, Any] = {
        "released": frozenset(),
        "snapshot": at(10),
        "owner": 1,
        "unbound": False,
        "again": True,
        "lease": LEASE,
    }
    return ClaimRequest(identities or ("event:a",), about, **usual | fields)
