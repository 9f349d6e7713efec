"""The process that serves: read its settings, open its clients, close them when it stops."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from logging import CRITICAL, INFO
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from connector import log
from connector.doors import server
from connector.pipeline import Pipeline
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings
from connector.startup import Startup, check_ledger, start

if TYPE_CHECKING:  # its import takes 0.5 s, which only a function that publishes needs
    from connector.doors.publisher import Publisher

_CANNOT_START = "the connector cannot start"


class InFlight:
    """Counts the events that are being answered; use it in a `with` statement around each."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class Worker:
    """Holds the pipeline, the publisher and the events in flight for the doors; one a process."""

    pipeline: Pipeline
    publisher: "Publisher | None" = None

    def __init__(self, startup: Startup) -> None:
        self.startup = startup
        self.in_flight = InFlight()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Open the clients before the server serves; close them after its last answer.

        If a secret or a setting is missing or wrong, log all problems in one line and end this
        process, and with it the server (`server.end_failed_start`).
        """
        log.adopt()
        name = self.startup.mapping.name
        async with AsyncExitStack() as stack:
            try:
                await self._open(stack)
            except (BadSettings, SecretsUnreachable) as error:
                await stack.aclose()
                problems = error.problems if isinstance(error, BadSettings) else (str(error),)
                cause = "; ".join(problems)
                log.write(CRITICAL, _CANNOT_START, connector=name, problems=problems, cause=cause)
                os._exit(server.CANNOT_START)  # not `raise`: Starlette would log a traceback
            server.resume_collector()
            server.announce_stop(self._log_stop)
            log.write(INFO, "serving", connector=name)
            yield
        log.write(INFO, "stopped: no event in flight, clients closed", connector=name)

    async def _open(self, stack: AsyncExitStack) -> None:
        self.pipeline = await stack.enter_async_context(self.startup.serve())
        if self.startup.settings.publishes:
            from connector.doors.publisher import Publisher  # noqa: PLC0415 - see above

            opened = Publisher(self.startup.settings.PUBSUB_EMULATOR_HOST)
            self.publisher = await stack.enter_async_context(opened)

    def _log_stop(self) -> None:
        log.write(
            INFO,
            f"stopping: {self.in_flight.count} events in flight will finish, new ones are refused",
            connector=self.startup.mapping.name,
        )


def start_worker(environ: Mapping[str, str]) -> Worker:
    """Read settings, mapping and secrets, and try the ledger's file.

    main.py calls this before the server listens.

    If any of them is missing or wrong, log all problems in one line and exit with status 1. A
    terminal also gets them as text.
    """
    try:
        startup = start(environ)
        check_ledger(startup.settings)
    except BadSettings as bad:
        log.configure()
        log.write(CRITICAL, _CANNOT_START, problems=bad.problems)
        if sys.stderr.isatty():
            print("The connector cannot start:", *bad.problems, sep="\n  ", file=sys.stderr)
        sys.exit(server.CANNOT_START)
    log.configure(startup.settings.LOG_LEVEL)
    log.name_process(startup.mapping.name, startup.settings.SOURCE_HASH)
    return Worker(startup)
