"""The scripted external system of a test inside a mapping file, the same for every protocol.

`Script` is what the scripted client of a protocol asks for replies. Replies are given in the order
of the calls (`InOrder`), or by request (`ByRequest`).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from connector.call import Call
from connector.mapping.entry import Entry

Fault = Literal["timeout", "refused", "reset"]
"""What happens in place of a reply: none in time, no connection, or a connection that breaks."""


class Different(NamedTuple):
    """A part of a request whose value is another than a test expects; values are those of JSON."""

    part: str
    found: Any
    expected: Any


class ExpectedCall(Entry):
    """A call that a test expects; keys that are left out are not compared."""

    subject: str | None = None
    releases: bool | None = None

    @property
    @abstractmethod
    def names_method(self) -> bool:
        """True if the entry says which request it expects."""

    def compares(self, call: Call) -> Mapping[str, bool]:
        """The parts that a call of this protocol has, and for each whether this entry compares it.

        The names are those of the keys, such as `json`. `connector test` wants each part of each
        call compared by a test.
        """
        return {}


class SentRequest(ABC):
    """A request that a scripted system received in a test of a mapping file."""

    name: str
    """A short name of the request, e.g. `GET /cards`."""
    wild = r"\S*"
    """The pattern of the text that a `*` under `system` of a test stands for."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The texts that a key under `system` of a test may match; one of them must."""
        return (self.name,)

    @abstractmethod
    def differences(self, expected: Any) -> Iterator[str | Different]:
        """Yield each difference from `expected`, an entry of `tests.calls`."""


class Replies(Protocol):
    """Scripted replies of a test."""

    def next_call(self) -> None:
        """Note that a call begins; its requests follow."""

    def reply_to(self, request: SentRequest) -> Entry | None:
        """The reply to a request; None if there is none for it."""

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each reply that nothing fetched, or that is missing."""


class InOrder(Replies):
    """The reply to each call, in order. All attempts of a call get the same reply."""

    def __init__(self, replies: tuple[Entry, ...]) -> None:
        self._replies = replies
        self._calls = 0
        self._fetched = 0

    def next_call(self) -> None:
        """See `Replies`."""
        self._calls += 1

    def reply_to(self, request: SentRequest) -> Entry | None:
        """See `Replies`."""
        self._fetched = self._calls
        return self._replies[self._calls - 1] if self._calls <= len(self._replies) else None

    def problems(self) -> Iterator[str]:
        """See `Replies`."""
        for number in range(self._fetched + 1, len(self._replies) + 1):
            yield f"no call fetched reply {number} of `replies`: remove it, or correct the order"


class ByRequest(Replies):
    """Replies by request: the first key that fits the request has its reply.

    The replies of a list answer one request after the other, also the attempts of one call.
    """

    def __init__(self, system: Mapping[str, Entry | tuple[Entry, ...]]) -> None:
        self._system = system
        self._fetched = dict.fromkeys(system, 0)

    def next_call(self) -> None:
        """See `Replies`."""

    def reply_to(self, request: SentRequest) -> Entry | None:
        """See `Replies`. The last reply of a list also answers the requests that are too many."""
        key = next((key for key in self._system if fits(key, request)), None)
        if key is None:
            return None
        self._fetched[key] += 1
        replies = self._system[key]
        if not isinstance(replies, tuple):
            return replies
        return replies[min(self._fetched[key], len(replies)) - 1]

    def problems(self) -> Iterator[str]:
        """See `Replies`."""
        for key, replies in self._system.items():
            fetched, given = self._fetched[key], len(replies) if isinstance(replies, tuple) else 0
            if not fetched:
                yield f"no request fits `{key}` of `system`: correct or remove it"
            elif fetched < given:
                yield f"no request fetched reply {fetched + 1} of `{key}`: remove it"
            elif 0 < given < fetched:
                yield f"{fetched} requests fit `{key}`, which has {given} replies: add the others"


class Script:
    """The replies of a scripted system, and the requests that it received.

    `sent` has the first request of each call, because a call can take several attempts; None if the
    call was not sent.
    """

    def __init__(self, otherwise: Entry) -> None:
        """`otherwise` answers what no reply is scripted for."""
        self.sent: list[SentRequest | None] = []
        self._otherwise = otherwise
        self._sources: tuple[Replies, ...] = ()
        self._unknown: list[str] = []

    def begin(self, *sources: Replies) -> None:
        """Begin an event; `sources` are asked for a reply to each request, in their order."""
        self.sent = []
        self._sources = sources
        self._unknown = []

    def next_call(self) -> None:
        """Begin a call: the requests from now on belong to it."""
        for source in self._sources:
            source.next_call()
        self.sent.append(None)

    def reply_to(self, request: SentRequest) -> Any:
        """The reply to a request of the current call."""
        self.sent[-1] = self.sent[-1] or request
        for source in self._sources:
            if (reply := source.reply_to(request)) is not None:
                return reply
        if any(isinstance(source, ByRequest) for source in self._sources):
            self._unknown.append(request.lines[-1])
        return self._otherwise

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each request that no reply by request fits."""
        for line in dict.fromkeys(self._unknown):
            yield f"no entry of `system` fits {line}: add one with its reply"


def fits(key: str, request: SentRequest) -> bool:
    """Whether a request fits a key under `system` of a test."""
    pattern = request.wild.join(map(re.escape, key.split("*")))
    return any(re.fullmatch(pattern, line) for line in request.lines)
