"""Google's Firestore emulator, started for the tests; a machine without it skips them."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from functools import cache
from typing import Self

import pytest

from tests.function import free_port

_STARTUP_SECONDS = 60


class FirestoreEmulator:
    """One that can be stopped, and started again at the same address, with nothing in it."""

    def __init__(self) -> None:
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        gcloud = shutil.which("gcloud")
        if gcloud is None:
            pytest.skip("gcloud with the Firestore emulator is not on this machine")
        self._process = subprocess.Popen(
            [gcloud, "emulators", "firestore", "start", f"--host-port={self.address}", "--quiet"],
            stdin=subprocess.DEVNULL,  # else it asks whether to install what is missing
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _STARTUP_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                pytest.skip("the Firestore emulator is not installed, or has no Java")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError("the Firestore emulator did not start")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, with its children."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def freeze(self) -> None:
        """Make it answer nothing, but keep its connections."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def _answers(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0


@cache
def shared() -> FirestoreEmulator:
    """The one of the whole run; tests keep apart by projects of their own."""
    emulator = FirestoreEmulator()
    emulator.start()
    atexit.register(emulator.kill)
    return emulator
