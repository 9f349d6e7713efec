"""SIGTERM: events in flight finish, new connections are refused, the log has the stop."""

import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.answers import ACCEPTED
from tests.support.events import event, subscriber
from tests.support.function import Function
from tests.support.scripted import Scripted, ScriptedServer

Start = Callable[..., Function]
IN_FLIGHT = 10


def refuses_connections(function: Function) -> bool:
    """Whether a new connection is refused, or closed without an answer."""
    request = b"GET /health HTTP/1.1\r\nHost: connector\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", function.port), 0.5) as connection:
            connection.sendall(request)
            return not connection.recv(1)
    except OSError:
        return True


@pytest.fixture
def stopped(start: Start, system: ScriptedServer) -> Function:
    """A function that was stopped with events in flight and has answered them all."""
    function = start()
    system.default = Scripted(delay=3)  # longer than the stop takes on a busy machine
    events = [event(imsi=subscriber(number)) for number in range(IN_FLIGHT)]
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        answers = [pool.submit(function.post, each) for each in events]
        system.wait_for(IN_FLIGHT)
        function.terminate()
        responses = [answer.result(30) for answer in answers]
    assert [response.status_code for response in responses] == [202] * IN_FLIGHT
    assert [response.json() for response in responses] == [ACCEPTED] * IN_FLIGHT
    assert function.process.wait(30) == 0
    return function


def test_events_in_flight_finish_and_the_log_has_the_stop(
    stopped: Function, system: ScriptedServer
) -> None:
    lines = stopped.lines()
    told = [line["message"] for line in lines]
    stopping = f"stopping: {IN_FLIGHT} events in flight will finish, new ones are refused"
    assert stopping in told
    begun = told.index(stopping)
    assert told[begun + 1 : -1] == ["event settled"] * IN_FLIGHT
    assert {line["outcome"] for line in lines[begun + 1 : -1]} == {"applied"}
    assert told[-1] == "stopped: no event in flight, clients closed"
    assert {line["severity"] for line in lines} == {"INFO"}
    assert all(request.ended is not None for request in system.requests)


def test_new_connections_are_refused_while_events_finish(
    start: Start, system: ScriptedServer
) -> None:
    function = start()
    system.default = Scripted(delay=1.5)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(function.post, event())
        system.wait_for(1)
        function.terminate()
        while not function.lines(severity="INFO")[-1]["message"].startswith("stopping"):
            assert not answer.done()
        while not refuses_connections(function):
            assert not answer.done()
        assert not answer.done()
        assert answer.result(30).json() == ACCEPTED
    assert len(system.requests) == 1


def test_an_event_that_fails_during_the_stop_is_answered(
    start: Start, system: ScriptedServer
) -> None:
    function = start()
    system.default = Scripted(500, delay=0.5)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(function.post, event())
        system.wait_for(1)
        function.terminate()
        assert answer.result(30).status_code == 500
    assert function.process.wait(30) == 0
    assert function.lines()[-1]["message"].startswith("stopped")


def test_a_second_signal_does_not_interrupt_events(start: Start, system: ScriptedServer) -> None:
    function = start()
    system.default = Scripted(delay=1)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(function.post, event())
        system.wait_for(1)
        function.terminate()
        function.terminate()
        assert answer.result(30).json() == ACCEPTED
    assert function.process.wait(30) == 0


def test_an_idle_function_stops_at_once(start: Start) -> None:
    function = start()
    function.terminate()
    assert function.process.wait(10) == 0
    first, last = function.lines()[-2:]
    assert first["message"].startswith("stopping: 0 events")
    assert last["message"].startswith("stopped")


def test_the_server_gives_its_worker_more_time_than_an_event_may_take(start: Start) -> None:
    """The server kills a worker that takes longer; the test reads the limit from the log."""
    function = start(EVENT_BUDGET="40", LOG_LEVEL="DEBUG", GUNICORN_LOG_LEVEL="debug")
    found = re.search(r"\bgraceful_timeout: (\d+)", function.output())
    assert found
    assert int(found[1]) > 40
