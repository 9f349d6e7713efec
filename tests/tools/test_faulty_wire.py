"""The wire between function and system: each fault does what its name says, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from connector_tools.simulation.faults import Faults
from connector_tools.simulation.faulty_wire import WIRE, FaultyWire

HANG = 0.6  # seconds


class Echo:
    """A system that answers each line; it keeps what it received."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):  # the wire closes connections abruptly
            while line := await reader.readline():
                self.received.append(line)
                writer.write(b"answer to " + line)
        writer.close()


@asynccontextmanager
async def wired(fault: str | None = None) -> AsyncIterator[tuple[Echo, FaultyWire]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    place = server.sockets[0].getsockname()[:2]
    async with server, FaultyWire(place, Random(1), HANG) as wire:  # noqa: S311 - repeatable
        wire.faults = Faults({fault: 1.0} if fault else {})
        yield echo, wire


async def asked(wire: FaultyWire, line: bytes = b"question\n") -> bytes:
    """The answer; empty if the connection was closed without one."""
    reader, writer = await asyncio.open_connection(*wire.place)
    try:
        writer.write(line)
        return await reader.readline()
    except OSError:
        return b""
    finally:
        writer.transport.abort()


async def test_without_a_fault_the_answer_comes() -> None:
    async with wired() as (echo, wire):
        assert await asked(wire) == b"answer to question\n"
    assert (echo.received, wire.requests, +wire.met) == ([b"question\n"], 1, {})


@pytest.mark.parametrize(
    ("fault", "carried_out", "answered"),
    [
        ("slow", True, True),
        ("timeout", False, False),
        ("late", True, False),
        ("overdue", True, False),
        ("drop", False, False),
        ("drop-after", True, False),
    ],
)
async def test_a_fault_does_what_its_name_says(
    fault: str, carried_out: bool, answered: bool
) -> None:
    async with wired(fault) as (echo, wire):
        answer = await asked(wire)
        assert wire.met == {fault: 1}
    assert bool(echo.received) is carried_out
    if fault != "overdue":  # its answer comes after the connector has gone
        assert bool(answer) is answered


def test_every_fault_of_the_wire_is_tried_above() -> None:
    (marker,) = test_a_fault_does_what_its_name_says.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marker.args[1]} == set(WIRE)


async def test_each_request_on_a_connection_may_meet_a_fault() -> None:
    async with wired() as (_, wire):
        reader, writer = await asyncio.open_connection(*wire.place)
        for number in range(3):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"answer to %d\n" % number
        writer.close()
        assert wire.requests == 3


async def test_a_cut_wire_closes_what_is_open_and_passes_nothing_on() -> None:
    async with wired() as (echo, wire):
        reader, writer = await asyncio.open_connection(*wire.place)
        writer.write(b"before\n")
        assert await reader.readline() == b"answer to before\n"
        await wire.cut(True)
        assert await asked(wire) == b""
        assert reader.at_eof() or await _gone(reader)
        await wire.cut(False)
        assert await asked(wire) == b"answer to question\n"
        writer.transport.abort()
    assert echo.received == [b"before\n", b"question\n"]


async def _gone(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except OSError:
        return True


async def test_a_request_that_was_given_up_before_it_was_read_is_not_passed_on() -> None:
    """As on a busy machine, where the wire gets its turn when the connector has gone."""
    async with wired() as (echo, wire):
        with socket.create_connection(wire.place) as late:
            await asyncio.sleep(0.1)  # the wire is connected to the system
            late.sendall(b"late\n")
        assert await asked(wire) == b"answer to question\n"
    assert echo.received == [b"question\n"]
