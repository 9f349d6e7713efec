"""Opening connections: several addresses of a name, time, cancelled attempts, silent names."""

import asyncio
import gc
import random
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from connector.systems.connect import NoConnection, connect, open_streams
from tests.support.certificates import Authority
from tests.support.function import free_port
from tests.support.names import KINDS, Lookup, Place, loop_with, silence
from tests.support.peer import until

HOST = "hlr.example"
DEAD_IPV6 = ("2001:db8::1", 80)  # for documents: no network has it (RFC 3849)
on_both_loops = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
Kind = type[asyncio.AbstractEventLoop]


def run(kind: Kind, lookup: Lookup, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work`; what the loop would log as unhandled fails the test."""
    told: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        await work()
        await asyncio.sleep(0.02)
        gc.collect()

    with asyncio.Runner(loop_factory=lambda: loop_with(lookup, kind)) as runner:
        runner.run(watched())
    assert told == []


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello\n")
    await writer.drain()
    writer.close()


def places(*found: Place) -> Lookup:
    async def lookup(host: str, port: int) -> list[Place]:
        return list(found)

    return lookup


async def nobody(host: str, port: int) -> list[Place]:
    raise AssertionError(f"{host} needs no name server")


async def served(*before: Place, within: float = 10) -> bytes:
    """What a live server says; its address comes after the addresses `before`."""
    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        live = server.sockets[0].getsockname()
        asyncio.get_running_loop().answers = [*before, live]  # type: ignore[attr-defined]
        reader, writer = await open_streams((HOST, 80), within)
        said = await reader.readline()
        writer.close()
        return said


async def answers(host: str, port: int) -> list[Place]:
    found: list[Place] = asyncio.get_running_loop().answers  # type: ignore[attr-defined]
    return found


@on_both_loops
def test_a_name_is_reached_at_the_first_of_its_addresses_that_answers(kind: Kind) -> None:
    async def calls() -> None:
        with silence() as silent:
            refused = ("127.0.0.1", free_port())
            befores: list[list[Place]] = [
                [],
                [silent],
                [DEAD_IPV6],
                [refused],
                [DEAD_IPV6, silent, refused],
                [silent, silent, silent],
            ]
            for before in befores:
                assert await served(*before) == b"hello\n"

    run(kind, answers, calls)


@on_both_loops
def test_the_last_of_many_addresses_is_tried_in_time(kind: Kind) -> None:
    """With a fixed step of 250 ms, the ninth address would be tried after 2 s."""

    async def calls() -> None:
        with silence() as silent:
            assert await served(*[silent] * 8, within=1.5) == b"hello\n"

    run(kind, answers, calls)


@on_both_loops
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_name_server(kind: Kind, host: str) -> None:
    async def calls() -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            server = await asyncio.start_server(greet, host, 0, family=family)
        except OSError:
            pytest.skip("this machine has no IPv6")
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await open_streams((host, port), 10)
            assert await reader.readline() == b"hello\n"
            writer.close()

    run(kind, nobody, calls)


@on_both_loops
def test_time_counts_from_the_name_to_the_end_of_the_handshake(kind: Kind) -> None:
    """A resolver that fails after its caller has left leaves nothing in the log (see `run`)."""
    left = asyncio.Event()

    async def lookup(host: str, port: int) -> list[Place]:
        if host == HOST:
            return [silent]

        def fails() -> list[Place]:
            raise socket.gaierror(socket.EAI_AGAIN, "late")

        try:
            await left.wait()
        finally:
            asyncio.get_running_loop().run_in_executor(None, fails).add_done_callback(
                lambda done: done.exception()
            )
        return []

    async def calls() -> None:
        create = asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        async with await create as mute:
            port = mute.sockets[0].getsockname()[1]
            for place, tls, cause in [
                (("slow.example", 80), None, "no address of the name within 0.2 s"),
                ((HOST, 80), None, "no connection within 0.2 s"),
                (
                    ("127.0.0.1", port),
                    ssl.create_default_context(),
                    "no TLS handshake within 0.2 s",
                ),
            ]:
                with pytest.raises(NoConnection, match=cause) as caught:
                    await connect(asyncio.Protocol, place, 0.2, tls)
                assert not caught.value.in_time

    with silence() as silent:
        run(kind, lookup, calls)


@on_both_loops
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_cancelled_attempt_leaves_no_socket_open(
    kind: Kind, secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, process = Authority(tmp_path), psutil.Process()
    chance = random.Random(1)  # noqa: S311 - can be repeated
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    client = ssl.create_default_context() if secure else None
    server = authority.server([HOST]) if secure else None

    async def attempt(turns: int) -> bool:
        """One attempt, cancelled after some turns of the loop; true if it was in time."""
        task = asyncio.create_task(connect(asyncio.Protocol, (HOST, 80), 10, client))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            _, transport = await task
        except asyncio.CancelledError:
            return False
        transport.abort()
        return True

    async def calls() -> None:
        loop, ended = asyncio.get_running_loop(), set()
        create = loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=server)
        with silence() as silent:
            async with await create as live:
                place = live.sockets[0].getsockname()
                loop.answers = [place]  # type: ignore[attr-defined]
                (await connect(asyncio.Protocol, (HOST, 80), 10, client))[1].abort()
                await asyncio.sleep(0.05)
                before = process.num_fds()
                for number in range(60):
                    found = [[place], [place, place], [silent, place]][number % 3]
                    loop.answers = found  # type: ignore[attr-defined]
                    ended.add(await attempt(chance.randrange(40)))
                await until(lambda: process.num_fds() <= before)
        assert ended == {True, False}

    run(kind, answers, calls)
