"""Posts events to a connector as NSPS does, several at once, and counts the answers."""

import asyncio
import ipaddress
import math
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from connector_tools.events_file import Item

_REPLY_SECONDS = 75  # longer than the function's own timeout (60 s): its answer always comes first
_CONNECT_SECONDS = 5
_IDLE_SECONDS = 2  # shorter than a server's keep-alive, so that no reused connection is closed


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post, and the bearer token to send."""

    url: httpx.URL
    token: str = field(repr=False)

    @property
    def local(self) -> bool:
        """Whether it is on this machine; then no proxy is used."""
        try:
            address = ipaddress.ip_address(self.url.host)
        except ValueError:
            return self.url.host == "localhost" or self.url.host.endswith(".localhost")
        return address.is_loopback or address.is_unspecified


@dataclass(frozen=True, slots=True)
class SendResult:
    """The answer to an item.

    `status` is None if there was no answer, `took` is in seconds. Results with the same `status`
    and `message` are counted together; `text` is the whole answer for people.
    """

    item: Item
    status: int | None
    message: str
    text: str
    took: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the connector accepted the event (2xx)."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the summary; `p50` and `p99` are in seconds, None if there was no answer."""

    status: int | None
    message: str
    count: int
    p50: float | None
    p99: float | None


class Named(NamedTuple):
    """An event of the input by its place and its event_id, which can be empty."""

    place: str
    event_id: str


class Group(NamedTuple):
    """Events that were not accepted, with the same answer: its status and its whole text."""

    status: int | None
    text: str
    items: list[Named]


class Tally:
    """Counts results by status and message, and keeps which events were not accepted."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused = 0
        self._counts: dict[tuple[int | None, str], int] = {}
        self._seconds: dict[tuple[int | None, str], array[float]] = {}
        self._failures: dict[tuple[int | None, str], list[Named]] = {}

    def add(self, sent: SendResult) -> bool:
        """Count one more result; whether it is the first failure with its answer."""
        group = (sent.status, sent.message)
        self._counts[group] = self._counts.get(group, 0) + 1
        if sent.took is not None:
            self._seconds.setdefault(group, array("d")).append(sent.took)
        if sent.accepted:
            self.accepted += 1
            return False
        self.refused += 1
        alike = self._failures.setdefault((sent.status, sent.text), [])
        alike.append(Named(sent.item.place, sent.item.event_id))
        return len(alike) == 1

    def groups(self) -> list[Group]:
        """The events that were not accepted, by answer; the largest group comes first."""
        found = [Group(*answer, items) for answer, items in self._failures.items()]
        return sorted(found, key=lambda group: -len(group.items))

    def rows(self) -> list[Row]:
        """One row for each status and message, by status; rows without an answer come last."""
        groups = sorted(self._counts, key=lambda group: (group[0] or 1000, group[1]))
        return [self._row(group) for group in groups]

    def _row(self, group: tuple[int | None, str]) -> Row:
        seconds = sorted(self._seconds.get(group, ()))
        return Row(*group, self._counts[group], quantile(seconds, 0.5), quantile(seconds, 0.99))


class Unreachable(Exception):  # noqa: N818 - says what happened
    """No connection could be made to post `item`; `others` were under way and were not sent."""

    def __init__(self, item: Item, error: httpx.TransportError) -> None:
        self.item = item
        self.others: list[Item] = []
        super().__init__(str(error) or type(error).__name__)


def target(url: str, token: str, name: str = "--url") -> Target:
    """Check a URL and a token that a user gave.

    Args:
        url: The connector's URL.
        token: Its bearer token; of several, comma-separated, the first is used.
        name: The option or argument that holds the URL, for the error's text.

    Raises:
        ValueError: One cannot be used. The text says what to give, and does not hold the token.
    """
    first = token.partition(",")[0].strip()
    if not first:
        raise ValueError("no token: set API_TOKEN or give --token")
    if not first.isascii() or not first.isprintable() or " " in first:
        raise ValueError("the token must be printable ASCII without spaces")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError(f"{name} is no URL: give one such as http://host/process-event") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise ValueError(f"{name} must be http(s)://host/path, without a user")
    return Target(parsed, first)


async def send(
    to: Target, found: Iterator[Item], concurrency: int, report: Callable[[SendResult], None]
) -> None:
    """Post items, at most `concurrency` at once, and call `report` with each result.

    Raises:
        Unreachable: No connection could be made. Items in flight are reported first.
    """
    reading = asyncio.Lock()
    unreachable: list[Unreachable] = []

    async def work(client: httpx.AsyncClient) -> None:
        while not unreachable:
            async with reading:  # in a thread, because standard input may be slow
                item = await asyncio.to_thread(next, found, None)
            if item is None:
                return
            try:
                report(await _post(client, to, item))
            except Unreachable as error:
                unreachable.append(error)

    async with _client(to, concurrency) as client:
        await asyncio.gather(*(work(client) for _ in range(concurrency)))
    if unreachable:
        first, *rest = unreachable
        first.others = [error.item for error in rest]
        raise first


def _client(to: Target, concurrency: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={
            "Authorization": f"Bearer {to.token}",
            "Content-Type": "application/json",
            "User-Agent": "nsps-connector-send",
        },
        limits=httpx.Limits(max_connections=concurrency, keepalive_expiry=_IDLE_SECONDS),
        timeout=httpx.Timeout(_REPLY_SECONDS, connect=_CONNECT_SECONDS),
        trust_env=not to.local,
    )


async def _post(client: httpx.AsyncClient, to: Target, item: Item) -> SendResult:
    if item.problem:
        return SendResult(item, None, item.problem.partition(":")[0], item.problem)
    started = time.perf_counter()
    try:
        response = await client.post(to.url, content=item.body)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(item, error) from error
    except httpx.HTTPError as error:
        return SendResult(item, None, "no answer", f"no answer: {type(error).__name__}")
    took = time.perf_counter() - started
    message, text = judge(response)
    return SendResult(item, response.status_code, message, text.replace(to.token, "***"), took)


def judge(response: httpx.Response) -> tuple[str, str]:
    """The `message` and the `text` of a `SendResult` for an answer, whatever server sent it."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        other = f"not a connector's answer ({response.reason_phrase})"
        return other, other
    message, error = body["message"], body.get("error")
    parts = [message] if error in (None, message) else [message, str(error)]
    details = body.get("details")
    for item in details if isinstance(details, list) else ():
        parts.append(f"{item.get('field')} {item.get('rule')}" if isinstance(item, dict) else "")
    return message, ": ".join(parts[:2]) + "".join(f"; {part}" for part in parts[2:])


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The quantile of sorted values: `share` 0.5 gives the median. None if there are no values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
