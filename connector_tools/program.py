"""A program of ours in a process of its own: started, read line by line, stopped without a rest."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

ROOT = Path(__file__).parent.parent
_STOP_SECONDS = 10


class Program:
    """A running `python -m module`; `tail` is the end of what it wrote."""

    def __init__(self, module: str, arguments: list[str], env: Mapping[str, str]) -> None:
        self.tail: deque[str] = deque(maxlen=20)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", module, *arguments],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is for whoever started it to hand on, in order
        )
        reading = (self._process.stdout,)
        self._reader = Thread(target=self._read, args=reading, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def line(self, seconds: float | None = None) -> str | None:
        """The next line that it writes; None if it has ended, or said nothing for so long."""
        with suppress(Empty):
            return self._lines.get(timeout=seconds)
        return None

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to it and to whatever it started."""
        os.killpg(self._process.pid, number)
        self._process.wait()
        self._reader.join(_STOP_SECONDS)

    def stop(self) -> None:
        """End it, and whatever it started, by force if it does not end in time."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(_STOP_SECONDS)

    def _read(self, output: IO[str]) -> None:
        """All of it at once: a program whose output nobody takes would stand still."""
        with output:
            for text in output:
                self.tail.append(text.rstrip())
                self._lines.put(text.rstrip())
        self._lines.put(None)
