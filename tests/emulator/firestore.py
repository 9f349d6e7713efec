"""Google's Firestore emulator. On a machine without it, the tests that need it are skipped."""

import atexit
import time
from functools import cache

import psutil
import pytest

from connector_tools.program import NotInstalled
from connector_tools.simulation.store import FirestoreEmulator as Emulator


class FirestoreEmulator(Emulator):
    """An emulator that a test can stop, and start again empty at the same address."""

    def start(self) -> None:
        try:
            super().start()
        except NotInstalled as missing:
            pytest.skip(str(missing))

    def freeze(self) -> None:
        """Stop all its processes, and wait until they have stopped.

        On a busy machine, the emulator can answer for some milliseconds after the signal was sent.
        """
        super().freeze()
        wrapper = psutil.Process(self._process.pid)
        deadline = time.monotonic() + 10
        for process in (wrapper, *wrapper.children(recursive=True)):
            while process.status() != psutil.STATUS_STOPPED:
                assert time.monotonic() < deadline, f"{process} has not stopped"
                time.sleep(0.001)


@cache
def shared() -> FirestoreEmulator:
    """The emulator that all tests of a run share. Each test uses a project of its own."""
    emulator = FirestoreEmulator()
    emulator.start()
    atexit.register(emulator.kill)
    return emulator
