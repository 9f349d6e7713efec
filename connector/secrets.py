"""The secrets of the function: read at the start, cached, and read again later.

They are read again in the background, and at once when a token or a credential is refused. A
`Source` reads them from where they are kept, and `Secrets` is the cache. If the source fails after
the start, the cached values stay in use.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from logging import ERROR, INFO
from pathlib import Path
from typing import Protocol, Self

from connector import log

_AT_MOST_EVERY = 30.0  # seconds at least between two readings that refused credentials caused


class SecretsUnreachable(Exception):  # noqa: N818 - it names what happened
    """A secret cannot be read now. The message names the secret and never has its value."""


class Source(Protocol):
    """A place where secrets are kept. `Secrets` reads all of its names from it."""

    async def read(self, name: str) -> tuple[str, ...]:
        """The valid values of a secret, newest first; empty if there is no such secret.

        Raises:
            SecretsUnreachable: it cannot be read now.
        """

    async def close(self) -> None:
        """Close connections."""


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
    """Secrets that are files in a directory, as containers have them (`SECRETS=file:DIR`)."""

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
    """A cache of the secrets of these names, used as an async context manager while it serves.

    `open_source` is called before the first reading. `every` is the number of seconds between two
    readings in the background, or None. `clock` gives seconds; tests pass their own.

    `generation` grows by one whenever a reading finds a change. A caller notes the generation of
    the values that it uses, and can ask later whether there are newer ones (`renewed`).
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
        """The cached values of a secret, newest first; empty if it has none."""
        return self._values.get(name, ())

    def get(self, name: str) -> str | None:
        """The newest cached value of a secret, or None."""
        return next(iter(self.all(name)), None)

    async def load(self) -> None:
        """Read all secrets from the source.

        Raises:
            SecretsUnreachable: at least one cannot be read now. The cache stays as it is.
        """
        source = self._source = self._source or self._open_source()
        found = await asyncio.gather(*(source.read(name) for name in self._names))
        values = dict(zip(self._names, found, strict=True))
        if values != self._values:
            self._values = values
            self.generation += 1

    async def renewed(self, since: int) -> bool:
        """Whether there are newer secrets than those of the generation `since`.

        If the cache has none, it reads them, but at most every 30 seconds. The HTTP door calls this
        when it does not know a token, and a system when its credentials are refused.
        """
        async with self._reading:
            if self.generation == since and self._clock() - self._provoked >= _AT_MOST_EVERY:
                self._provoked = self._clock()
                await self._try_load()
            return self.generation != since

    async def __aenter__(self) -> Self:
        """Read all secrets, and begin to read them again in the background.

        Raises:
            SecretsUnreachable: a secret cannot be read, and at the start nothing is cached.
        """
        await self.load()
        self._background = asyncio.create_task(self._read_on()) if self._every else None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop the reading in the background, and close the source."""
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
