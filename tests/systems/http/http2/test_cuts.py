"""The connection over HTTP/2 breaks at any byte of a request and its reply."""

import pytest

from connector.outcome import Outcome
from connector.system import End
from tests.support.calls import POST, PUT, client, forget_proxies, send
from tests.support.cut_wire import Way, cut_wire
from tests.support.http2_peer import Http2Peer

MOST = 400  # bytes; a request and a reply of these tests have less


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("way", ["there", "back"])
async def test_the_end_of_a_request_is_exact_wherever_its_connection_breaks(
    way: Way, hard: bool
) -> None:
    """A request that was not sent is sent again, so it is carried out once at most."""
    ends = set()
    for after in range(1, MOST, 13):
        async with (
            Http2Peer() as peer,
            cut_wire(peer.port, way, after, hard=hard) as port,
            client(f"http://127.0.0.1:{port}", http2=True, timeout="2s") as system,
        ):
            reply = await send(system, POST)
            assert len(peer.requests) <= 1, after
            if reply.outcome is Outcome.APPLIED:
                assert len(peer.requests) == 1, after
            else:
                assert (reply.end, reply.attempts) == (End.UNKNOWN, 1), after
            ends.add(reply.end)
            if len(peer.connections) == 1 and reply.outcome is Outcome.APPLIED:
                break  # the whole exchange has passed
    assert ends == {End.ANSWERED, End.UNKNOWN}


@pytest.mark.parametrize("way", ["there", "back"])
async def test_a_request_that_may_be_repeated_is_wherever_its_connection_breaks(way: Way) -> None:
    for after in range(1, MOST, 23):
        async with (
            Http2Peer() as peer,
            cut_wire(peer.port, way, after, hard=False) as port,
            client(f"http://127.0.0.1:{port}", http2=True, timeout="2s") as system,
        ):
            assert (await send(system, PUT)).outcome is Outcome.APPLIED, after
            if len(peer.connections) == 1:
                break
