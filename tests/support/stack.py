"""`connector_tools.stack.stack.run` as a person starts it, and a shell to paste its lines into."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread

from connector_tools.program import free_port, kept_environment
from tests.support import ROOT

SECONDS = 90


def environment(**variables: str) -> dict[str, str]:
    """A developer's, who sits behind a proxy that loopback must not go through."""
    nowhere = "http://127.0.0.1:9"
    return kept_environment() | {"http_proxy": nowhere, "https_proxy": nowhere} | variables


def paste(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a person does who pastes it into a shell, wherever that is."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd="/",
        env=environment(**variables),
    )


class Running:
    """A running `connector_tools.stack.stack.run`, and what it tells."""

    def __init__(self, port: int, **variables: str) -> None:
        code = f"from connector_tools.stack.stack import run; raise SystemExit(run(port={port}))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=environment(**variables),
        )
        self.lines: list[str] = []
        self._told: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for text in self.process.stdout or ():
            self._told.put(text)

    def until(self, pattern: str) -> str:
        """The next line that matches."""
        while True:
            line = self._told.get(timeout=SECONDS)
            self.lines.append(line)
            if re.search(pattern, line):
                return line.rstrip()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(SECONDS)

    def output(self) -> str:
        """All that it told; it has ended."""
        self._reader.join(SECONDS)
        while not self._told.empty():
            self.lines.append(self._told.get())
        return "".join(self.lines)


@contextmanager
def running(port: int | None = None, **variables: str) -> Iterator[Running]:
    found = Running(port or free_port(), **variables)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.end(signal.SIGTERM)
        found.output()
        if found.process.stdout:
            found.process.stdout.close()
