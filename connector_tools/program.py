"""Programs that commands, tests and benchmarks start, each in a process group of its own."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

_SHIPPED = Path(__file__).parent / "shipped"
ROOT = _SHIPPED if _SHIPPED.is_dir() else _SHIPPED.parent.parent
"""The folder with main.py, mappings/ and docs/: the repository, or what the wheel holds of it.

A path and no resource of a package: Functions Framework and other programs open these files.
"""
_STARTUP_SECONDS = 60
_STOP_SECONDS = 10
_TAIL_LINES = 20
_PORTS = (10_000, 32_000)
_KEPT = ("PATH", "HOME", "TMPDIR")  # without them, programs and temporary files are not found


class DidNotStart(Exception):  # noqa: N818 - says what happened
    """A program ended, or was not ready in time. The text ends with the last lines it wrote."""


class NotInstalled(Exception):  # noqa: N818 - says what happened
    """A program that is needed is not on this machine. The text says how to get it."""


class Program:
    """Starts a command, reads its output, and stops it with all processes that it started.

    Ctrl-C at the terminal does not reach it; the code that started it must stop it.

    Args:
        command: The program and its arguments.
        variables: Its environment, beside `kept_environment()`.
        log: A file for standard output and standard error. Without it, `line` reads them.
    """

    process: subprocess.Popen[str]
    stderr: int = subprocess.STDOUT
    """The descriptor of its standard error; without one it goes where standard output goes."""
    folder: Path = ROOT
    """The directory in which it runs."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str], log: Path | None = None
    ) -> None:
        self._command = command
        self._env = {**kept_environment(), **variables}
        self._log = log
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._reader: Thread | None = None

    def start(self) -> None:
        """Start it, and return at once: see `wait_until`."""
        if self._log is None:
            self._start(subprocess.PIPE)
            output = (self.process.stdout,)
            self._reader = Thread(target=self._read, args=output, daemon=True)
            self._reader.start()
        else:
            with self._log.open("wb") as file:
                self._start(file)

    def wait_until(self, ready: Callable[[], bool], every: float = 0.05) -> None:
        """Call `ready()` every `every` seconds until it returns true.

        Raises:
            DidNotStart: It ended before, or a minute has passed. It is stopped then.
        """
        deadline = time.monotonic() + _STARTUP_SECONDS
        while not ready():
            if self.ended or time.monotonic() > deadline:
                self.stop()
                command = " ".join(self._command[:3])
                raise DidNotStart("\n".join([f"{command} did not start:", *self.tail]))
            time.sleep(every)

    @property
    def ended(self) -> bool:
        """Whether its first process has ended."""
        return self.process.poll() is not None

    @property
    def tail(self) -> list[str]:
        """The last lines that it wrote."""
        if self._log is None:
            return list(self._tail)
        return self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]

    def line(self, seconds: float | None = None) -> str | None:
        """Wait so long for the next line that it writes; None if none came or it has ended."""
        with suppress(Empty):
            return self._lines.get(timeout=seconds)
        return None

    def stop(self) -> None:
        """End it with SIGTERM; after 10 s kill it."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._finish_reading()

    def kill(self) -> None:
        """End it and all processes that it started with SIGKILL."""
        self._signal(signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._finish_reading()

    def suspend(self) -> None:
        """Stop it and its children with SIGSTOP: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `suspend`, with the requests that waited first."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended:
            for process in [*_children(self.process.pid), self.process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(process, number)

    def _start(self, output: int | IO[bytes]) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own programs
            self._command,
            env=self._env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=self.stderr,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def _read(self, output: IO[str]) -> None:
        """Read all output as it comes: a program whose pipe is full would stop working."""
        with output:
            for text in output:
                self._tail.append(text.rstrip())
                self._lines.put(text.rstrip())
        self._lines.put(None)

    def _finish_reading(self) -> None:
        if self._reader:
            self._reader.join(_STOP_SECONDS)


def _children(process: int) -> Iterator[int]:
    """The children of a process; a server may put each into a group of its own."""
    with suppress(FileNotFoundError):
        yield from map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())


def kept_environment() -> dict[str, str]:
    """The variables of this process that every program needs."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def python_module(module: str, *arguments: str) -> list[str]:
    """The command `python -m module`, with the Python that runs here."""
    return [sys.executable, "-m", module, *arguments]


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens.

    It lies below those that the system gives to outgoing connections, here and in other processes,
    which could take it before the program that it is for.
    """
    while True:
        port = random.randrange(*_PORTS)  # noqa: S311 - so that two processes find different ones
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
