"""Idle connections: which one is used next, and when they are closed."""

import asyncio
from collections.abc import Callable, Coroutine

import hypothesis.strategies as st
from hypothesis import given, settings

from connector.call import Call
from connector.system import Turn
from connector.systems.ctrl.call import CtrlCall
from connector.systems.ctrl.client import CtrlSystem
from connector.systems.ctrl.entry import CtrlSystemEntry
from connector.systems.ctrl.wire import frame
from connector.systems.idle import Idle
from tests.support.peer import until

LONGEST = 20.0


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time the test moves forward."""

    moved = 0.0

    def time(self) -> float:
        return super().time() + self.moved


def run(calls: Callable[[Clock], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=Clock) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Clock)
        runner.run(calls(loop))


class Line:
    """A connection that the test can break."""

    def __init__(self) -> None:
        self.reusable = True
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        self.reusable = False


STEPS = st.one_of(
    st.sampled_from(["take", "open", "keep", "break"]), st.floats(0, 2 * LONGEST, width=16)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_a_connection_is_kept_for_twenty_seconds_and_then_closed(steps: list[str | float]) -> None:
    async def calls(clock: Clock) -> None:
        idle: Idle[Line] = Idle()
        made: list[Line] = []
        used: list[Line] = []
        since: dict[Line, float] = {}
        for step in steps:
            if step == "open" or (step == "take" and (found := idle.take()) is None):
                made.append(Line())
                used.append(made[-1])
            elif step == "take" and found:
                assert found.reusable and clock.time() - since.pop(found) < LONGEST
                assert not since or max(since.values()) <= clock.time()
                used.append(found)
            elif step == "keep" and used:
                since[used[0]] = clock.time()
                idle.keep(used.pop(0))
            elif step == "break" and since:
                next(iter(since)).reusable = False
            elif isinstance(step, float):
                clock.moved += step
                for _ in range(3):
                    await asyncio.sleep(0)
                old = {line for line, at in since.items() if at < clock.time() - LONGEST - 0.01}
                assert all(line.closed for line in old)
                since = {line: at for line, at in since.items() if not line.closed}
        idle.close()
        for line in used:
            idle.keep(line)
        assert [line.closed for line in made] == [1] * len(made)

    run(calls)


def test_idle_connections_of_the_control_interface_are_closed_too() -> None:
    """Fifty calls at once leave fifty connections; a firewall forgets them without a word."""
    opened, closed, all_there = [], [], asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        if len(opened) == 50:
            all_there.set()
        await all_there.wait()
        while await reader.read(1_000):
            writer.write(frame("GET_REPLY 1 version 1.5.0"))
        closed.append(writer)
        writer.close()

    async def calls(clock: Clock) -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            entry = CtrlSystemEntry.model_validate({"ctrl": {"host": host, "port": port}})
            async with CtrlSystem(entry, {}) as system:
                await asyncio.gather(*(system.send(call, Turn(10**9, 10**9)) for _ in range(50)))
                assert (len(opened), len(closed)) == (50, 0)
                clock.moved += LONGEST + 1
                await until(lambda: len(closed) == 50)

    call: Call = CtrlCall("", "GET", "version", True, True, "version")
    run(calls)


def test_the_connection_that_was_idle_for_the_longest_time_can_be_taken() -> None:
    async def calls(clock: Clock) -> None:
        idle: Idle[Line] = Idle(longest=100)
        first, second, third = Line(), Line(), Line()
        for line in (first, second, third):
            idle.keep(line)
            clock.moved += 30
        assert idle.take_old(91) is None
        assert idle.take_old(60) is first
        second.reusable = False
        assert idle.take_old(30) is None
        assert second.closed == 1
        assert idle.take() is third
        idle.close()

    run(calls)
