"""The secrets of the function: read at the start, cached, and read again later.

They are read again in the background, and at once when a token or a credential is refused. A
`Source` reads them from where they are kept, and `Secrets` is the cache. After the start, a secret
keeps its last good value if it cannot be read, is empty, or has a new value that cannot be used.

Blanks and line breaks around a secret are removed: files often end in one, and no HTTP header can
carry them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from logging import INFO, WARNING
from pathlib import Path
from typing import Protocol, Self

from connector import log

_KEPT = "a secret cannot be read or used: its last good value stays in use"
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
        path = self._directory / name
        try:
            if path.exists() and not path.is_file():  # reading a pipe would stop the function
                raise SecretsUnreachable(f"{name} in {self._directory} is not a file")
            value = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            if not self._directory.is_dir():
                raise SecretsUnreachable(f"there is no directory {self._directory}") from None
            return ()
        except UnicodeDecodeError:  # no `from`: the error holds the value
            raise SecretsUnreachable(f"file {name} is not UTF-8 text: save it as UTF-8") from None
        except OSError as error:
            told = f"file {name} in {self._directory} cannot be read: {error.strerror}"
            raise SecretsUnreachable(told) from error
        return (value,) if value else ()

    async def close(self) -> None:
        """See `Source`."""


Problem = Callable[[str, tuple[str, ...]], str | None]
"""Says why the new values of the secret of this name cannot be used; None if they can."""


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
        self._problem: Problem = lambda name, values: None
        self._refused: dict[str, tuple[object, ...]] = {}  # by name: what was read in vain, why
        self._provoked = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    def all(self, name: str) -> tuple[str, ...]:
        """The cached values of a secret, newest first; empty if it has none."""
        return self._values.get(name, ())

    def get(self, name: str) -> str | None:
        """The newest cached value of a secret, or None."""
        return next(iter(self.all(name)), None)

    def check_with(self, problem: Problem) -> None:
        """From now on, new values that have a problem do not replace the old ones."""
        self._problem = problem

    def trial(self, name: str, values: tuple[str, ...]) -> "Secrets":
        """A copy of the cache in which one secret has other values; it never reads."""
        copy = Secrets(self._open_source, self._names)
        copy._values = self._values | {name: values}
        return copy

    async def load(self) -> None:
        """Read all secrets from the source; a cached secret never becomes worse.

        Raises:
            SecretsUnreachable: a secret cannot be read now and has no cached value.
        """
        source = self._source = self._source or self._open_source()
        found = await asyncio.gather(*(_read(source, name) for name in self._names))
        values = {
            name: self._better(name, read) for name, read in zip(self._names, found, strict=True)
        }
        if values != self._values:
            self._values = values
            self.generation += 1

    async def renewed(self, since: int) -> bool:
        """Whether there are newer secrets than those of the generation `since`.

        If the cache has none, it reads them, but at most every 30 seconds. The HTTP door calls this
        when it does not know a token, and a system when its credentials are refused. The reading
        goes on if the caller no longer waits for it.
        """
        await self._read()  # to its end, if one is under way
        if self.generation == since and self._clock() - self._provoked >= _AT_MOST_EVERY:
            self._provoked = self._clock()
            self._begin()
        await self._read()
        return self.generation != since

    async def __aenter__(self) -> Self:
        """Read all secrets, and begin to read them again in the background.

        Raises:
            SecretsUnreachable: a secret cannot be read and has no cached value.
        """
        await self.load()
        self._background = asyncio.create_task(self._read_on()) if self._every else None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop the reading in the background, and close the source."""
        for task in (self._background, self._reading):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._source:
            await self._source.close()

    async def _read_on(self) -> None:
        while self._every:
            await asyncio.sleep(self._every)
            self._begin()
            await self._read()

    def _begin(self) -> None:
        """Begin to read the secrets again, unless a reading is under way."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._load_again())

    async def _read(self) -> None:
        """Wait for the end of the reading that is under way, if there is one."""
        if self._reading and not self._reading.done():
            await asyncio.shield(self._reading)

    async def _load_again(self) -> None:
        before = self.generation
        try:
            await self.load()
        except SecretsUnreachable as error:  # of a secret that has no cached value
            log.write(WARNING, "a secret cannot be read", cause=str(error))
        if self.generation != before:
            log.write(INFO, "secrets changed")

    def _better(self, name: str, read: tuple[str, ...] | SecretsUnreachable) -> tuple[str, ...]:
        """The values that were read; or the cached ones, with a warning, if those cannot be used.

        Raises:
            SecretsUnreachable: it was not read, and nothing is cached.
        """
        cached = self._values.get(name)
        if isinstance(read, SecretsUnreachable):
            if cached is None:
                raise read
            problem: str | None = str(read)
        elif cached and not read:
            problem = f"{name} is missing or empty"
        else:
            problem = self._problem(name, read) if cached and read != cached else None
        if problem is None:
            self._refused.pop(name, None)
            return read if isinstance(read, tuple) else ()
        refused = (problem, None if isinstance(read, SecretsUnreachable) else read)
        if self._refused.get(name) != refused:  # once for each change
            self._refused[name] = refused
            log.write(WARNING, _KEPT, secret=name, cause=problem)
        return cached or ()


async def _read(source: Source, name: str) -> tuple[str, ...] | SecretsUnreachable:
    """The values of a secret; or the error, so that one secret does not keep back the others."""
    try:
        return await source.read(name)
    except SecretsUnreachable as error:
        return error
