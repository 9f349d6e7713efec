"""The protocol `line` with a real telnetd: negotiations, a terminal that echoes, a prompt."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.outcome import Outcome
from tests.systems.line.console import call, client, send

CONSOLE = """#!/bin/sh
printf 'user: '; read -r user; printf 'password: '; stty -echo; read -r password; stty echo; echo
test "$user/$password" = 'op/it is; secret' || { echo 'Login incorrect'; exit; }
while printf 'hlr> ' && read -r line; do
    test "$line" = quit && exit
    echo "RESULT ${#line}"; echo "GOT $line"
done
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a telnetd that runs a console for each connection."""
    program = shutil.which("telnetd", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("telnetd is not installed: apt-get install inetutils-telnetd")
    console = tmp_path / "console"
    console.write_text(CONSOLE)
    console.chmod(0o755)
    listening = socket.create_server(("127.0.0.1", 0))
    started: list[subprocess.Popen[bytes]] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            command = [program, "-h", "-E", str(console)]
            with connection:
                end = connection.fileno()
                started.append(subprocess.Popen(command, stdin=end, stdout=end))

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for process in started:
        process.kill()
        process.wait()


SYSTEM = {
    "telnet": True,
    "greeting": "(?:.*)user: ",
    "login": [
        {"send": "{{ settings.user }}", "until": "password: "},
        {"send": "{{ settings.password }}", "until": "hlr> |Login incorrect"},
    ],
    "logout": "quit",
    "reply": {
        "prompt": "hlr> ",
        "status": "RESULT ([0-9]+)",
        "success": ["4", "13"],
        "example": "RESULT 4",
    },
    "replies": [{"if": "'incorrect' in reply.text", "outcome": "failed"}],
    "timeout": "5s",
}


async def test_a_console_over_a_real_telnetd_is_logged_in_to_and_asked(port: int) -> None:
    settings = {"user": "op", "password": "it is; secret"}
    async with client(port, settings, None, **SYSTEM) as system:
        for command in ("show", "show 'it' \"a\"", "show"):
            reply = await send(system, call(command))
            assert reply.outcome is Outcome.APPLIED, reply
            assert reply.seen["lines"] == [f"RESULT {len(command)}", f"GOT {command}"]


async def test_a_wrong_password_over_a_real_telnetd_is_refused(port: int) -> None:
    async with client(port, {"user": "op", "password": "wrong"}, None, **SYSTEM) as system:
        reply = await send(system, call("show"))
    assert (reply.outcome, reply.refused) == (Outcome.FAILED, True)
