"""The connector's client, httpx and curl, which ask one real server for the same."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, Self

import httpx
import pycurl

from connector.system import Reply
from connector.systems.http.call import HttpCall
from tests.support.calls import client, send
from tests.support.real_servers.cases import Case

_SECONDS = 10
_UNLIKE = {"date", "content-length", "transfer-encoding"}  # h11 rewrites those of the framing
PORT = Case("/port")
"""Its reply names the client's port in `X-Port`, and so the connection."""


class Reading(NamedTuple):
    """What a client read: headers without those in which two replies differ."""

    status: int
    headers: dict[str, str]
    body: bytes


class Readings(NamedTuple):
    """What came of a case. `others` are httpx and curl; None is a reply that was refused.

    `kept` and `curl_kept` are true if the next request went over the same connection.
    """

    ours: Reply
    kept: bool
    others: tuple[Reading | None, Reading | None]
    curl_kept: bool

    @property
    def our_headers(self) -> dict[str, str]:
        return _alike(self.ours.seen["headers"])


class Clients:
    """The clients; `authority` is the file that httpx and curl trust."""

    def __init__(self, url: str, authority: Path) -> None:
        self.url = url
        self._authority = str(authority)

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        breaker = {"after": 10_000}  # many replies are failures here
        ours = client(self.url, reply="any", breaker=breaker)
        self._ours = await self._stack.enter_async_context(ours)
        trust = ssl.create_default_context(cafile=self._authority)
        self._httpx = httpx.AsyncHTTPTransport(verify=trust)
        self._stack.push_async_callback(self._httpx.aclose)
        self._curl = pycurl.Curl()
        self._stack.callback(self._curl.close)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def read(self, case: Case) -> Readings:
        """Ask for a case with all clients, and find out whether they keep the connection."""
        before = await self._our_port()
        ours, by_httpx, by_curl = await asyncio.gather(
            self.send(case), self._by_httpx(case), asyncio.to_thread(self._by_curl, case)
        )
        kept = before == await self._our_port()
        return Readings(ours, kept, (by_httpx, by_curl), await self._curl_kept())

    async def send(self, case: Case) -> Reply:
        """Send a case with our client."""
        call = HttpCall(
            "c", case.method, case.path, path=case.path, headers=case.headers, body=case.body
        )
        return await send(self._ours, call, _SECONDS)

    async def _our_port(self) -> str:
        reply = await self.send(PORT)
        return str(reply.seen["headers"]["x-port"])

    async def _by_httpx(self, case: Case) -> Reading | None:
        length = {"Content-Length": str(len(case.body))} if case.body else {}
        headers = {"Host": httpx.URL(self.url).netloc.decode(), **case.headers, **length}
        stream = httpx.ByteStream(case.body)
        request = httpx.Request(case.method, self.url + case.path, headers=headers, stream=stream)
        try:
            async with asyncio.timeout(_SECONDS):
                response = await self._httpx.handle_async_request(request)
                body = await response.aread()
        except httpx.RequestError:
            return None
        return Reading(response.status_code, _alike(response.headers), body)

    def _by_curl(self, case: Case) -> Reading | None:
        lines, body = list[bytes](), list[bytes]()
        self._curl.reset()
        for option, value in (
            (pycurl.URL, self.url + case.path),
            (pycurl.CUSTOMREQUEST, case.method),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.NOPROXY, "*"),
            (pycurl.CAINFO, self._authority),
            (pycurl.HTTPHEADER, [f"{k}: {v}" for k, v in (case.headers | {"Expect": ""}).items()]),
            (pycurl.HTTP_CONTENT_DECODING, True),
            (pycurl.ACCEPT_ENCODING, case.headers["Accept-Encoding"]),
            (pycurl.NOSIGNAL, True),
            (pycurl.TIMEOUT, _SECONDS),
            (pycurl.HEADERFUNCTION, lines.append),
            (pycurl.WRITEFUNCTION, body.append),
        ):
            self._curl.setopt(option, value)
        if case.body:
            self._curl.setopt(pycurl.POSTFIELDS, case.body)
        try:
            self._curl.perform()
        except pycurl.error:
            return None
        status = self._curl.getinfo(pycurl.RESPONSE_CODE)
        return Reading(status, _alike(httpx.Headers(_final(lines))), b"".join(body))

    async def _curl_kept(self) -> bool:
        await asyncio.to_thread(self._by_curl, PORT)
        return int(self._curl.getinfo(pycurl.NUM_CONNECTS)) == 0


def _final(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers of the final reply, without those of interim replies and without trailers."""
    heads = b"".join(lines).replace(b"\r\n", b"\n").split(b"\n\n")
    head = next(head for head in heads if head.split(b" ", 2)[1] >= b"200")
    parts = (line.partition(b":") for line in head.split(b"\n")[1:])
    return [(name, value.strip()) for name, _, value in parts]


def _alike(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _UNLIKE}
