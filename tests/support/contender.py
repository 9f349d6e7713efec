"""A process that applies events of one subscriber on a ledger that it shares with others.

    python -m tests.support.contender STORE PLACE LOG LEASE [HANG_AT]

It prints "ready", and begins when its standard input is closed. It writes a line to LOG when an
event begins and when it ends. At event HANG_AT it hangs, so that a test can kill it.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from connector.ledger.records import Busy, Claim, Ledger
from tests.support import ROOT
from tests.support.ledgers import claim_request
from tests.support.postgresql import PASSWORD

EVENTS = 10


def open_ledger(store: str, place: str) -> Ledger:
    if store == "sqlite":
        from connector.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - as below

        return SqliteLedger(Path(place), b"key")
    if store == "postgresql":
        from connector import settings  # noqa: PLC0415 - as below
        from connector.ledger.postgresql import PostgresqlLedger  # noqa: PLC0415 - as below
        from connector.ledger.postgresql_database import Login  # noqa: PLC0415 - as below

        url = settings.read({"LEDGER_URL": place}).LEDGER_URL
        assert isinstance(url, settings.PostgresqlUrl)
        return PostgresqlLedger(url, b"key", Login(lambda: PASSWORD))
    from connector.ledger.firestore import FirestoreLedger  # noqa: PLC0415 - the import takes 0.5 s

    return FirestoreLedger(b"key", place)


async def contend(ledger: Ledger, log: Path, lease: float, hang_at: int | None) -> None:
    todo = deque(range(EVENTS))
    while todo:
        number = todo.popleft()
        verdict = await ledger.claim(claim_request(f"event:{number}", snapshot=None, lease=lease))
        if isinstance(verdict, Busy):
            todo.appendleft(number)
            await asyncio.sleep(0.01)
        elif isinstance(verdict, Claim):
            note(log, "begin", number)
            await asyncio.sleep(3600 if number == hang_at else 0.005)
            note(log, "end", number)
            await ledger.settle(verdict)
            await asyncio.sleep(0.05)  # lets another process claim
    await ledger.close()


def note(log: Path, what: str, number: int) -> None:
    with log.open("a") as file:  # an append of one line is atomic
        file.write(f"{what} {number} {os.getpid()} {time.time()}\n")


@dataclass(frozen=True)
class Note:
    what: str
    event: int
    process: int
    at: float


def notes(log: Path) -> list[Note]:
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [Note(what, int(event), int(pid), float(at)) for what, event, pid, at in lines]


class Contenders:
    """Processes on one ledger. At the end, those that still run are killed."""

    def __init__(self, store: str, place: str, log: Path, lease: float = 60) -> None:
        self._arguments = [store, place, str(log), str(lease)]
        self._started = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._started.close()

    def ready(self, number: int, *hang_at: str) -> list[subprocess.Popen[bytes]]:
        """Start a number of processes, and wait until all have printed "ready"."""
        command = [sys.executable, "-m", "tests.support.contender", *self._arguments, *hang_at]
        pipe = subprocess.PIPE
        started = [
            subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) for _ in range(number)
        ]
        for process in started:
            self._started.enter_context(process)
            self._started.callback(process.kill)
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
        return started


def go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()


def assert_one_after_the_other(found: list[Note]) -> None:
    """Each event was applied once, and ended before the next began."""
    begun, ended = found[::2], found[1::2]
    assert [note.what for note in begun] == ["begin"] * EVENTS
    assert [note.what for note in ended] == ["end"] * EVENTS
    assert [(n.event, n.process) for n in begun] == [(n.event, n.process) for n in ended]
    assert sorted(note.event for note in begun) == list(range(EVENTS))


def race(store: str, place: str, log: Path) -> None:
    """Run processes with the same events: each event is applied by one, and none overlap."""
    with Contenders(store, place, log) as contenders:
        processes = contenders.ready(3)
        for process in processes:
            go(process)
        assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert_one_after_the_other(notes(log))
    assert len({note.process for note in notes(log)}) > 1, "there was no race"


def crash(store: str, place: str, log: Path) -> None:
    """Kill a process at its third event: the others wait until its lease expires, and go on."""
    lease = 2.0
    with Contenders(store, place, log, lease) as contenders:
        others = contenders.ready(2)
        (victim,) = contenders.ready(1, "2")
        go(victim)
        while len(notes(log)) < 5:
            assert victim.poll() is None
            time.sleep(0.02)
        victim.kill()
        for process in others:
            go(process)
        assert [process.wait(60) for process in others] == [0, 0]
    found = notes(log)
    lost = found.pop(4)
    assert (lost.what, lost.event, lost.process) == ("begin", 2, victim.pid)
    assert {note.process for note in found[:4]} == {victim.pid}
    assert_one_after_the_other(found)
    assert found[4].at - lost.at > lease / 2, "the others did not wait"


if __name__ == "__main__":
    store, place, log, lease, *hang_at = sys.argv[1:]
    ledger = open_ledger(store, place)
    print("ready", flush=True)
    sys.stdin.read()
    asyncio.run(contend(ledger, Path(log), float(lease), int(hang_at[0]) if hang_at else None))
