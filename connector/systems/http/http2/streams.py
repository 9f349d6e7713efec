"""The requests that are under way on one connection over HTTP/2; no I/O.

h2 keeps the state of the protocol. This module knows which requests the system has not taken.
"""

from contextlib import suppress

import httpx
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error, NoAvailableStreamIDError
from h2.settings import SettingCodes, Settings

from connector.systems.http.faults import Fault
from connector.systems.http.http2.exchange import Exchange
from connector.systems.http.http2.fields import Fields
from connector.systems.http.http2.frames import Frames, GoAway, NotHttp2

_NOT_TAKEN = "the system did not take the request"
_WINDOW = 1 << 24  # bytes that the system may send ahead; more than one reply may have
_MOST_FRAMES = 5_000  # in a row that move no request on; h2 takes about 50 us for each
_FEW_BYTES = 16  # of a DATA frame that moves nothing on
_RESETS: dict[int, str] = {
    ErrorCodes.HTTP_1_1_REQUIRED: "the system wants HTTP/1.1 for this request",
    ErrorCodes.ENHANCE_YOUR_CALM: "the system wants fewer requests",
}


class Streams:
    """The streams of one connection.

    `begun` is true once the system has spoken HTTP/2. `retired` is true if the connection takes no
    more requests; those under way can still end.
    """

    def __init__(self) -> None:
        self.begun = False
        self.retired = False
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        given = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW}
        self._h2.local_settings = Settings(client=True, initial_values=given)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW)
        self._frames = Frames()
        self._idle_frames = 0  # since something moved a request on
        self._exchanges: dict[int, Exchange] = {}

    @property
    def busy(self) -> bool:
        """True if a request is under way."""
        return bool(self._exchanges)

    @property
    def have_room(self) -> bool:
        """True if the system takes another request over this connection now."""
        return len(self._exchanges) < self._h2.remote_settings.max_concurrent_streams

    def open(self, fields: Fields, exchange: Exchange) -> int:
        """Begin a request; returns the number of its stream.

        Raises:
            httpx.ConnectError: the connection has no number left; nothing was sent.
            httpx.LocalProtocolError: h2 refuses the header fields; nothing was sent.
        """
        try:
            number = self._h2.get_next_available_stream_id()
            self._h2.send_headers(number, fields, end_stream=not exchange.unsent)
        except NoAvailableStreamIDError:
            self.retired = True
            raise httpx.ConnectError("closed before the request was sent") from None
        except H2Error:
            self.retired = True  # the table of header fields may have changed on this side only
            raise httpx.LocalProtocolError("a header that cannot be sent") from None
        self._exchanges[number] = exchange
        return number

    def close(self, number: int) -> None:
        """Forget a request; if the system may still work on it, tell it that nobody waits."""
        exchange = self._exchanges.pop(number)
        if exchange.unsent or not exchange.ended:
            with suppress(H2Error):  # the stream or the connection has ended meanwhile
                self._h2.reset_stream(number, ErrorCodes.CANCEL)

    def receive(self, data: bytes) -> None:
        """Read bytes of the system.

        Raises:
            NotHttp2: the system speaks another protocol, breaks the rules of HTTP/2, or sends
                frames without end that move no request on: they would stop the event loop.
        """
        try:
            for frame in self._frames.feed(data):
                self._idle_frames += 1
                self._receive(frame)
                if self._idle_frames > _MOST_FRAMES:
                    raise NotHttp2
        except H2Error:
            raise NotHttp2 from None

    def to_send(self) -> bytes:
        """The bytes that the system must get: as much of the bodies as it takes, and replies."""
        for number, exchange in self._exchanges.items():
            if not exchange.reply.done():
                self._send_body(number, exchange)
        return self._h2.data_to_send()

    def lose(self, cause: str) -> None:
        """End all requests: the connection is lost."""
        self.retired = True
        for exchange in self._exchanges.values():
            exchange.lose(cause)

    def fail(self, error: httpx.RequestError) -> None:
        """End all requests with an error, and the connection, too."""
        self.retired = True
        for exchange in self._exchanges.values():
            exchange.fail(error)

    def _receive(self, frame: bytes | GoAway) -> None:
        if isinstance(frame, GoAway):
            self.retired = True
            for number, exchange in self._exchanges.items():
                if number > frame.last:
                    exchange.fail(httpx.ConnectError(_NOT_TAKEN))
            return
        for event in self._h2.receive_data(frame):
            self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self.begun = True
        elif isinstance(event, DataReceived):
            with suppress(H2Error):  # the stream was closed on this side
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        exchange = self._exchanges.get(getattr(event, "stream_id", 0))
        if exchange is None:
            return
        if isinstance(event, ResponseReceived) or len(getattr(event, "data", b"")) >= _FEW_BYTES:
            self._idle_frames = 0
        exchange.ended = exchange.ended or isinstance(event, StreamEnded | StreamReset)
        if not exchange.reply.done():
            try:
                _add(event, exchange)
            except Fault as fault:  # ends this request only
                exchange.fail(fault)

    def _send_body(self, number: int, exchange: Exchange) -> None:
        """Send as much of a body as the system takes now."""
        while exchange.unsent:
            room = self._h2.local_flow_control_window(number)
            part = exchange.unsent[: max(min(room, self._h2.max_outbound_frame_size), 0)]
            if not part:
                return
            exchange.unsent = exchange.unsent[len(part) :]
            self._idle_frames = 0
            self._h2.send_data(number, bytes(part), end_stream=not exchange.unsent)


def _add(event: Event, exchange: Exchange) -> None:
    """Add what the system sent to the reply of a request.

    Raises:
        Fault: the reply cannot be used.
    """
    match event:
        case ResponseReceived():
            exchange.begin([(bytes(name), bytes(value)) for name, value in event.headers])
        case DataReceived():
            exchange.add(event.data)
        case StreamEnded():
            exchange.finish()
        case StreamReset(error_code=ErrorCodes.REFUSED_STREAM):
            exchange.fail(httpx.ConnectError(_NOT_TAKEN))
        case StreamReset(error_code=code):
            exchange.lose(_RESETS.get(code or 0, "request reset by the system"))
