"""A server of a Debian package as a process of its own: stopped, suspended, killed, restarted.

Some servers refuse to run as root, so they run as the user that their package made, in a folder of
that user. Without root they run as the user who starts them.
"""

import os
import shutil
import signal
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar, Self

from connector_tools.counterparts.real.running import Running
from connector_tools.program import NotInstalled, Program, free_port


class Server(Running):
    """A server on a port of 127.0.0.1, as a context manager. Its data stay until the exit."""

    package: ClassVar[str]
    """The Debian package that has its programs."""
    user: ClassVar[str]
    """The user that its package made."""
    ending: ClassVar[signal.Signals] = signal.SIGTERM
    """The signal after which it ends without waiting for its clients."""
    places: ClassVar[tuple[str, ...]] = ()
    """Folders with its programs that are not on the PATH."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = free_port()
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """Its folder; made at the first use, because the user of the server must own it."""
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix=f"{self.user}-"))
            if self._changes_user:
                shutil.chown(self._folder, self.user, self.user)
        return self._folder

    @abstractmethod
    def prepare(self) -> None:
        """Make its data; called once before the first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments, which run in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves."""

    def start(self) -> None:
        """See `Running`."""
        if self.runs:
            return
        first = self._folder is None
        if first:
            self.prepare()
        self._program = Program(self.as_user(self.command()), {}, self.folder / "server.log")
        self._program.start()
        self._program.wait_until(self.answers)

    def stop(self) -> None:
        """End it as its service would: it closes its connections, and writes its data."""
        self.resume()
        if self._program and not self._program.ended:
            self._program.process.send_signal(self.ending)
            self._program.stop()

    def __enter__(self) -> Self:
        """Start it; raises as `start`."""
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill it, and remove its data."""
        self.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def program(self, name: str) -> str:
        """The path of one of its programs.

        Raises:
            NotInstalled: it is not on this machine.
        """
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *self.places])
        found = shutil.which(name, path=path)
        if found is None:
            raise NotInstalled(f"{name} is not installed: apt-get install {self.package}")
        return found

    def as_user(self, command: Sequence[str]) -> list[str]:
        """The command, run by the user of the server."""
        if not self._changes_user:
            return list(command)
        user = (f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups")
        return ["setpriv", *user, *command]

    @property
    def _changes_user(self) -> bool:
        return os.geteuid() == 0
