"""One connection to a mail server, by the library aiosmtplib.

The library has no word for what the connector must know: whether the end of the mail was sent. So
the connection sends DATA itself, in steps.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from connector.system import End
from connector.systems.causes import cause_of
from connector.systems.connect import connect
from connector.systems.guard import Progress
from connector.systems.smtp.call import MailCall
from connector.systems.smtp.outcomes import Answer, Stage
from connector.systems.smtp.server import Login, Lost, NotOffered, Refused, Server

_DOT = re.compile(rb"(?m)^\.")
_PAUSE = 0.005  # seconds


async def open_connection(server: Server) -> "MailConnection":
    """Connect, encrypt and log in.

    Raises:
        NoConnection: see `connector.systems.connect.connect`.
        Refused, NotOffered, Lost: the server is there, but no mail can be sent.
    """
    client = aiosmtplib.SMTP(hostname=server.host, local_hostname=server.hello, timeout=None)
    protocol, tcp = await connect(
        lambda: SMTPProtocol(asyncio.get_running_loop()),
        (server.host, server.port),
        server.within,
        server.tls if server.at_once else None,
    )
    client.protocol, client.transport = protocol, protocol.transport
    opened = MailConnection(client, protocol, tcp)
    try:
        await opened.greet(server)
    except BaseException:
        opened.close()
        raise
    return opened


class MailConnection:
    """A connection for one mail at a time. After any failure it must be closed."""

    def __init__(
        self, client: aiosmtplib.SMTP, protocol: SMTPProtocol, tcp: asyncio.Transport
    ) -> None:
        self._client = client
        self._protocol = protocol
        self._tcp = tcp
        self._usable = True

    @property
    def reusable(self) -> bool:
        """True if another mail may be sent: no step failed, and the server is connected."""
        return self._usable and self._client.is_connected

    async def greet(self, server: Server) -> None:
        """Read the greeting, say EHLO, encrypt and log in; raises as `open_connection`."""
        async with self._step("connection"):
            greeting = await self._protocol.read_response()
            if greeting.code != 220:
                raise Refused(Answer("connection", greeting.code, greeting.message))
        await self._hello()
        if server.tls and not server.at_once:
            await self._encrypt(server.tls)
            await self._hello()
        if server.login:
            await self._log_in(server.login)

    async def deliver(
        self, sender: str, call: MailCall, content: bytes, progress: Progress
    ) -> Answer:
        """See `Connection`."""
        commands: tuple[tuple[Stage, bytes, int], ...] = (
            ("MAIL FROM", f"MAIL FROM:<{sender}>".encode(), 2),
            ("RCPT TO", f"RCPT TO:<{call.to}>".encode(), 2),
            ("DATA", b"DATA", 3),
        )
        self._usable = False
        for stage, command, wanted in commands:
            async with self._step(stage):
                said = await self._client.execute_command(command)
                if said.code // 100 != wanted:
                    return Answer(stage, said.code, said.message)
        async with self._step("DATA"):
            await self._write(_DOT.sub(b"..", content))
        progress.end = End.PENDING
        async with self._step("message", sent=True):
            self._protocol.write(b".\r\n")
            said = await self._protocol.read_response()
        self._usable = 200 <= said.code < 300
        return Answer("message", said.code, said.message)

    def close(self) -> None:
        """Close the connection, with a QUIT if the server waits for a command."""
        if self.reusable:
            self._protocol.write(b"QUIT\r\n")
            self._client.close()
        else:
            self._tcp.abort()

    async def _write(self, content: bytes) -> None:
        """Write the mail and wait until the operating system has all of it.

        Only then the end of the mail is written: until then it is certain that it was not sent.
        """
        self._protocol.write(content)
        while self._unsent:  # noqa: ASYNC110 - no transport has an event for it
            await asyncio.sleep(_PAUSE)
        if not self._protocol.is_connected:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")

    @property
    def _unsent(self) -> int:
        """How many bytes neither TLS nor TCP has handed to the operating system."""
        above = cast(asyncio.WriteTransport | None, self._protocol.transport)
        return self._tcp.get_write_buffer_size() + (above.get_write_buffer_size() if above else 0)

    async def _hello(self) -> None:
        async with self._step("EHLO"):
            await self._client.ehlo()

    async def _encrypt(self, tls: SSLContext) -> None:
        if not self._client.supports_extension("starttls"):
            raise NotOffered("the server offers no STARTTLS")
        async with self._step("STARTTLS"):
            await self._client.starttls(tls_context=tls)

    async def _log_in(self, login: Login) -> None:
        """Log in by one method: a wrong password counts as one attempt, not as three."""
        client = self._client
        encrypted = client.get_transport_info("sslcontext") is not None
        known = {
            "cram-md5": client.auth_crammd5,
            "plain": client.auth_plain,
            "login": client.auth_login,
        }
        names = ("plain", "login", "cram-md5") if encrypted else ("cram-md5", "plain", "login")
        offered = next((name for name in names if name in client.server_auth_methods), None)
        if offered is None:
            raise NotOffered("the server offers no login by PLAIN, LOGIN or CRAM-MD5")
        async with self._step("AUTH"):
            await known[offered](*login)

    @asynccontextmanager
    async def _step(self, stage: Stage, *, sent: bool = False) -> AsyncIterator[None]:
        """Turn the library's errors in a step into `Refused` and `Lost`."""
        try:
            yield
        except aiosmtplib.SMTPResponseException as error:
            code = error.code if 200 <= error.code < 600 else 0
            raise Refused(Answer(stage, code, error.message if code else "")) from None
        except (aiosmtplib.SMTPServerDisconnected, OSError) as error:
            cause = "connection closed" if isinstance(error, aiosmtplib.SMTPException) else ""
            cause = cause_of(error.__cause__) if error.__cause__ else cause or cause_of(error)
            raise Lost(f"{cause} before the reply to {stage}", sent=sent) from None
