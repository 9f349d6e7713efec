"""Credentials: read at start, cached, read again in the background and when they prove wrong.

A `Source` knows where they are kept; `Secrets` keeps what was read. When a source is down after
the start, what is cached serves on.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from logging import ERROR, INFO
from pathlib import Path
from typing import Protocol, Self

from connector import log

_AT_MOST_EVERY = 30.0  # seconds between two readings that were provoked from outside


class SecretsUnreachable(Exception):  # noqa: N818 - what happened; says where, never what
    """The secrets cannot be read now."""


class Source(Protocol):
    """Where secrets are kept."""

    async def read(self, name: str) -> tuple[str, ...]:
        """The valid values of a secret, newest first; none if there is no such secret.

        Raises:
            SecretsUnreachable: they cannot be read now.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Environment:
    """Secrets that are environment variables (`SECRETS=env`)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    async def read(self, name: str) -> tuple[str, ...]:
        """See `Source`."""
        value = self._environ.get(name, "").strip()
        return (value,) if value else ()

    async def close(self) -> None:
        """See `Source`."""


class Files:
    """Secrets that are files of a directory, as containers have them (`SECRETS=file:DIR`)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def read(self, name: str) -> tuple[str, ...]:
        """See `Source`."""
        try:
            value = (self._directory / name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretsUnreachable(f"{type(error).__name__} for file {name}") from error
        return (value,) if value else ()

    async def close(self) -> None:
        """See `Source`."""


class Secrets:
    """The cached secrets of these names; an async context manager while they are in use.

    `open_source` is called at the first reading. `every` is the number of seconds between two
    readings in the background, None for none. `generation` grows with each change, so that whoever
    used an older one can tell.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        names: Iterable[str],
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.generation = 0
        self._open_source = open_source
        self._source: Source | None = None
        self._names = tuple(dict.fromkeys(names))
        self._every = every
        self._clock = clock
        self._values: dict[str, tuple[str, ...]] = {}
        self._provoked = float("-inf")
        self._reading = asyncio.Lock()

    def all(self, name: str) -> tuple[str, ...]:
        """The valid values of a secret, newest first."""
        return self._values.get(name, ())

    def get(self, name: str) -> str | None:
        """The newest value of a secret."""
        return next(iter(self.all(name)), None)

    async def load(self) -> None:
        """Read all secrets.

        Raises:
            SecretsUnreachable: at least one cannot be read now; what is cached stays.
        """
        source = self._source = self._source or self._open_source()
        found = await asyncio.gather(*(source.read(name) for name in self._names))
        values = dict(zip(self._names, found, strict=True))
        if values != self._values:
            self._values = values
            self.generation += 1

    async def renewed(self, since: int) -> bool:
        """Whether there is something newer than generation `since`; looks, but not too often."""
        async with self._reading:
            if self.generation == since and self._clock() - self._provoked >= _AT_MOST_EVERY:
                self._provoked = self._clock()
                await self._try_load()
            return self.generation != since

    async def __aenter__(self) -> Self:
        """Read them, and go on reading in the background.

        Raises:
            SecretsUnreachable: at the start there is nothing to serve on with.
        """
        await self.load()
        self._background = asyncio.create_task(self._read_on()) if self._every else None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop reading."""
        if self._background:
            self._background.cancel()
            with suppress(asyncio.CancelledError):
                await self._background
        if self._source:
            await self._source.close()

    async def _read_on(self) -> None:
        while self._every:
            await asyncio.sleep(self._every)
            async with self._reading:
                await self._try_load()

    async def _try_load(self) -> None:
        before = self.generation
        try:
            await self.load()
        except SecretsUnreachable as error:
            said = "secrets cannot be read, serving on with the cached ones"
            log.write(ERROR, said, cause=str(error))
        else:
            if self.generation != before:
                log.write(INFO, "secrets changed")
