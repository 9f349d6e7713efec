"""What one process has open while it serves, from the server's start to its stop."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from logging import CRITICAL, INFO
from types import FrameType
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from connector import log
from connector.pipeline import Pipeline
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings
from connector.startup import Startup

if TYPE_CHECKING:  # 0.5 s of import; only a function that publishes pays it
    from connector.doors.publisher import Publisher


_NEW_OBJECTS = 200_000  # what eight events of 1 MB are made of


class InFlight:
    """Counts the events that are being answered, each in a `with`."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class Worker:
    """The doors' share of a process: the pipeline, the publisher, the events in flight."""

    pipeline: Pipeline
    publisher: "Publisher | None" = None

    def __init__(self, startup: Startup) -> None:
        self.startup = startup
        self.in_flight = InFlight()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """From the server's start to its end, which comes after the last request was answered."""
        log.adopt()
        name = self.startup.mapping.name
        async with AsyncExitStack() as stack:
            try:
                self.pipeline = await stack.enter_async_context(self.startup.serve())
            except (BadSettings, SecretsUnreachable) as error:
                log.write(CRITICAL, "the connector cannot start", connector=name, cause=str(error))
                raise
            if self.startup.settings.publishes:
                from connector.doors.publisher import Publisher  # noqa: PLC0415 - see above

                opened = Publisher(self.startup.settings.PUBSUB_EMULATOR_HOST)
                self.publisher = await stack.enter_async_context(opened)
            _collect_less()
            self._announce_stop()
            log.write(INFO, "serving", connector=name)
            yield
        log.write(INFO, "stopped: no event in flight, clients closed", connector=name)

    def _announce_stop(self) -> None:
        """Log the stop when it begins; the server's own handler, called next, carries it out."""
        loop, server = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def stopping(signum: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._log_stop)
            if callable(server):
                server(signum, frame)

        signal.signal(signal.SIGTERM, stopping)

    def _log_stop(self) -> None:
        log.write(
            INFO,
            f"stopping: {self.in_flight.count} events in flight will finish, new ones are refused",
            connector=self.startup.mapping.name,
        )


def _collect_less() -> None:
    """Let the garbage collector look at what an event makes, not at what was loaded.

    It rests while the function is loaded (see main.py). Every 700 new objects, its default, is
    twice an event; every 20,000 still looks at all large events in flight, a fifth of their CPU.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
