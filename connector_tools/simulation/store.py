"""The ledgers that real functions share, each with a way to make it unreachable."""

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self

from connector_tools.counterparts.real.postgresql import Postgresql
from connector_tools.program import NotInstalled, free_port

_STARTUP_SECONDS = 60


class Store(Protocol):
    """A ledger's place; use it as a context manager.

    `url` is the functions' LEDGER_URL, `environment` what they need beside it.
    """

    url: str
    environment: dict[str, str]

    def __enter__(self) -> Self:
        """Start the program that it needs.

        Raises:
            NotInstalled: The program is not on this machine.
        """

    def __exit__(self, *exc: object) -> None:
        """Stop the program."""

    async def trouble(self, seconds: float) -> None:
        """Make the ledger unreachable for `seconds` of real time."""


class MemoryStore:
    """The memory of one function, which is always reachable."""

    url = "memory:"
    environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        """See `Store`."""
        return self

    def __exit__(self, *exc: object) -> None:
        """See `Store`."""

    async def trouble(self, seconds: float) -> None:
        """See `Store`."""


class SqliteStore(MemoryStore):
    """A SQLite file; a transaction of this process locks it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ledger"
        self.url = f"sqlite:///{self._file}"

    async def trouble(self, seconds: float) -> None:
        """See `Store`."""
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=5)) as file:
            file.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(seconds)


class FirestoreEmulator:
    """Google's Firestore emulator; while it is suspended (SIGSTOP), it does not answer."""

    url = "firestore:?project=simulation"

    def __init__(self) -> None:
        self.port = free_port()
        self.environment = {"FIRESTORE_EMULATOR_HOST": self.address}

    @property
    def address(self) -> str:
        """host:port where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it empty, and wait until it listens.

        Raises:
            NotInstalled: gcloud, the emulator or Java is not on this machine.
        """
        gcloud = shutil.which("gcloud")
        if gcloud is None:
            raise NotInstalled("gcloud with the Firestore emulator is not on this machine")
        self._process = subprocess.Popen(  # noqa: S603 - Google's own program
            [gcloud, "emulators", "firestore", "start", f"--host-port={self.address}", "--quiet"],
            stdin=subprocess.DEVNULL,  # or it asks whether to install missing components
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _STARTUP_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise NotInstalled("the Firestore emulator is not installed, or has no Java")
            if time.monotonic() > deadline:
                self.kill()
                raise NotInstalled("the Firestore emulator did not start")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it and its children."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def freeze(self) -> None:
        """Suspend it: it does not answer, but keeps its connections."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Make it answer again."""
        os.killpg(self._process.pid, signal.SIGCONT)

    async def trouble(self, seconds: float) -> None:
        """See `Store`."""
        self.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.thaw()

    def __enter__(self) -> Self:
        """See `Store`."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """See `Store`."""
        self.kill()

    def _answers(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0


class PostgresqlStore:
    """A PostgreSQL; while it is in trouble it is suspended, or killed and started again."""

    def __init__(self) -> None:
        self._server = Postgresql()
        self._kills = False
        place = f"{self._server.host}:{self._server.port}"
        self.url = f"postgresql://postgres@{place}/postgres?sslmode=disable"
        self.environment: dict[str, str] = {}

    async def trouble(self, seconds: float) -> None:
        """See `Store`: the one and the other in turn."""
        self._kills = not self._kills
        if self._kills:
            await asyncio.to_thread(self._server.kill)
        else:
            self._server.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._server.resume()
            await asyncio.to_thread(self._server.start)

    def __enter__(self) -> Self:
        """See `Store`."""
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """See `Store`."""
        self._server.__exit__(*exc)


STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": SqliteStore,
    "firestore": lambda folder: FirestoreEmulator(),
    "postgresql": lambda folder: PostgresqlStore(),
}
"""Makes the store of each ledger, in a folder that the run deletes at its end."""
