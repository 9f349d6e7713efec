"""An instance that had no CPU between two events: what was closed meanwhile is not used."""

import asyncio
import socket
import threading
import time
from contextlib import closing

import pytest

from connector.systems.http.transport import whole
from tests.support.peer import Loop, call, on_both_loops, run, transport_to

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Frozen:
    """A system that closes its first connection while the caller sleeps, after waking it."""

    def __init__(self) -> None:
        self.event, self._wakes = socket.socketpair()
        self.event.setblocking(False)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with closing(self._listener), closing(self._wakes):
            for number in range(2):
                with closing(self._listener.accept()[0]) as connection:
                    connection.recv(65_536)
                    connection.sendall(SHORT)
                    if number == 0:
                        time.sleep(0.1)  # until the caller sleeps
                        self._wakes.send(b"1")

    def close(self) -> None:
        self._thread.join(10)
        self.event.close()


@on_both_loops
def test_an_event_that_wakes_an_instance_does_not_take_a_connection_that_was_closed(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop learns of both in one turn, and runs the event before `connection_lost`."""
    monkeypatch.setenv("no_proxy", "*")

    async def calls() -> None:
        with closing(Frozen()) as system:
            running = asyncio.get_running_loop()
            async with transport_to(system.url) as transport:
                await call(transport, system.url)
                event: asyncio.Future[bytes] = running.create_future()

                async def handle() -> None:
                    event.set_result(whole((await call(transport, system.url)).stream))

                tasks = []

                def arrived() -> None:
                    running.remove_reader(system.event)
                    tasks.append(asyncio.create_task(handle()))

                running.add_reader(system.event, arrived)
                time.sleep(0.3)  # noqa: ASYNC251 - this is the instance without CPU
                assert await asyncio.wait_for(event, 10) == b"ok"
                await asyncio.gather(*tasks)

    run(loop, calls)
