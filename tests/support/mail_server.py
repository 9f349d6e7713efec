"""A mail server on the test's own event loop that fails at the stage that a test names."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

SILENT = "silent"
"""In place of a reply: nothing, while the connection stays."""
CLOSE = "close"
"""In place of a reply: the end of the connection."""
_USUAL = {
    "connection": "220 mail.example.com ESMTP",
    "EHLO": "250-mail.example.com\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 go ahead",
    "message": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class Mail:
    """A mail that arrived with its end; `content` is without dot stuffing."""

    sender: str
    to: list[str]
    content: bytes

    @property
    def parsed(self) -> EmailMessage:
        found = message_from_bytes(self.content, policy=default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def text(self) -> str:
        return text_of(self.parsed)


def text_of(part: Message) -> str:
    """The text of a mail, or of a part of one, with line feeds."""
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """Answers as `says` names it by the stage; notes commands and mails that came completely."""

    says: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    says_once: dict[str, str] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    reads: int = 1_000_000  # bytes of a mail before its connection is closed

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if await self._say("connection", writer):
                await self._talk(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client has gone, or the test has ended
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, to = "", list[str]()
        while line := (await reader.readline()).decode("ascii").rstrip("\r\n"):
            self.commands.append(line)
            word = line.split()[0]
            if word == "MAIL":
                sender, to = line[11:-1], []
            if word == "RCPT":
                to.append(line[9:-1])
            if not await self._say(word, writer):
                return
            if word == "STARTTLS" and self.tls:
                await writer.start_tls(self.tls)
            if word == "DATA" and self._text("DATA").startswith("354"):
                content = await self._content(reader)
                if content is None:
                    return
                self.mails.append(Mail(sender, to, content))
                if not await self._say("message", writer):
                    return

    async def _content(self, reader: asyncio.StreamReader) -> bytes | None:
        """The mail up to its end; None if this server stops reading before."""
        lines, size = list[bytes](), 0
        while (line := await reader.readline()) != b".\r\n":
            size += len(line)
            if not line.endswith(b"\r\n") or size > self.reads:
                return None
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _text(self, stage: str) -> str:
        return self.says.get(stage, _USUAL[stage])

    async def _say(self, stage: str, writer: asyncio.StreamWriter) -> bool:
        """Reply; False if the connection ends instead."""
        text = self.says_once.pop(stage, None) or self._text(stage)
        if text == SILENT:
            await asyncio.sleep(60)
        if text in (SILENT, CLOSE):
            return False
        writer.write(f"{text}\r\n".encode())
        await writer.drain()
        return not text.startswith("421")

    @property
    def logins(self) -> list[str]:
        """User names and passwords that came with AUTH PLAIN."""
        plain = [line.split()[2] for line in self.commands if line.startswith("AUTH PLAIN")]
        return [b64decode(text).decode().replace("\0", ":").lstrip(":") for text in plain]


@asynccontextmanager
async def mail_server(
    says: Mapping[str, str] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    at_once: bool = False,
) -> AsyncIterator[MailServer]:
    """A mail server on a port of its own; with `at_once`, TLS begins before the first byte."""
    server = MailServer(says or {}, tls)
    listening = await asyncio.start_server(
        server.serve, "127.0.0.1", 0, ssl=tls if at_once else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
