"""A server that is measured: its processes, their CPU time and their memory."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx
import psutil

ROOT = Path(__file__).parents[1]
_STARTUP_SECONDS = 60


class Server:
    """A server on a port of its own; use it as a context manager.

    `command` is what starts it, with `{port}` where its port stands. All that it prints goes to
    a file in `folder`, as the platform takes it off the function.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [part.format(port=self.port) for part in command]
        self._env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env}
        self._output = folder / f"{self.port}.log"

    def start(self) -> None:
        """Start the processes; see `wait`."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self._command,
                env={name: value.format(port=self.port) for name, value in self._env.items()},
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + _STARTUP_SECONDS
        while True:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self._command[0]} did not start:\n{self._output.read_text()}")
            time.sleep(0.002)

    def __enter__(self) -> Self:
        self.start()
        self.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(each.user + each.system for each in times)

    def memory(self) -> float:
        """MB that its processes hold; what they share is counted once."""
        return sum(process.memory_full_info().pss for process in self._processes()) / 1e6

    def _processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]


def function(
    python: Path, source: str, target: str, env: Mapping[str, str], folder: Path
) -> Server:
    """A function as it is deployed: Functions Framework under gunicorn."""
    command = [str(python.parent / "functions-framework"), "--target", target]
    command += ["--source", str(ROOT / source), "--host", "127.0.0.1", "--port", "{port}"]
    return Server(command, {"PYTHONPATH": str(ROOT), **env}, folder)


def external_system(milliseconds: int, folder: Path) -> Server:
    """The external system, answering after so long."""
    command = [sys.executable, "-m", "benchmarks.external_system", "{port}", str(milliseconds)]
    return Server(command, {}, folder)


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_answer(server: Server, path: str, headers: Mapping[str, str], body: bytes) -> float:
    """Seconds from the start of the process to its first 202."""
    with httpx.Client(trust_env=False) as client:  # made first: that takes 20 ms
        started = time.perf_counter()
        server.start()
        try:
            server.wait()
            reply = client.post(server.url + path, headers=dict(headers), content=body, timeout=60)
            took = time.perf_counter() - started
        finally:
            server.__exit__()
    if reply.status_code != 202:
        raise SystemExit(f"answered {reply.status_code}, not 202: {reply.text}")
    return took
