"""Google's Firestore emulator, started for the tests; a machine without it skips them."""

import atexit
from functools import cache

import pytest

from connector_tools.program import NotInstalled
from connector_tools.simulation.store import FirestoreEmulator as Emulator


class FirestoreEmulator(Emulator):
    """One that can be stopped, and started again at the same address, with nothing in it."""

    def start(self) -> None:
        try:
            super().start()
        except NotInstalled as missing:
            pytest.skip(str(missing))


@cache
def shared() -> FirestoreEmulator:
    """The one of the whole run; tests keep apart by projects of their own."""
    emulator = FirestoreEmulator()
    emulator.start()
    atexit.register(emulator.kill)
    return emulator
