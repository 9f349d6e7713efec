"""Fixtures for all tests: a scripted external system and the function that calls it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

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
# Slow tests that share nothing: any process takes the next one. The others of a file run in one
# process, which makes their fixtures once.
SINGLE = (
    "cli/test_simulate.py",
    "deployment/test_terraform_plans.py",
    "inspector/test_masked_test.py",
    "real/test_catalogue.py",
    "tools/test_simulation.py",
    "tools/test_simulation_hss.py",
)
TOGETHER = ("deployment/test_alerts.py", "deployment/test_terraform.py")  # share an apply


TESTS = Path(__file__).parent


@cache
def _is_slow(file: Path) -> bool:
    return any(file.is_relative_to(TESTS / name) for name in SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files whose tests are not wanted: to import all of them takes a while."""
    wanted = {"slow": True, "not slow": False}.get(config.option.markexpr)
    if wanted is None or not collection_path.match("test_*.py"):
        return None
    return True if _is_slow(collection_path) != wanted else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item.path):
            item.add_marker("slow")


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process whole files, apart from those of `SINGLE`."""

    def _split_scope(self, nodeid: str) -> str:
        name = nodeid.partition("::")[0].removeprefix("tests/")
        if name in SINGLE:
            return nodeid
        return "together" if name in TOGETHER else name


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByFile | None:
    """`make slow` names `loadscope`: this is its scheduler."""
    return _ByFile(config, log) if config.getoption("dist") == "loadscope" else None


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
