"""An instance without CPU between two events does not use a connection that was closed then."""

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
    """A system and an event for a caller that sleeps: while it sleeps, both change.

    First `event` becomes readable, then the system closes its first connection.
    """

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
                        time.sleep(0.1)  # wait until the caller sleeps
                        self._wakes.send(b"1")

    def close(self) -> None:
        self._thread.join(10)
        self.event.close()


@on_both_loops
def test_an_event_after_a_freeze_does_not_use_a_closed_connection(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop sees both changes in one turn; it handles the event before `connection_lost`."""
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
                time.sleep(0.3)  # noqa: ASYNC251 - the instance has no CPU
                assert await asyncio.wait_for(event, 10) == b"ok"
                await asyncio.gather(*tasks)

    run(loop, calls)
