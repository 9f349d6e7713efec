"""Opens TCP connections, with TLS or without, for the clients of all protocols.

The addresses of a name are tried side by side (RFC 8305): if the first one is silent, the others
are not lost. uvloop cannot do this itself. Nothing about a name is remembered.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from connector.systems.causes import cause_of, is_refusal

CONNECT_SHARE = 0.9
"""The largest share of an attempt's time for connecting. So connecting ends before the attempt, and
it is known that nothing was sent."""
_STEP = 0.25  # seconds before the next address is tried, too (RFC 8305, 5)

P = TypeVar("P", bound=asyncio.Protocol)
Address = tuple[int, int, int, str, Any]
"""An entry of the result of `getaddrinfo`."""


class NoConnection(Exception):  # noqa: N818 - a failure of the network, not a bug
    """There is no connection, so nothing was sent; the text is the cause in words.

    `refused` is true if the other side refused our certificate, or wants one.
    """

    def __init__(self, cause: str, *, in_time: bool, refused: bool = False) -> None:
        super().__init__(cause)
        self.in_time = in_time
        self.refused = refused


async def connect(
    make: Callable[[], P],
    place: tuple[str, int],
    within: float,
    tls: ssl.SSLContext | None = None,
) -> tuple[P, asyncio.Transport]:
    """Connect to `place`, a name or an address with a port, in `within` seconds.

    Returns the protocol, which `make` made, and the transport of TCP: with TLS, the protocol's own
    transport lies above it.

    Raises:
        NoConnection: the name has no address, no address answers, or the certificate or the rest
            of the TLS handshake is not acceptable.
    """
    step = "address of the name"
    try:
        async with asyncio.timeout(within):
            addresses = await _addresses(*place)
            step = "connection"
            if tls is None:
                return await _opened(make, addresses, within)
            early, plain = await _opened(_Early, addresses, within)
            step = "TLS handshake"
            return await _secured(make(), early, plain, tls, place[0])
    except (OSError, UnicodeError) as error:
        if isinstance(error, TimeoutError) and error.errno is None:
            raise NoConnection(f"no {step} within {within:g} s", in_time=False) from None
        refused = is_refusal(error)
        raise NoConnection(_cause(error, step), in_time=True, refused=refused) from None


async def open_streams(
    place: tuple[str, int], within: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Like `connect` without TLS, for clients that read and write streams."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    made, transport = await connect(lambda: asyncio.StreamReaderProtocol(reader), place, within)
    return reader, asyncio.StreamWriter(transport, made, reader, loop)


def _cause(error: OSError | UnicodeError, step: str) -> str:
    if step == "TLS handshake" and not isinstance(error, ssl.SSLError):
        return f"TLS handshake failed: {cause_of(error)}"
    return cause_of(error)


async def _addresses(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host; one that is an address itself needs no name server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]


async def _opened(
    make: Callable[[], P], addresses: Sequence[Address], within: float
) -> tuple[P, asyncio.Transport]:
    """A connection to the one address, or to the first of several that answers.

    The last address is tried after half of the time at the latest.
    """
    create = asyncio.get_running_loop().create_connection
    if len(addresses) == 1:
        family, _, _, _, (host, port, *_) = addresses[0]
        transport, protocol = await create(make, host, port, family=family)
        return protocol, transport
    from aiohappyeyeballs import start_connection  # noqa: PLC0415 - 3 ms, rarely needed

    step = min(_STEP, within / 2 / len(addresses))
    sock = await start_connection(addresses, happy_eyeballs_delay=step)
    transport, protocol = await create(make, sock=sock)
    return protocol, transport


class _Early(asyncio.Protocol):
    """Stands in front of TLS; notes bytes that a system sends before the handshake."""

    spoke = False

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self.spoke = True


async def _secured(
    protocol: P, early: _Early, plain: asyncio.Transport, tls: ssl.SSLContext, host: str
) -> tuple[P, asyncio.Transport]:
    """The protocol over TLS, and the transport of TCP below.

    TLS is started in a second step, because only so is the transport below known. It holds bytes
    that were written and not sent yet, which the transport of TLS does not count.
    """
    try:
        if early.spoke:
            raise NoConnection("TLS handshake failed: the port does not speak TLS", in_time=True)
        if plain.is_closing():
            raise ConnectionResetError
        start_tls = asyncio.get_running_loop().start_tls
        above = await start_tls(plain, protocol, tls, server_hostname=host)
        if above is None:
            raise ConnectionResetError
        protocol.connection_made(above)
    except BaseException:
        plain.abort()
        raise
    return protocol, plain
