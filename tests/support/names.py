"""Event loops that know the addresses of names, and addresses that never answer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

Place = tuple[str, int]
Lookup = Callable[[str, int], Awaitable[list[Place]]]


def loop_with(lookup: Lookup, base: type[asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    """A loop of this kind whose name server is `lookup`; all else is real."""

    async def getaddrinfo(loop: Any, host: str, port: int, **more: Any) -> Any:
        if ":" in host or host[0].isdigit():
            return await base.getaddrinfo(loop, host, port, **more)
        found = await lookup(host, port)
        return [
            (
                socket.AF_INET6 if ":" in place[0] else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (*place, 0, 0) if ":" in place[0] else place,
            )
            for place in found
        ]

    loop: asyncio.AbstractEventLoop = type("NamedLoop", (base,), {"getaddrinfo": getaddrinfo})()
    return loop


KINDS = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.Loop}


@contextmanager
def silence() -> Iterator[Place]:
    """An address that never answers: its queue is full, so Linux drops what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        callers = [socket.socket() for _ in range(4)]
        try:
            for caller in callers:
                caller.setblocking(False)
                caller.connect_ex(place)
            yield place
        finally:
            for caller in callers:
                caller.close()
