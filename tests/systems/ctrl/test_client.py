"""The control interface: the connection with scripted bytes, the client with a real osmo-hlr."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector.system import End, Reply
from connector.systems.ctrl.call import CtrlCall
from connector.systems.ctrl.client import CtrlSystem
from connector.systems.ctrl.entry import CtrlSystemEntry
from connector.systems.ctrl.wire import CtrlFailure, CtrlReply, fields, frame, open_connection
from connector_tools.counterparts.osmo_hlr import PORT, OsmoHlr
from tests.support import ROOT
from tests.support.calls import turn_of
from tests.support.events import event, subscriber
from tests.support.osmo_hlr import running

IMSI, NUMBER = subscriber(77), "420700000001"
SELECTED = f"subscriber.by-imsi-{IMSI}"
Script = list[bytes]

# The connection, with bytes that a real HLR does not send on demand


@asynccontextmanager
async def scripted(*pieces: bytes, close: bool = True) -> AsyncIterator[int]:
    """A server that answers every request with these pieces; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int) -> CtrlReply:
    connection = await open_connection("127.0.0.1", port, 10)
    try:
        return await connection.ask("version", None)
    finally:
        connection.close()


REPLY = frame("GET_REPLY 1 version 1.5.0")
PING = b"\x00\x01\xfe\x00"


def test_the_length_of_a_message_counts_one_protocol_byte_and_the_text() -> None:
    message = frame("GET 3 subscriber.by-imsi-001010000000001.msisdn")
    assert message.startswith(bytes.fromhex("0030ee00") + b"GET 3 ")
    assert len(message) == 3 + 0x30


@pytest.mark.parametrize("text", ["a\nSET 2 b c", "a\r", "é", "\0", "x" * 70_000])
def test_text_that_could_begin_a_second_message_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        frame(text)


@pytest.mark.parametrize(
    "pieces",
    [
        (REPLY,),
        tuple(bytes([byte]) for byte in REPLY),
        (PING, REPLY),
        (frame("GET_REPLY 9 version 9"), REPLY),
        (frame("TRAP 0 connected yes"), REPLY),
        (frame("ERROR 9 Not for us."), REPLY),
    ],
)
async def test_messages_that_are_not_the_reply_are_skipped(pieces: tuple[bytes, ...]) -> None:
    async with scripted(*pieces) as port:
        assert await ask(port) == CtrlReply(value="1.5.0")


@pytest.mark.parametrize("received", [b"", REPLY[:2], REPLY[:9], b"\xff\xff\xee\x00abc"])
async def test_if_the_connection_ends_before_the_reply_the_request_counts_as_sent(
    received: bytes,
) -> None:
    async with scripted(received) as port:
        with pytest.raises(CtrlFailure) as caught:
            await ask(port)
    assert caught.value.sent


async def test_without_a_connection_the_request_counts_as_not_sent() -> None:
    async with scripted() as port:
        pass
    with pytest.raises(CtrlFailure) as caught:
        await ask(port)
    assert not caught.value.sent


async def test_an_error_is_a_reply() -> None:
    async with scripted(frame("ERROR 1 No such subscriber.")) as port:
        assert await ask(port) == CtrlReply(error="No such subscriber.")


def test_fields_are_read_from_lines_with_a_tab() -> None:
    assert fields("\nid\t4\nimsi\t001\nx\nlmsi\t") == {"id": "4", "imsi": "001", "lmsi": ""}


# The client, with a real HLR


@pytest.fixture
def hlr(tmp_path: Path) -> Iterator[OsmoHlr]:
    with running(tmp_path) as found:
        yield found


def client(host: str, timeout: str = "500ms") -> CtrlSystem:
    entry = {"ctrl": {"host": host, "port": PORT, "timeout": timeout}}
    return CtrlSystem(CtrlSystemEntry.model_validate(entry), {})


def call(variable: str, value: str | None = None, **more: Any) -> CtrlCall:
    read_only = value is None
    method = "GET" if read_only else "SET"
    return CtrlCall("", method, variable, True, read_only, variable, value, **more)


async def send(system: CtrlSystem, wanted: CtrlCall) -> Reply:
    turn = turn_of(5)
    try:
        return await system.send(wanted, turn)
    finally:
        system.leave(turn)


async def test_a_subscriber_is_created_read_and_deleted(hlr: OsmoHlr) -> None:
    async with client(hlr.host) as system:
        missing = await send(system, call(f"{SELECTED}.info", accept=frozenset()))
        assert (missing.outcome, missing.cause) == (Outcome.FAILED, "No such subscriber.")
        assert (await send(system, call("subscriber.create", IMSI))).outcome is Outcome.APPLIED
        assert (await send(system, call(f"{SELECTED}.msisdn", NUMBER))).outcome is Outcome.APPLIED
        seen = (await send(system, call(f"{SELECTED}.info"))).seen["fields"]
        assert (seen["msisdn"], seen["nam_cs"]) == (NUMBER, "1")
        assert hlr.subscribers() == {IMSI: (NUMBER, True, True)}
        assert (await send(system, call("subscriber.delete", IMSI))).outcome is Outcome.APPLIED
    assert hlr.subscribers() == {}


async def test_after_a_timeout_the_call_is_pending_and_a_stopped_hlr_may_do_it_later(
    hlr: OsmoHlr,
) -> None:
    async with client(hlr.host, "300ms") as system:
        await send(system, call("subscriber.create", IMSI))
        hlr.suspend()
        reply = await send(system, call(f"{SELECTED}.msisdn", NUMBER))
        assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.PENDING)
        hlr.resume()
        await send(system, call(f"{SELECTED}.info"))
    assert hlr.subscribers()[IMSI][0] == NUMBER


async def test_after_a_restart_of_the_hlr_a_new_connection_is_opened(hlr: OsmoHlr) -> None:
    async with client(hlr.host) as system:
        await send(system, call("subscriber.create", IMSI))
        hlr.kill()
        hlr.start()
        reply = await send(system, call(f"{SELECTED}.msisdn", NUMBER))
    assert reply.outcome is Outcome.APPLIED
    assert hlr.subscribers() == {IMSI: (NUMBER, True, True)}


async def test_a_call_to_an_hlr_that_is_down_is_unavailable_and_not_sent(hlr: OsmoHlr) -> None:
    hlr.kill()
    async with client(hlr.host) as system:
        reply = await send(system, call("subscriber.create", IMSI))
    assert (reply.outcome, reply.unknown, reply.attempts) == (Outcome.UNAVAILABLE, False, 3)


# The mapping, with a real HLR


async def test_a_message_that_is_too_long_is_a_failure_and_never_sent(hlr: OsmoHlr) -> None:
    async with client(hlr.host) as system:
        reply = await send(system, call("a.b", "x" * 70_000))
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.FAILED, End.NOT_SENT, 1)


@pytest.fixture
async def handle(hlr: OsmoHlr) -> AsyncIterator[Any]:
    mapping = load(ROOT / "mappings" / "osmo-hlr.yaml")
    values = {"host": hlr.host, "port": PORT, "timeout": 0.5}
    async with mapping.protocol.client(mapping.system, values) as system:
        pipeline = Pipeline(mapping, values, MemoryLedger(), system, 3)

        async def handle(posted: dict[str, Any]) -> Result:
            return await pipeline.handle(json.dumps(posted).encode())

        yield handle


async def test_a_real_hlr_follows_the_life_of_a_subscriber(hlr: OsmoHlr, handle: Any) -> None:
    old, new = "001010000000001", "001010000000002"

    async def after(name: str, second: int, **change: Any) -> dict[str, Any]:
        """The subscribers of the HLR after an event whose snapshot is of this second."""
        change = {"updated_at": f"2026-03-02T11:00:{second:02}Z", **change}
        result = await handle(event(name, change=change))
        assert result.outcome is Outcome.APPLIED, result
        return dict(hlr.subscribers())

    blocked, terminated = "pb_data.account_info.blocked", "pb_data.account_info.bill_status"
    assert await after("sim-updated", 1) == {old: (NUMBER, True, True)}
    assert await after("sim-updated", 2, **{blocked: True}) == {old: (NUMBER, False, False)}
    assert await after("sim-updated", 3) == {old: (NUMBER, True, True)}
    swapped = {old: (None, False, False), new: (NUMBER, True, True)}
    assert await after("sim-replaced", 4) == swapped
    assert await after("sim-replaced", 5, **{terminated: "closed"}) == {
        old: (None, False, False),
        new: (None, False, False),
    }
    assert await after("sim-deleted", 6) == {new: (None, False, False)}


async def test_an_event_is_applied_once_the_database_is_unlocked(hlr: OsmoHlr, handle: Any) -> None:
    posted = event()
    with hlr.locked():
        result = await handle(posted)
        assert (result.outcome, result.final) == (Outcome.UNAVAILABLE, False)
    assert (await handle(posted)).outcome is Outcome.APPLIED
    assert len(hlr.subscribers()) == 1


async def test_a_number_that_another_imsi_has_is_a_failure_that_is_not_final(
    hlr: OsmoHlr, handle: Any
) -> None:
    await handle(event(imsi=subscriber(1)))
    result = await handle(event(imsi=subscriber(2)))
    assert (result.outcome, result.final) == (Outcome.FAILED, False)
    assert "another IMSI holds the number" in str(result.reason)
