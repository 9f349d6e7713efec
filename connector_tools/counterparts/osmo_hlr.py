"""A real osmo-hlr, the HLR of the Osmocom project: the counterpart of `mappings/osmo-hlr.yaml`.

Its control interface always listens on port 4259. So each `OsmoHlr` has its own address, 127.x.y.z.
"""

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import SystemRandom

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.counterparts.real.running import Running
from connector_tools.program import NotInstalled, Program

PORT = 4259
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


class OsmoHlr(Running):
    """An osmo-hlr with its database in `folder`; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "hlr.db"
        self._configuration = folder / "osmo-hlr.cfg"
        self._log = folder / "osmo-hlr.log"
        numbers = SystemRandom()
        self.host = ".".join(["127", *(str(numbers.randint(1, 254)) for _ in range(3))])

    def start(self) -> None:
        """See `Running`."""
        if self.runs:
            return
        program = shutil.which("osmo-hlr")
        if program is None:
            raise NotInstalled("osmo-hlr is not installed: apt-get install osmo-hlr")
        self._configuration.write_text(_CONFIGURATION.format(host=self.host))
        command = [program, "-c", str(self._configuration), "-l", str(self._database)]
        self._program = Program(command, {}, self._log)
        self._program.start()
        self._program.wait_until(self._answers, every=0.02)

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

    def _answers(self) -> bool:
        """Whether it answers a ping of IPA, the protocol that carries the control interface."""
        try:
            with socket.create_connection((self.host, PORT), 1) as connection:
                connection.sendall(b"\x00\x01\xfe\x00")
                return connection.recv(4) == b"\x00\x01\xfe\x01"
        except OSError:
            return False


class OsmoHlrCounterpart(Counterpart):
    """The HLR, which a simulation suspends and kills, and whose database it locks."""

    mapping = "osmo-hlr"
    what = "a real osmo-hlr"
    outages = ("suspended", "killed", "locked")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hlr = OsmoHlr(folder)
        self._lock = ExitStack()

    def start(self) -> None:
        """See `Counterpart`."""
        self.hlr.start()

    def stop(self) -> None:
        """See `Counterpart`."""
        self._lock.close()
        self.hlr.kill()

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        return self.hlr.host, PORT

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {"OSMO_HLR_HOST": host, "OSMO_HLR_PORT": str(port), "OSMO_HLR_TIMEOUT": "2"}

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`; osmo-hlr has no products, and serves calls and data together."""
        found = self.hlr.subscribers().items()
        return {imsi: {"served": calls and data, "number": n} for imsi, (n, calls, data) in found}

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        match outage:
            case "suspended":
                self.hlr.suspend()
            case "killed":
                self.hlr.kill()
            case "locked":
                self._lock.enter_context(self.hlr.locked())
            case _:
                super().begin(outage)

    def end(self) -> None:
        """See `Counterpart`."""
        self._lock.close()
        self.hlr.resume()
        self.hlr.start()


COUNTERPART = OsmoHlrCounterpart
