"""uvicorn's HTTP/1.1 connection with limits, deadlines and answers in our form.

uvicorn has none of the three (docs/decisions/0029-bytes-before-an-event.md). The class adds them
to uvicorn's own for httptools, so parsing and answering stay uvicorn's.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from connector.doors.bad_request import (
    BODY_TOO_LATE,
    FAULT,
    HEAD_TOO_LARGE,
    HEAD_TOO_LATE,
    MALFORMED,
    TOO_MANY_WAITING,
    URL_TOO_LONG,
    Fault,
    record,
    response,
)
from connector.doors.deadlines import Deadlines
from connector.doors.head import origin_form, without_upgrade

_NEVER = float("inf")


class _Refused(Exception):  # noqa: N818 - stops the parser
    """Ends parsing with a fault; httptools turns it into its own exception."""


class _AnswerTransport:
    """The transport as uvicorn's answers use it; `close` is called after the last answer."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class Connection(HttpToolsProtocol):
    """One connection of the server; uvicorn makes it.

    A connection is in one of these states, each with its deadline: it waits for a request or
    reads a head (`head_seconds`); it reads a body (`body_seconds`); it has a whole request (the
    event's budget ends that); it sends an answer, and its peer does not read (`body_seconds`).
    """

    def __init__(self, deadlines: Deadlines, **options: Any) -> None:
        super().__init__(**options)
        self._deadlines = deadlines
        self._limits = deadlines.limits
        self._deadline = _NEVER
        self._fault: Fault | None = None
        self._found: Fault = MALFORMED  # what to answer if the parser stops
        self._deaf = False  # what still comes is thrown away
        self._ended = False  # the last bytes were sent
        self._unread = 0  # bytes since the parser last got somewhere
        self._in_head = self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._answers: Any = _AnswerTransport(transport, self._close)
        self._deadline = self.loop.time() + self._limits.head_seconds
        self._deadlines.watch(self.loop, self.connections)  # type: ignore[arg-type]

    # What comes in: bytes, and what the parser finds in them

    def data_received(self, data: bytes) -> None:
        """Parse what came; an `Upgrade` is ignored, as RFC 9110 7.8 allows."""
        self._unset_keepalive_if_required()
        rest = data
        while rest and not self._deaf:
            rest = self._parse(rest)

    def _parse(self, data: bytes) -> bytes:
        """Parse bytes; return those that the parser left, because it wants to upgrade."""
        self._unread += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade() + data[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._refuse(self._found)
        else:
            if self._unread > self._limits.head:
                self._refuse(HEAD_TOO_LARGE)
        return b""

    def _without_upgrade(self) -> bytes:
        """The head that was parsed, without its upgrade, for a new parser.

        The parser takes what follows the head for another protocol, and drops a body's length.
        After `CONNECT` that is so: nothing more is read.
        """
        if self.parser.get_method() == b"CONNECT":
            self._deaf = True
            return b""
        version = self.parser.get_http_version().encode()
        line = self.parser.get_method() + b" " + self.url + b" HTTP/" + version
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return without_upgrade(line, self.headers)

    def _should_upgrade(self) -> bool:
        """Never hand a connection to another protocol."""
        return False

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        super().on_message_begin()
        self._in_head = True
        if self._deadline == _NEVER:
            self._deadline = self.loop.time() + self._limits.head_seconds

    def on_url(self, url: bytes) -> None:
        """Keep a part of the URL."""
        super().on_url(url)
        if len(self.url) > self._limits.url:
            self._stop(URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a field of a trailer is dropped, as RFC 9110 6.5.1 allows."""
        if self._in_head:
            if len(self.headers) >= self._limits.lines:
                self._stop(HEAD_TOO_LARGE)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or wait for the head without its upgrade."""
        if sum([len(name) + len(value) for name, value in self.headers]) > self._limits.head:
            self._stop(HEAD_TOO_LARGE)
        connect = self.parser.get_method() == b"CONNECT"
        if self.parser.should_upgrade() and not connect:
            return
        if len(self.pipeline) >= self._limits.waiting:
            self._stop(TOO_MANY_WAITING)
        if not self.url.startswith(b"/"):
            self.url = b"/" if connect else origin_form(self.url)
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # RFC 9110 10.1.1
        super().on_headers_complete()
        self.cycle.transport = self._answers
        if connect:
            self.cycle.keep_alive = False
        self._in_head, self._in_body, self._unread = False, True, 0
        self._deadline = self.loop.time() + self._limits.body_seconds

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Hand over the body's end."""
        if self._in_head:
            return  # the parser wants to upgrade
        self._in_body, self._unread, self._deadline = False, 0, _NEVER
        super().on_message_complete()

    def _stop(self, fault: Fault) -> None:
        self._found = fault
        raise _Refused

    # What goes out: answers of the application, and our own

    def on_response_complete(self) -> None:
        """Go on to the next request, or give the answer that had to wait for this one."""
        last = not self.pipeline
        super().on_response_complete()
        if self._fault and last:
            self._answer(self._fault)
        elif self.cycle.response_complete and not self._in_body:
            self._deadline = self.loop.time() + self._limits.head_seconds

    def timeout_keep_alive_handler(self) -> None:
        """Do nothing: after gunicorn's 2 s a front end may use it again; `expire` closes it."""

    def _refuse(self, fault: Fault) -> None:
        """End the connection with an answer, after those of the requests that came before."""
        self._fault, self._deaf, self._deadline = fault, True, _NEVER
        if not self._in_body:
            before: RequestResponseCycle | None = self.cycle
            if before is None or before.response_complete:
                self._answer(fault)
            return
        if self.pipeline:
            self.pipeline.popleft()  # the request without its body's end; its turn never came
            return
        cycle = self.cycle
        if not cycle.response_started:
            cycle.scope["state"][FAULT] = fault  # the application logs it, with the ids
            cycle.disconnected = True
            cycle.message_event.set()
            self._close_after(response(fault))
        else:
            self._close_after(b"")

    def _answer(self, fault: Fault) -> None:
        if self.transport.is_closing():
            return
        record(fault, self._deadlines.connector)
        self._close_after(response(fault))

    def _close(self) -> None:
        """Close after an answer; an early one, such as a 401, comes before the body's end."""
        if self._in_body:
            self.pipeline.clear()
            self._close_after(b"")
        else:
            self.transport.close()

    def _close_after(self, last: bytes) -> None:
        """Send the last bytes, and leave the sender time to read them before the close.

        Closed at once, with bytes that nobody read, TCP would throw the answer away.
        """
        self._deaf = self._ended = True
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write(last)
            self.transport.write_eof()
        self._deadline = self.loop.time() + self._limits.linger

    def pause_writing(self) -> None:
        """Begin to wait for a peer that does not read its answers."""
        super().pause_writing()
        self._deadline = self.loop.time() + self._limits.body_seconds

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        waits = self._in_head or self._in_body
        self._deadline = self.loop.time() + self._limits.body_seconds if waits else _NEVER

    def expire(self, now: float) -> None:
        """End the connection if its deadline has passed; `Deadlines` calls this."""
        if now < self._deadline:
            return
        if self._fault or self._ended or self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
        elif self.flow.read_paused:  # the delay is ours
            self._deadline = now + self._limits.body_seconds
        elif self._in_head or self._in_body:
            self._refuse(BODY_TOO_LATE if self._in_body else HEAD_TOO_LATE)
        else:
            self.transport.close()
