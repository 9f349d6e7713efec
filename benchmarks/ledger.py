"""How long a ledger takes for an event (claim and settle), in each store, and its round trips.

    python -m benchmarks.ledger

Firestore's is Google's emulator on this machine, PostgreSQL's a server on this machine that waits
for the disk, as SQLite does; the last row has a PgBouncer before it. No two events share a subject.
Stores can be named: `python -m benchmarks.ledger sqlite postgresql`.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from connector.ledger.firestore import FirestoreLedger
from connector.ledger.memory import MemoryLedger
from connector.ledger.postgresql import PostgresqlLedger
from connector.ledger.postgresql_database import Login
from connector.ledger.records import Claim, Ledger
from connector.ledger.sqlite import SqliteLedger
from connector_tools.counterparts.real.postgresql import Postgresql
from tests.emulator.firestore import FirestoreEmulator
from tests.emulator.wire import Wire
from tests.support.ledgers import claim_request
from tests.support.pgbouncer import PgBouncer
from tests.support.postgresql import PASSWORD, new_database, started

CONCURRENT = 100


async def event(ledger: Ledger) -> None:
    """Claim and settle an event with two names and one subject, all new."""
    name = uuid4().hex
    claim = await ledger.claim(
        claim_request(f"event:{name}", f"espf:{name}", about=(f"imsi:{name}",))
    )
    if not isinstance(claim, Claim):
        raise SystemExit(f"not granted: {claim}")
    await ledger.settle(claim)


async def one_by_one(ledger: Ledger, events: int) -> None:
    """Each event when the one before has ended."""
    for _ in range(events):
        await event(ledger)


async def many_at_once(ledger: Ledger, events: int) -> None:
    """As many at a time as an instance of the function takes."""

    async def worker() -> None:
        await one_by_one(ledger, events // CONCURRENT)

    await asyncio.gather(*(worker() for _ in range(CONCURRENT)))


async def seconds(work: Awaitable[None]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def measure(name: str, open_ledger: Callable[[], Ledger], events: int) -> None:
    """Print a row of the table."""
    ledger = open_ledger()
    await many_at_once(ledger, events // 2)  # the emulator gets faster with time
    alone = await seconds(one_by_one(ledger, events // 10))
    together = await seconds(many_at_once(ledger, events))
    await ledger.close()
    each = alone / (events // 10)
    print(f"{name:10} {each * 1000:10.2f} {1 / each:10.0f} {events / together:10.0f}", flush=True)


async def round_trips(emulator: FirestoreEmulator) -> float:
    """Requests for an event, counted on the wire."""
    async with Wire(emulator.port) as wire:
        with environment(wire.address):
            ledger = FirestoreLedger(b"key", "trips")
            await one_by_one(ledger, 10)
            await ledger.close()
        return wire.requests / 10


@contextmanager
def environment(address: str) -> Iterator[None]:
    """Point Google's client to an emulator."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    yield
    del os.environ["FIRESTORE_EMULATOR_HOST"]


async def firestore() -> None:
    """Print the row of Firestore, and its round trips."""
    with FirestoreEmulator() as emulator, environment(emulator.address):
        await measure("firestore", lambda: FirestoreLedger(b"key", "speed"), 2000)
        print(f"round trips of an event to Firestore: {await round_trips(emulator):g}")


async def postgresql() -> None:
    """Print the rows of PostgreSQL."""
    login = Login(lambda: PASSWORD)
    with started(Postgresql({"fsync": "on"})) as server:
        url = new_database(server)
        await measure("postgresql", lambda: PostgresqlLedger(url, b"key", login), 2000)
        with PgBouncer(server) as pooler:
            pooled = pooler.before(url)
            await measure("pgbouncer", lambda: PostgresqlLedger(pooled, b"key", login), 2000)


async def main(folder: Path, stores: set[str]) -> None:
    """Print the table."""
    print(f"{'':10} {'one at a time':^21} {CONCURRENT} at once")
    print(f"{'store':10} {'ms/event':>10} {'events/s':>10} {'events/s':>10}")
    if "memory" in stores:
        await measure("memory", MemoryLedger, 20000)
    if "sqlite" in stores:
        await measure("sqlite", lambda: SqliteLedger(folder / "ledger", b"key"), 2000)
    if "firestore" in stores:
        await firestore()
    if "postgresql" in stores:
        await postgresql()


if __name__ == "__main__":
    named = set(sys.argv[1:]) or {"memory", "sqlite", "firestore", "postgresql"}
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(main(Path(place), named))
