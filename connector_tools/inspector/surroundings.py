"""What stands around the function: the external system, and the environment that names it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import httpx

from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.setting import Setting
from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.inspector.scripted import settings_of_tests
from connector_tools.mapping_tests.values import made_up
from connector_tools.simulation.faulty_wire import FaultyWire

_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_HANG = 5.0  # seconds; no fault of the wire is used, only its cut


class Surroundings:
    """A counterpart behind a wire that can be cut; a scripted system; or the real system.

    `counterpart` is None for the last two. `real` says that the settings come from the environment
    alone.
    """

    def __init__(self, counterpart: Counterpart | None, *, real: bool) -> None:
        self.counterpart = counterpart
        self.real = real
        self._wire = counterpart and FaultyWire(counterpart.place, Random(0), _HANG)  # noqa: S311
        self._stack = ExitStack()

    @property
    def scripted(self) -> bool:
        """Whether the replies are those of the file's tests."""
        return self.counterpart is None and not self.real

    @property
    def what(self) -> str:
        """What the system is, for people."""
        if self.counterpart:
            return self.counterpart.what
        return "the system of the environment" if self.real else "replies of the file's tests"

    async def __aenter__(self) -> "Surroundings":
        """Put the wire before the counterpart, which runs already."""
        if self._wire:
            await self._wire.__aenter__()
        if self.counterpart and self._wire:
            given = self.counterpart.variables(*self._wire.place)
            self._stack.enter_context(_process_environment(given))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Take the wire away."""
        self._stack.close()
        if self._wire:
            await self._wire.__aexit__(*exc)

    def environ(self, file: Path, mapping: MappingFile | None, token: str) -> dict[str, str]:
        """The environment of the function, with the variables of the file's settings.

        `mapping` is None if the file has errors; then the start says so.
        """
        settings = mapping.settings if mapping else {}
        found = dict(_given(settings))
        if self.counterpart and self._wire:
            found |= self.counterpart.variables(*self._wire.place)
        elif self.scripted and mapping:
            found = dict(_made_up(mapping)) | found
        budget = {name: os.environ[name] for name in ("EVENT_BUDGET",) if name in os.environ}
        return {**found, **budget, "API_TOKEN": token, "MAPPING_FILE": str(file)}

    def sent_to(self, request: Preview) -> str:
        """Host and port that a request was sent to."""
        if self.counterpart:
            return ":".join(map(str, self.counterpart.place))
        with suppress(IndexError, httpx.InvalidURL):
            url = httpx.URL(request.line.split(" ", 1)[1])
            if url.host:
                return url.netloc.decode()
        return self.what

    def holds(self) -> Mapping[str, Record]:
        """What the counterpart holds; it blocks, so call it in a thread.

        Raises:
            OSError, RuntimeError: the counterpart does not say.
        """
        return self.counterpart.holds() if self.counterpart else {}

    async def begin_outage(self) -> None:
        """Cut the system off: every connection is closed."""
        if self._wire:
            await self._wire.cut(True)

    async def end_outage(self) -> None:
        """Let the system be reached again."""
        if self._wire:
            await self._wire.cut(False)


@contextmanager
def _process_environment(given: Mapping[str, str]) -> Iterator[None]:
    """Let libraries of this process reach a counterpart on this machine, and trust it.

    They read the authorities and the proxy of the environment themselves.
    """
    before = {name: value for name, value in os.environ.items() if _is_of_libraries(name)}
    for name in before:
        del os.environ[name]
    added = {name: value for name, value in given.items() if name in _AUTHORITIES}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        os.environ.update(before)


def _is_of_libraries(name: str) -> bool:
    return name in _AUTHORITIES or name.lower().endswith("_proxy")


def _given(settings: Mapping[str, Setting]) -> Iterator[tuple[str, str]]:
    """Yield the variables of the file's settings that this environment has."""
    for one in settings.values():
        if value := os.environ.get(one.variable, "").strip():
            yield one.variable, value


def _made_up(mapping: MappingFile) -> Iterator[tuple[str, str]]:
    """Yield a value for each setting that the file needs: that of its tests, or a made-up one."""
    known = settings_of_tests(mapping)
    for name, one in mapping.settings.items():
        value = known.get(name) if one.default is None else None
        value = value or made_up(name, one)
        if value is not None:
            yield one.variable, value
