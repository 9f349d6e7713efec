"""Fixtures for all tests: a scripted external system and the function that calls it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.function import Function, environment
from tests.support.scripted import ScriptedServer

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would whatever they
# start: some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# The same examples in every run, however long a busy machine takes; `make fuzz` goes further.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=5_000, derandomize=False, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def system(scripted: ScriptedServer) -> ScriptedServer:
    """The external system, with nothing scripted and no request received."""
    scripted.reset()
    return scripted


@pytest.fixture(scope="module")
def function(
    scripted: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    """One function for the tests of a module, with the WTL mapping and the scripted system."""
    log_file = tmp_path_factory.mktemp("function") / "log"
    with Function(log_file, environment(scripted.url)) as running:
        yield running


@pytest.fixture
def start(system: ScriptedServer, tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Starts a function of the test's own with these variables; it ends with the test."""
    with ExitStack() as running:

        def begin(**variables: str) -> Function:
            log_file = tmp_path / f"log-of-{len(list(tmp_path.glob('log-of-*')))}"
            env = environment(system.url) | variables
            return running.enter_context(Function(log_file, env))

        yield begin
