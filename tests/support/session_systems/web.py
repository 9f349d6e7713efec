"""The web server under the systems with sessions."""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

from connector_tools.counterparts.stand_in.records import Records
from connector_tools.counterparts.stand_in.sessions import Sessions
from tests.support.peer import Arrived, Peer


@dataclass(frozen=True)
class Asked:
    """A request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body as JSON; an empty object if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


@dataclass(frozen=True)
class Answer:
    """A reply."""

    status: int
    body: bytes = b""
    kind: str = "text/plain"
    headers: Sequence[tuple[str, str]] = ()

    @property
    def wire(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"Content-Type: {self.kind}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def document(status: int, body: Any, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    return Answer(status, json.dumps(body).encode(), "application/json", headers)


class WebSystem(ABC):
    """A system that serves while it is entered.

    `requests` are all requests in their order. `before` is awaited before a request is looked at;
    a test can end the sessions there, or hold requests until many have arrived.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.requests: list[Asked] = []
        self.before: Callable[[Asked], Awaitable[None]] | None = None
        self._peer = Peer(self._serve)

    @property
    def url(self) -> str:
        return self._peer.url

    @abstractmethod
    async def answer(self, asked: Asked) -> Answer:
        """Carry out a request, or refuse it."""

    async def __aenter__(self) -> Self:
        await self._peer.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._peer.__aexit__(*exc)

    async def _serve(self, arrived: Arrived) -> None:
        method, target, _ = arrived.head.decode().split(" ", 2)
        asked = Asked(method, urlsplit(target).path, dict(arrived.headers), arrived.body)
        self.requests.append(asked)
        if self.before:
            await self.before(asked)
        await arrived.reply((await self.answer(asked)).wire)


class SessionSystem(WebSystem):
    """A system that wants a login first."""

    def __init__(self, sessions: Sessions | None, records: Records) -> None:
        super().__init__(records)
        self.sessions = sessions or Sessions()

    @property
    def secrets(self) -> list[str]:
        """Texts that must never stand in a log: the password and the names of all sessions."""
        return [self.sessions.password, *self.sessions.all_names]

    def end_sessions(self) -> None:
        """End all sessions now."""
        self.sessions.end_all()
