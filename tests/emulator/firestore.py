"""Google's Firestore emulator. On a machine without it, the tests that need it are skipped."""

import atexit
from functools import cache

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


@cache
def shared() -> FirestoreEmulator:
    """The emulator that all tests of a run share. Each test uses a project of its own."""
    emulator = FirestoreEmulator()
    emulator.start()
    atexit.register(emulator.kill)
    return emulator
