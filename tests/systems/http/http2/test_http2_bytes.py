"""Whatever bytes a system sends over HTTP/2, each request ends in a way that is known."""

import asyncio

import httpx
from h2.connection import H2Connection
from hypothesis import example, given
from hypothesis import strategies as st

from connector.systems.guard import Progress
from connector.systems.http.http2.exchange import Exchange
from connector.systems.http.http2.frames import NotHttp2
from connector.systems.http.http2.streams import Streams

FIELDS = [(b":method", b"PUT"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
HEAD = H2Connection().encoder.encode([(b":status", b"200"), (b"content-length", b"2")])
FRAMES = st.tuples(
    st.integers(0, 12),  # the kind; some are unknown
    st.integers(0, 255),  # flags
    st.sampled_from([0, 1, 2, 3, 5, 2**31 - 1]),  # the stream
    st.one_of(st.binary(max_size=30), st.just(HEAD), st.just(b"{}"), st.just(bytes(8))),
)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


async def received(*pieces: bytes) -> list[Exchange]:
    """Two requests on a connection, after a system sent this and closed it."""
    streams, exchanges = Streams(), []
    streams.receive(SETTINGS)
    for body in (b"", b"x" * 100_000):
        exchanges.append(Exchange(body, 1_000, Progress()))
        streams.open(FIELDS, exchanges[-1])
    try:
        for piece in pieces:
            streams.receive(piece)
            streams.to_send()
    except NotHttp2:
        pass
    streams.lose("connection closed")
    for number in (1, 3):
        streams.close(number)
    streams.to_send()
    return exchanges


def check(*pieces: bytes) -> None:
    async def checked() -> None:
        for exchange in await received(*pieces):
            assert exchange.reply.done()
            error = exchange.reply.exception()
            assert error is None or isinstance(error, httpx.TransportError)
            if error is None:
                assert exchange.ended

    asyncio.run(checked())


@given(st.lists(FRAMES, max_size=6))
@example([(1, 5, 1, HEAD), (7, 0, 0, bytes(8)), (0, 1, 1, b"{}")])
@example([(7, 0, 0, b""), (1, 4, 1, HEAD), (0, 1, 1, b"{}")])
def test_frames_in_any_order_end_each_request(frames: list[tuple[int, int, int, bytes]]) -> None:
    check(*(frame(*one) for one in frames))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_in_any_pieces_end_each_request(data: bytes, at: int) -> None:
    check(data[:at], data[at:])


@given(st.integers(1, 60))
def test_a_reply_in_any_pieces_is_read(size: int) -> None:
    whole = frame(1, 4, 1, HEAD) + frame(0, 1, 1, b"{}") + frame(1, 5, 3, HEAD[:1])

    async def checked() -> None:
        first, second = await received(*(whole[at : at + size] for at in range(0, 60, size)))
        assert first.reply.result().status_code == 200
        assert second.reply.result().headers == httpx.Headers()

    asyncio.run(checked())
