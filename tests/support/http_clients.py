"""Other HTTP clients, whose reading of a reply is compared with ours: h11, aiohttp, curl."""

import asyncio
import re
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

import aiohttp
import httpx
import pycurl

from connector.systems.http.transport import whole
from tests.support.peer import DEADLINE, transport_to

_FRAMING = (b"content-length", b"transfer-encoding")  # h11 rewrites them
_BLANKS = re.compile(rb"[ \t\v\f]+")


class Reading(NamedTuple):
    """What a client read: the status, the headers without those of the framing, the body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Readings(NamedTuple):
    """The readings of one reply; None if the client refused it. `refusal` is our error."""

    others: dict[str, Reading | None]
    ours: Reading | None
    refusal: str

    def agreed(self, packed: bytes | None = None) -> Reading | None:
        """The reading that two of the others share; bodies that are still packed do not count."""
        read = [each for each in self.others.values() if each and each.body != packed]
        return next((each for each in read if read.count(each) > 1), None)


class Lab:
    """A server that answers with given bytes, and the clients that ask it; used in a `with`.

    It runs its own event loop, so that a test with many examples needs no other.
    """

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self.problems: list[str] = []  # what the event loop had to report
        self._stack = AsyncExitStack()
        self._runner.run(self._open())
        return self

    def __exit__(self, *exc: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def read(self, raw: bytes) -> Readings:
        """Give these bytes to all clients."""
        return self._runner.run(self._all(raw))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the event loop of the lab."""
        self._runner.run(work)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.problems.append(str(context)))
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=100)
        self._stack.push_async_callback(server.wait_closed)
        self._stack.callback(server.close)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        once = httpx.Limits(max_keepalive_connections=0)
        self._h11 = httpx.AsyncHTTPTransport(limits=once)
        self._aiohttp = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(DEADLINE),
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._curl = pycurl.Curl()
        self._stack.push_async_callback(self._h11.aclose)
        self._stack.push_async_callback(self._aiohttp.close)
        self._stack.callback(self._curl.close)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.raw)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    async def _all(self, raw: bytes) -> Readings:
        self.raw = raw
        h11, aio, curl, ours = await asyncio.gather(
            _or_error(self._by_h11()),
            _or_error(self._by_aiohttp()),
            _or_error(asyncio.to_thread(self._by_curl)),
            _or_error(self._by_us()),
        )
        others = {"h11": h11, "aiohttp": aio, "curl": curl}
        readings = {
            name: read if isinstance(read, Reading) else None for name, read in others.items()
        }
        if isinstance(ours, Reading):
            return Readings(readings, ours, "")
        assert isinstance(ours, httpx.RequestError), ours
        return Readings(readings, None, str(ours))

    async def _by_h11(self) -> Reading:
        async with asyncio.timeout(DEADLINE):
            response = await self._h11.handle_async_request(httpx.Request("GET", self.url))
            body = await response.aread()
        return _reading(response.status_code, response.headers.raw, body)

    async def _by_aiohttp(self) -> Reading:
        async with self._aiohttp.get(self.url) as response:
            return _reading(response.status, list(response.raw_headers), await response.read())

    def _by_curl(self) -> Reading:
        curl, lines, body = self._curl, list[bytes](), list[bytes]()
        curl.reset()
        for option, value in (
            (pycurl.URL, self.url),
            (pycurl.NOPROXY, "*"),
            (pycurl.ACCEPT_ENCODING, ""),  # unpack
            (pycurl.FORBID_REUSE, True),
            (pycurl.NOSIGNAL, True),
            (pycurl.TIMEOUT, int(DEADLINE)),
            (pycurl.HEADERFUNCTION, lines.append),
            (pycurl.WRITEFUNCTION, body.append),
        ):
            curl.setopt(option, value)
        curl.perform()
        return _reading(curl.getinfo(pycurl.RESPONSE_CODE), _of_lines(lines), b"".join(body))

    async def _by_us(self) -> Reading:
        request = httpx.Request("GET", self.url, stream=httpx.ByteStream(b""))
        async with transport_to(self.url) as transport, asyncio.timeout(DEADLINE):
            response = await transport.handle_async_request(request)
        return _reading(response.status_code, response.headers.raw, whole(response.stream))


async def _or_error(read: Coroutine[Any, Any, Reading]) -> Reading | Exception:
    try:
        return await read
    except Exception as error:
        return error


def _of_lines(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers of the final reply; curl gives the lines of all heads, and then the trailers."""
    head = list[bytes]()
    whole_head = False
    for line in lines:
        if line.startswith(b"HTTP/"):
            head, whole_head = [], False
        elif not line.strip(b"\r\n"):
            whole_head = True
        elif not whole_head:
            head.append(line)
    parts = (line.partition(b":") for line in head)
    return [(name, value) for name, _, value in parts]


def _reading(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Reading:
    """Make readings comparable: clients differ in blanks that mean nothing."""
    plain = [
        (name.strip().lower(), _BLANKS.sub(b" ", value.strip(b"\r\n")).strip(b" "))
        for name, value in headers
    ]
    return Reading(status, [pair for pair in plain if pair[0] not in _FRAMING], body)
