"""Servers with the HTTP door in the tests' own process, and what they log."""

from collections.abc import Iterator
from io import StringIO

import pytest

from connector import log
from connector.doors.deadlines import Limits
from tests.support.door_server import ServerThread, captured_log, door_app
from tests.support.function import environment
from tests.support.scripted import ScriptedServer

SOON = Limits(head_seconds=0.5, body_seconds=0.5, linger=0.2, every=0.02)
USUAL = Limits(linger=0.1, every=0.02)


@pytest.fixture(scope="module")
def log_lines() -> Iterator[StringIO]:
    with captured_log() as written:
        yield written


@pytest.fixture(scope="module")
def usual(scripted: ScriptedServer, log_lines: StringIO) -> Iterator[ServerThread]:
    app = door_app(environment(scripted.url))
    log.configure("INFO", log_lines)
    with ServerThread(app, USUAL) as server:
        yield server


@pytest.fixture(scope="module")
def soon(scripted: ScriptedServer, log_lines: StringIO) -> Iterator[ServerThread]:
    app = door_app(environment(scripted.url))
    log.configure("INFO", log_lines)
    with ServerThread(app, SOON) as server:
        yield server


@pytest.fixture
def written(log_lines: StringIO, system: ScriptedServer) -> StringIO:
    log_lines.seek(0)
    log_lines.truncate()
    return log_lines
