"""A server that is measured: its processes, their CPU time and their memory."""

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx
import psutil

from connector_tools.function_process import FunctionCode, FunctionProcess
from connector_tools.program import DidNotStart, Program, free_port, python_module


class Server:
    """A program that listens on `port` of this machine; use it as a context manager."""

    def __init__(self, program: Program, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._program = program
        self._port = port

    def start(self) -> None:
        """Start its processes; see `wait`."""
        self._program.start()

    def wait(self) -> None:
        """Wait until it listens; it is asked every 2 ms, for cold starts are measured with it."""
        try:
            self._program.wait_until(self._listens, every=0.002)
        except DidNotStart as error:
            raise SystemExit(str(error)) from None

    def __enter__(self) -> Self:
        self.start()
        self.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._program.kill()

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(each.user + each.system for each in times)

    def memory(self) -> float:
        """MB that its processes hold; what they share is counted once."""
        return sum(process.memory_full_info().pss for process in self._processes()) / 1e6

    def _listens(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self._port)) == 0

    def _processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self._program.process.pid)
        return [parent, *parent.children(recursive=True)]


def function(code: FunctionCode, env: Mapping[str, str], folder: Path) -> Server:
    """A function as it is deployed; what it logs goes to a file in `folder`."""
    port = free_port()
    return Server(FunctionProcess(env, port, _log(folder, port), code), port)


def external_system(milliseconds: int, folder: Path) -> Server:
    """The external system, which answers after so long; its output goes to a file in `folder`."""
    port = free_port()
    command = python_module("benchmarks.external_system", str(port), str(milliseconds))
    return other(command, {}, port, folder)


def other(command: list[str], env: Mapping[str, str], port: int, folder: Path) -> Server:
    """Any other program; its output goes to a file in `folder`."""
    return Server(Program(command, env, _log(folder, port)), port)


def _log(folder: Path, port: int) -> Path:
    return folder / f"{port}.log"


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
