"""The client over real sockets, against consoles that answer in every bad way."""

import asyncio
import socketserver
import threading
import time
from typing import Any

import pytest

from connector.outcome import Outcome
from connector.system import End
from connector.systems.line.entry import ReplyFormat
from connector.systems.line.reader import ReplyReader
from connector.systems.line.reply import own_reply
from tests.support.certificates import Authority
from tests.systems.line.console import LOGIN, OK, Session, call, client, console, send, succeed

PENDING = (Outcome.UNAVAILABLE, End.PENDING)
UNKNOWN = (Outcome.UNAVAILABLE, End.UNKNOWN)
NOT_SENT = (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_a_reply_of_several_lines_has_status_fields_and_lines() -> None:
    async with console() as played, client(played.port) as system:
        reply = await send(system)
    assert (reply.outcome, reply.end) == (Outcome.APPLIED, End.ANSWERED)
    assert reply.seen["status"] == "0"
    assert reply.seen["fields"]["IMSI"] == "001"
    assert reply.seen["lines"][0] == "+++    HLR"
    assert reply.seen["text"].endswith("---    END")


async def test_commands_one_after_the_other_use_one_connection() -> None:
    async with console() as played, client(played.port) as system:
        for number in range(5):
            await send(system, call(f"A{number};"))
    assert played.sessions == [[f"A{number};" for number in range(5)]]


async def test_calls_at_once_wait_for_the_one_connection() -> None:
    async def slowly(session: Session, line: str) -> None:
        await asyncio.sleep(0.02)
        await session.send(OK.format(command=line))

    async with console(slowly) as played, client(played.port) as system:
        replies = await asyncio.gather(*(send(system, call(f"A{n};")) for n in range(8)))
    assert {reply.outcome for reply in replies} == {Outcome.APPLIED}
    assert [f"%%A{n};%%" in reply.seen["lines"] for n, reply in enumerate(replies)] == [True] * 8
    assert played.most == 1


async def test_as_many_connections_as_the_mapping_allows_work_at_once() -> None:
    async def slowly(session: Session, line: str) -> None:
        await asyncio.sleep(0.05)
        await session.send(OK.format(command=line))

    async with console(slowly) as played, client(played.port, concurrency=3) as system:
        replies = await asyncio.gather(*(send(system, call(f"A{n};")) for n in range(9)))
    assert [f"%%A{n};%%" in reply.seen["lines"] for n, reply in enumerate(replies)] == [True] * 9
    assert played.most == 3


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_a_reply_can_come_in_pieces_of_any_size(size: int) -> None:
    async def in_pieces(session: Session, line: str) -> None:
        data = OK.format(command=line).encode()
        for begin in range(0, len(data), size):
            await session.send(data[begin : begin + size])
            await asyncio.sleep(0)

    async with console(in_pieces) as played, client(played.port) as system:
        for _ in range(2):
            reply = await send(system)
            assert (reply.outcome, reply.seen["fields"]["IMSI"]) == (Outcome.APPLIED, "001")
    assert len(played.sessions) == 1


async def test_an_echo_of_the_command_is_no_part_of_the_reply() -> None:
    async def echo(session: Session, line: str) -> None:
        await session.send(f"{line}\r\n" + OK.format(command=line))

    async with console(echo) as played, client(played.port) as system:
        assert (await send(system)).seen["lines"][0] == "+++    HLR"


async def test_blank_lines_after_a_reply_are_not_the_next_reply() -> None:
    async def blanks(session: Session, line: str) -> None:
        await session.send(OK.format(command=line) + "\r\n \r\n\0")

    async with console(blanks) as played, client(played.port) as system:
        for _ in range(3):
            assert (await send(system)).seen["lines"][0] == "+++    HLR"
            await asyncio.sleep(0.01)
    assert len(played.sessions) == 1


async def test_after_two_replies_to_one_command_a_new_connection_is_used() -> None:
    async def twice(session: Session, line: str) -> None:
        await session.send(OK.format(command=line) + OK.format(command="other"))

    async with console(twice) as played, client(played.port) as system:
        for number in range(3):
            reply = await send(system, call(f"A{number};"))
            assert f"%%A{number};%%" in reply.seen["lines"]
    assert len(played.sessions) == 3


async def test_text_that_comes_between_commands_is_never_a_reply() -> None:
    async def later(session: Session, line: str) -> None:
        await session.send(OK.format(command=line))
        await asyncio.sleep(0.02)
        await session.send("*** ALARM\r\nRETCODE = 9\r\n---    END\r\n")

    async with console(later) as played, client(played.port) as system:
        for number in range(3):
            reply = await send(system, call(f"A{number};"))
            assert f"%%A{number};%%" in reply.seen["lines"]
            await asyncio.sleep(0.05)
    assert len(played.sessions) == 3


async def test_a_status_that_means_no_success_is_a_failure() -> None:
    async def refuse(session: Session, line: str) -> None:
        await session.send("RETCODE = 3001  ERR3001:no such subscriber\r\n---    END\r\n")

    async with console(refuse) as played, client(played.port) as system:
        reply = await send(system)
        assert (reply.outcome, reply.end, reply.cause) == (
            Outcome.FAILED,
            End.ANSWERED,
            "status 3001",
        )
        assert (await send(system, call(accept=frozenset({"3001"})))).outcome is Outcome.APPLIED
    replies = [
        {
            "if": "reply.status == '3001'",
            "outcome": "unknown_resource",
            "because": "=reply.lines[0]",
        }
    ]
    async with console(refuse) as played, client(played.port, replies=replies) as system:
        reply = await send(system)
        assert reply.outcome is Outcome.UNKNOWN_RESOURCE
        assert reply.reason == "RETCODE = 3001  ERR3001:no such subscriber"


async def test_a_reply_without_a_status_is_a_failure_and_its_connection_is_closed() -> None:
    async def garbage(session: Session, line: str) -> None:
        await session.send("<html>Sign in</html>\r\n---    END\r\n")

    async with console(garbage) as played, client(played.port) as system:
        for _ in range(2):
            reply = await send(system, call(idempotent=True))
            assert (reply.outcome, reply.end) == (Outcome.FAILED, End.UNKNOWN)
            assert reply.reason == "API Core's reply has no status"
    assert len(played.sessions) == 2


# The end of a command is exact


async def test_without_a_connection_nothing_was_sent() -> None:
    async with console() as played:
        port = played.port
    async with client(port) as system:
        reply = await send(system)
    assert ((reply.outcome, reply.end), reply.attempts) == (NOT_SENT, 3)


@pytest.mark.parametrize("part", [0, 3, 30, len(OK) - 2])
async def test_a_connection_that_breaks_during_the_reply_has_an_unknown_end(part: int) -> None:
    async def cut(session: Session, line: str) -> None:
        await session.send(OK.format(command=line)[:part])
        session.writer.close()

    async with console(cut) as played, client(played.port) as system:
        reply = await send(system)
        assert ((reply.outcome, reply.end), reply.broken) == (UNKNOWN, part > 0)
        assert played.received == ["LST SUB;"]
        reply = await send(system, call(idempotent=True))
        assert ((reply.outcome, reply.end), reply.attempts) == (UNKNOWN, 3)


async def test_a_reply_that_does_not_come_in_time_is_pending_and_never_read_later() -> None:
    async def late(session: Session, line: str) -> None:
        if line == "SLOW;":
            await asyncio.sleep(0.3)
        await session.send(OK.format(command=line))

    async with console(late) as played, client(played.port, timeout="200ms") as system:
        reply = await send(system, call("SLOW;", idempotent=True))
        assert ((reply.outcome, reply.end), reply.attempts) == (PENDING, 1)
        reply = await send(system, call("NEXT;"))
        assert "%%NEXT;%%" in reply.seen["lines"]
    assert played.sessions == [["SLOW;"], ["NEXT;"]]


async def test_an_idle_connection_that_the_system_closed_is_noticed_before_a_command() -> None:
    async def once(session: Session, line: str) -> None:
        await session.send(OK.format(command=line))
        session.writer.close()

    async with console(once) as played, client(played.port) as system:
        for number in range(5):
            reply = await send(system, call(f"A{number};"))
            assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 1)
            # The connector does not run while the system closes the connection.
            await asyncio.to_thread(lambda: None)
    assert len(played.sessions) == 5


@pytest.mark.parametrize("piece", [b"x" * 100_000, b"line\r\n" * 20_000, b"\r\n" * 50_000])
async def test_a_reply_without_an_end_is_a_failure(piece: bytes) -> None:
    async def endless(session: Session, line: str) -> None:
        while True:
            await session.send(piece)

    async with console(endless) as played, client(played.port) as system:
        reply = await send(system, call(idempotent=True))
    assert (reply.outcome, reply.end) == (Outcome.FAILED, End.UNKNOWN)
    assert reply.cause == "a reply of more than 1 MB or 10,000 lines"
    assert len(played.sessions) == 1


async def test_text_before_the_first_command_needs_a_greeting_in_the_mapping() -> None:
    async with console(greeting=b"Welcome\r\n") as played:
        async with client(played.port, greeting="Welcome") as system:
            assert (await send(system)).outcome is Outcome.APPLIED
        async with client(played.port, **LOGIN) as system:
            await asyncio.sleep(0)
            reply = await send(system)
    assert (reply.outcome, reply.end) in {(Outcome.APPLIED, End.ANSWERED), NOT_SENT}


async def test_a_greeting_that_does_not_come_means_that_nothing_was_sent() -> None:
    async with (
        console() as played,
        client(played.port, greeting="Welcome", connect_timeout="100ms") as system,
    ):
        reply = await send(system)
    assert (reply.outcome, reply.end) == NOT_SENT
    assert reply.cause == "no connection and login within 0.1 s"
    assert played.received == []


# TLS


async def test_commands_go_over_tls_with_an_authority_of_ones_own(tmp_path: Any) -> None:
    authority = Authority(tmp_path)
    settings = {"password": "p", "ca": authority.path.read_text()}
    tls = {"ca": "=settings.ca"}
    async with (
        console(tls=authority.server()) as played,
        client(played.port, settings, tls=tls, **LOGIN) as system,
    ):
        assert (await send(system)).outcome is Outcome.APPLIED
        assert (await send(system)).outcome is Outcome.APPLIED
    await asyncio.sleep(0.05)
    assert played.sessions == [['LGI:OPNAME="op",PWD="p";', "LST SUB;", "LST SUB;", "LGO;"]]


async def test_a_system_that_is_not_trusted_gets_no_command(tmp_path: Any) -> None:
    async with (
        console(tls=Authority(tmp_path).server()) as played,
        client(played.port, tls=True) as system,
    ):
        reply = await send(system)
    assert (reply.outcome, reply.end) == NOT_SENT
    assert reply.cause == "certificate is signed by an unknown authority"
    assert played.received == []


# Telnet


async def test_options_of_telnet_are_refused_and_removed() -> None:
    answers = bytearray()

    async def negotiate(session: Session, line: str) -> None:
        await session.send(b"\xff\xfd\x18OK: \xff\xfa\x18\x01\xff\xf0do\xff\xffne\r\n> ")
        answers.extend(await session.reader.readexactly(3))

    form = {"prompt": "> ", "encoding": "latin-1"}
    async with (
        console(negotiate, greeting=b"> ") as played,
        client(played.port, telnet=True, greeting="> ", reply=form) as system,
    ):
        for _ in range(2):
            assert (await send(system, call("show"))).seen["text"] == "OK: do\xffne"
    assert bytes(answers) == b"\xff\xfc\x18" * 2
    assert played.received == ["show", "show"]


async def test_nothing_of_a_prompt_stays_for_the_next_reply() -> None:
    async def prompt(session: Session, line: str) -> None:
        await session.send(f"{line}\r\nvalue {line}\r\n")
        await asyncio.sleep(0.01)
        await session.send("hlr# ")

    form = {"prompt": "[a-z]+# "}
    async with (
        console(prompt, greeting=b"hello\r\nhlr# ") as played,
        client(played.port, greeting="[a-z]+# ", reply=form) as system,
    ):
        for number in range(3):
            reply = await send(system, call(f"a{number}"))
            assert reply.seen["lines"] == [f"value a{number}"]
    assert len(played.sessions) == 1


async def test_the_default_answer_of_the_console_is_a_success() -> None:
    async with console(succeed) as played, client(played.port) as system:
        assert (await send(system)).outcome is Outcome.APPLIED


async def test_a_prompt_is_short_and_the_first_line_of_a_name_counts() -> None:
    long = ReplyReader(None, "x*> ", "utf-8")
    assert long.feed(b"x" * 300 + b"> ") == b""
    assert not long.done
    short = ReplyReader(None, "x*> ", "utf-8")
    assert short.feed(b"A = 1\r\nA = 2\r\nB = a = b\r\nxx> ") == b""
    assert short.done
    form = ReplyFormat(prompt="x*> ", fields="=")
    assert own_reply(short.lines, "", form).seen["fields"] == {"A": "1", "B": "a = b"}


async def test_no_logout_follows_a_command_that_is_still_under_way() -> None:
    async def silent(session: Session, line: str) -> None:
        if line.startswith("LGI"):
            await session.send(OK.format(command="LGI"))

    async with console(silent) as played, client(played.port, timeout="200ms", **LOGIN) as system:
        assert ((await send(system)).end) is End.PENDING
    await asyncio.sleep(0.05)
    assert played.sessions == [['LGI:OPNAME="op",PWD="p";', "LST SUB;"]]


class OneCommand(socketserver.StreamRequestHandler):
    """Closes the connection after the reply to one command, in a thread of its own."""

    def handle(self) -> None:
        command = self.rfile.readline().decode().strip()
        self.wfile.write(OK.format(command=command).encode())


async def test_a_closing_that_the_event_loop_has_not_seen_is_noticed_before_a_command() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OneCommand) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        async with client(server.server_address[1]) as system:
            for _ in range(3):
                reply = await send(system)
                assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 1)
                time.sleep(0.1)  # noqa: ASYNC251 - an instance without CPU between events
        server.shutdown()
