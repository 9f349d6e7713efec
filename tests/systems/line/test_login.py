"""A connection is a session: login, its end, its limit, logout and keep-alive."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End
from tests.systems.line.console import (
    LOGIN,
    OK,
    REFUSED,
    Console,
    Session,
    call,
    client,
    console,
    send,
)

LGI = 'LGI:OPNAME="op",PWD="{}";'
NOT_LOGGED_IN = "RETCODE = 1018  ERR1018:not logged in\r\n---    END\r\n"
EXPIRED = "reply.status == '1018'"


def hlr(right: str = "p") -> Callable[[Session, str], Awaitable[None]]:
    """Answers commands only on a connection that has logged in with this password."""

    async def answer(session: Session, line: str) -> None:
        if line.startswith("LGI:"):
            accepted = line == LGI.format(right)
            await session.send(OK.format(command="LGI") if accepted else REFUSED)
        elif line == "LGO;":
            session.writer.close()
        elif session.lines[0] != LGI.format(right):
            await session.send(NOT_LOGGED_IN)
        else:
            await session.send(OK.format(command=line))

    return answer


class Renewed:
    """Newer secrets: the password `p`, at the first question."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.generation = 0
        self._settings = settings

    async def renewed(self, since: int) -> bool:
        if self.generation == since == 0:
            self.generation = 1
            self._settings["password"] = "p"
        return self.generation > since


async def settled(played: Console) -> None:
    """Wait until the console has noticed that all connections were closed."""
    for _ in range(200):
        if not played.open:
            return
        await asyncio.sleep(0.01)


async def test_a_connection_logs_in_once_and_logs_out_at_the_stop() -> None:
    async with console(hlr()) as played:
        async with client(played.port, **LOGIN) as system:
            for _ in range(3):
                assert (await send(system)).outcome is Outcome.APPLIED
        await settled(played)
    assert played.sessions == [[LGI.format("p"), *["LST SUB;"] * 3, "LGO;"]]


async def test_nobody_logs_in_before_the_first_command() -> None:
    async with console(hlr()) as played, client(played.port, **LOGIN):
        pass
    assert played.sessions == []


async def test_a_refused_login_fails_and_the_next_one_waits() -> None:
    async with console(hlr("other")) as played, client(played.port, **LOGIN) as system:
        first, second = await send(system), await send(system)
    assert (first.outcome, first.end, first.refused) == (Outcome.FAILED, End.NOT_SENT, True)
    assert "refused the connector's credentials" in (first.reason or "")
    assert second.reason == first.reason
    assert second.retry_after == pytest.approx(1, abs=0.9)
    assert played.received == [LGI.format("p")]


async def test_calls_at_once_cause_one_refused_login() -> None:
    async with (
        console(hlr("other")) as played,
        client(played.port, concurrency=5, **LOGIN) as system,
    ):
        replies = await asyncio.gather(*(send(system) for _ in range(5)))
    assert {reply.outcome for reply in replies} == {Outcome.FAILED}
    assert played.received == [LGI.format("p")]


async def test_a_rotated_password_is_used_at_once() -> None:
    settings = {"password": "old"}
    async with (
        console(hlr()) as played,
        client(played.port, settings, Renewed(settings), **LOGIN) as system,
    ):
        assert (await send(system)).outcome is Outcome.APPLIED
    assert played.received[:3] == [LGI.format("old"), LGI.format("p"), "LST SUB;"]


async def test_a_session_that_has_ended_begins_again_once() -> None:
    """The system ends each session after two commands, and keeps the connection open."""

    async def forgetful(session: Session, line: str) -> None:
        if len(session.lines) > 3 and line != "LGO;":
            await session.send(NOT_LOGGED_IN)
        else:
            await hlr()(session, line)

    async with (
        console(forgetful) as played,
        client(played.port, expired_when=EXPIRED, **LOGIN) as system,
    ):
        for _ in range(4):
            reply = await send(system)
            assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 1)
    assert [lines.count("LST SUB;") for lines in played.sessions] == [3, 2]


async def test_a_system_that_refuses_every_session_is_a_failure() -> None:
    async def never(session: Session, line: str) -> None:
        login = line.startswith("LGI:")
        await session.send(OK.format(command="LGI") if login else NOT_LOGGED_IN)

    async with (
        console(never) as played,
        client(played.port, expired_when=EXPIRED, **LOGIN) as system,
    ):
        reply = await send(system)
    assert (reply.outcome, reply.end, reply.refused) == (Outcome.FAILED, End.ANSWERED, True)
    assert "refused the connector's credentials" in (reply.reason or "")
    assert len(played.sessions) == 2


async def test_a_login_can_say_that_there_are_too_many_sessions() -> None:
    async def full(session: Session, line: str) -> None:
        await session.send("RETCODE = 1016  ERR1016:too many users\r\n---    END\r\n")

    busy = {"if": "reply.status == '1016'", "outcome": "unavailable", "because": "too many users"}
    async with console(full) as played, client(played.port, replies=[busy], **LOGIN) as system:
        reply = await send(system)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert reply.reason == "too many users"
    assert not reply.refused
    assert len(played.sessions) == 3


@pytest.mark.parametrize("said", ["", "RETCODE = 0"])
async def test_a_connection_that_breaks_during_the_login_means_that_nothing_was_sent(
    said: str,
) -> None:
    async def cut(session: Session, line: str) -> None:
        await session.send(said)
        session.writer.close()

    async with console(cut) as played, client(played.port, **LOGIN) as system:
        reply = await send(system)
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.UNAVAILABLE, End.NOT_SENT, 3)
    assert set(played.received) == {LGI.format("p")}


async def test_a_silent_login_means_that_nothing_was_sent() -> None:
    async def silent(session: Session, line: str) -> None:
        await asyncio.sleep(5)

    async with (
        console(silent) as played,
        client(played.port, connect_timeout="100ms", **LOGIN) as system,
    ):
        reply = await send(system)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert played.received == [LGI.format("p")] * 3


async def test_an_idle_connection_is_kept_alive_and_commands_wait_for_it() -> None:
    async def slow_clock(session: Session, line: str) -> None:
        await asyncio.sleep(0.05 if line == "LST TIME;" else 0)
        await hlr()(session, line)

    alive = {"every": "100ms", "send": "LST TIME;"}
    async with (
        console(slow_clock) as played,
        client(played.port, keep_alive=alive, **LOGIN) as system,
    ):
        await send(system)
        for _ in range(8):
            await asyncio.sleep(0.06)
            assert "%%A;%%" in (await send(system, call("A;"))).seen["lines"]
        await asyncio.sleep(0.3)
    assert played.most == 1
    assert len(played.sessions) == 1
    assert played.received.count("LST TIME;") >= 2


async def test_a_connection_that_fails_to_be_kept_alive_is_replaced() -> None:
    async def dead_clock(session: Session, line: str) -> None:
        if line == "LST TIME;":
            session.writer.close()
        else:
            await hlr()(session, line)

    alive = {"every": "50ms", "send": "LST TIME;"}
    async with (
        console(dead_clock) as played,
        client(played.port, keep_alive=alive, **LOGIN) as system,
    ):
        await send(system)
        await asyncio.sleep(0.2)
        reply = await send(system)
    assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 1)
    assert len(played.sessions) == 2


async def test_a_console_with_prompts_logs_in_step_by_step() -> None:
    async def login(session: Session, line: str) -> None:
        said = {
            "op": "Password: ",
            "it's; p$": "Welcome\r\nhlr> ",
            "show": "one\r\nhlr> ",
        }
        await session.send(said.get(line, "Login incorrect\r\nlogin: "))

    steps = [
        {"send": "{{ settings.user }}", "until": "Password: "},
        {"send": "{{ settings.password }}", "until": "hlr> |login: "},
    ]
    console_of: dict[str, Any] = {
        "greeting": "login: ",
        "login": steps,
        "reply": {"prompt": "hlr> "},
        "replies": [{"if": "'incorrect' in reply.text", "outcome": "failed"}],
    }
    async with console(login, greeting=b"login: ") as played:
        for password, outcome in {"it's; p$": Outcome.APPLIED, "no": Outcome.FAILED}.items():
            settings = {"user": "op", "password": password}
            async with client(played.port, settings, **console_of) as system:
                reply = await send(system, call("show"))
            assert reply.outcome is outcome
            assert reply.seen.get("text") == ("one" if outcome is Outcome.APPLIED else None)


@pytest.mark.parametrize("closes", [False, True])
async def test_a_login_whose_reply_has_no_end_that_the_mapping_names_waits_before_the_next(
    closes: bool,
) -> None:
    """A console says `Login incorrect` and asks again, or hangs up; some lock the account."""

    async def refuse(session: Session, line: str) -> None:
        await session.send("Password: " if line == "op" else "Login incorrect\r\nlogin: ")
        if closes and line != "op":
            session.writer.close()

    console_of: dict[str, Any] = {
        "greeting": "login: ",
        "login": [{"send": "op", "until": "Password: "}, {"send": "{{ settings.password }}"}],
        "reply": {"prompt": "hlr> "},
        "connect_timeout": "100ms",
    }
    async with (
        console(refuse, greeting=b"login: ") as played,
        client(played.port, **console_of) as system,
    ):
        for _ in range(3):
            reply = await send(system, budget=0.5)
        assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
        assert "perhaps it is a refusal" in (reply.reason or "")
        assert played.received.count("p") == 1


@pytest.mark.parametrize("password", ['a"b', "a;b", "a\\b", "a\nb", "a\0b", "ä", ""])
def test_a_password_that_would_end_the_login_stops_the_start(password: str) -> None:
    with pytest.raises(BadSettings) as caught:
        client(1, {"password": password}, **LOGIN)
    assert "system.line.login.0.send: `LGI:" in str(caught.value)
    assert not password or password not in str(caught.value).replace("\\ ; ` $ ?", "")


async def test_if_one_session_has_ended_no_other_old_one_is_tried() -> None:
    ended = False

    async def restarted(session: Session, line: str) -> None:
        await asyncio.sleep(0.02)
        if ended and session.lines[-1] != LGI.format("p") and len(session.lines) > 2:
            await session.send(NOT_LOGGED_IN)
        else:
            await hlr()(session, line)

    async with (
        console(restarted) as played,
        client(played.port, expired_when=EXPIRED, concurrency=3, **LOGIN) as system,
    ):
        await asyncio.gather(*(send(system) for _ in range(3)))
        assert len(played.sessions) == 3
        ended = True
        assert (await send(system)).outcome is Outcome.APPLIED
    assert len(played.sessions) == 4
