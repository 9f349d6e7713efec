"""A real osmo-hlr, the HLR of the Osmocom project, in a process of its own.

Its control interface always listens on port 4259. So each `OsmoHlr` has its own address, 127.x.y.z.
"""

import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Self

from connector_tools.program import NotInstalled

PORT = 4259
_STARTUP_SECONDS = 20
_CONFIGURATION = """\
log stderr
 logging filter all 1
 logging level main notice
line vty
 no login
 bind {host} 4258
ctrl
 bind {host}
hlr
 gsup
  bind ip {host}
"""


class OsmoHlr:
    """An osmo-hlr with its database in `folder`; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "hlr.db"
        self._configuration = folder / "osmo-hlr.cfg"
        self._log = folder / "osmo-hlr.log"
        self._process: subprocess.Popen[bytes] | None = None
        numbers = SystemRandom()
        self.host = ".".join(["127", *(str(numbers.randint(1, 254)) for _ in range(3))])

    def start(self) -> None:
        """Start it if it does not run; it keeps its database.

        Raises:
            NotInstalled: osmo-hlr is not on this machine.
            RuntimeError: It does not start; the text has the end of its log.
        """
        if self._process and self._process.poll() is None:
            return
        program = shutil.which("osmo-hlr")
        if program is None:
            raise NotInstalled("osmo-hlr is not installed: apt-get install osmo-hlr")
        self._configuration.write_text(_CONFIGURATION.format(host=self.host))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - from the PATH
                [program, "-c", str(self._configuration), "-l", str(self._database)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _STARTUP_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"osmo-hlr did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Suspend it (SIGSTOP): it does not answer, and requests wait."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it work again (SIGCONT), on the requests that waited first."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it (SIGKILL); its data stays."""
        self._signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep its database locked, so that it can read but not write."""
        with closing(sqlite3.connect(self._database, isolation_level=None, timeout=5)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield

    def subscribers(self) -> dict[str, tuple[str | None, bool, bool]]:
        """The records of its database by IMSI: number, CS enabled, PS enabled."""
        query = "SELECT imsi, msisdn, nam_cs, nam_ps FROM subscriber"
        with closing(sqlite3.connect(self._database, timeout=5)) as file:
            return {row[0]: (row[1], bool(row[2]), bool(row[3])) for row in file.execute(query)}

    def __enter__(self) -> Self:
        """Start it if it does not run; raises as `start` does."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill it, also if it is suspended."""
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        """Whether it answers a ping of IPA, the protocol that carries the control interface."""
        try:
            with socket.create_connection((self.host, PORT), 1) as connection:
                connection.sendall(b"\x00\x01\xfe\x00")
                return connection.recv(4) == b"\x00\x01\xfe\x01"
        except OSError:
            return False
