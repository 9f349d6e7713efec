"""Fixtures for all tests: a scripted external system and the function that calls it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.function import Function, environment
from tests.support.scripted import ScriptedServer

# If a shell starts the tests in the background, they and the programs that they start ignore
# SIGINT. Some tests send it, so the default is restored.
signal.signal(signal.SIGINT, signal.default_int_handler)


# The same examples in every run, without a time limit. `make fuzz` tries more examples; CI tries
# fewer on a second Python.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("few", max_examples=10, derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=5_000, derandomize=False, deadline=None)
settings.load_profile("repeatable")


# Tests that `make test` leaves out, because they take more than half of the time of all; CI runs
# them with `make slow`.
SLOW = (
    "audit/test_acceptance.py",
    "cli/test_simulate.py",
    "deployment",
    "documents/test_site_build.py",
    "emulator",
    "inspector/test_life.py",
    "inspector/test_masked_test.py",
    "inspector_page",
    "real",
    "tools/test_simulation.py",
    "tools/test_simulation_hss.py",
    "tools/test_stack.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    for item in items:
        if any(item.path.is_relative_to(tests / name) for name in SLOW):
            item.add_marker("slow")


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def system(scripted: ScriptedServer) -> ScriptedServer:
    """The external system without scripted replies and without received requests."""
    scripted.reset()
    return scripted


@pytest.fixture(scope="module")
def function(
    scripted: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    """One running function for all tests of a module: the WTL mapping and the scripted system."""
    log_file = tmp_path_factory.mktemp("function") / "log"
    with Function(log_file, environment(scripted.url)) as running:
        yield running


@pytest.fixture
def start(system: ScriptedServer, tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Starts a function with these environment variables; it stops at the end of the test."""
    with ExitStack() as running:

        def begin(**variables: str) -> Function:
            log_file = tmp_path / f"log-of-{len(list(tmp_path.glob('log-of-*')))}"
            env = environment(system.url) | variables
            return running.enter_context(Function(log_file, env))

        yield begin
