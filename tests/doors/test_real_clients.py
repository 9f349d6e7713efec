"""Real HTTP clients post events to the function: each is accepted, and its body arrives whole."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import requests

from tests.support import ROOT
from tests.support.answers import ACCEPTED
from tests.support.events import event, subscriber
from tests.support.function import TOKEN, Function
from tests.support.real_servers import go_program, java, program
from tests.support.scripted import ScriptedServer

PROGRAMS = ROOT / "tests" / "support" / "real_clients"
SIZES = (0, 600_000)  # bytes of blanks after an event
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
Answers = list[tuple[int, object]]


def printed(*command: str) -> Answers:
    """What a program prints: a status and a JSON document in each line."""
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8")
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    return [(int(status), json.loads(body)) for status, body in lines]


def with_curl(url: str, files: list[Path]) -> Answers:
    command = [program("curl"), "--silent", "--noproxy", "*", "--write-out", " %{http_code}"]
    for name, value in (*HEADERS.items(), ("Expect", "100-continue")):
        command += ["--header", f"{name}: {value}"]
    found = []
    for file in files:
        posting = [*command, "--data-binary", f"@{file}", url]
        done = subprocess.run(posting, capture_output=True, check=True, timeout=60)
        body, _, status = done.stdout.decode().rpartition(" ")
        found.append((int(status), json.loads(body)))
    return found


def with_java(url: str, files: list[Path]) -> Answers:
    return printed(*java(), str(PROGRAMS / "Post.java"), url, TOKEN, *map(str, files))


def with_node(url: str, files: list[Path]) -> Answers:
    return printed(program("node"), str(PROGRAMS / "post.js"), url, TOKEN, *map(str, files))


def with_go(url: str, files: list[Path]) -> Answers:
    made = go_program(PROGRAMS / "post.go", files[0].parent)
    return printed(made, url, TOKEN, *map(str, files))


def with_requests(url: str, files: list[Path]) -> Answers:
    found = []
    with requests.Session() as session:
        session.trust_env = False
        for file in files:
            answer = session.post(url, data=file.read_bytes(), headers=HEADERS, timeout=60)
            found.append((answer.status_code, answer.json()))
    return found


async def with_aiohttp(url: str, files: list[Path]) -> Answers:
    found = []
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        for file in files:
            with file.open("rb") as body:
                async with session.post(url, data=body, expect100=True) as answer:
                    found.append((answer.status, await answer.json()))
    return found


def sent(folder: Path, number: int) -> list[Path]:
    """Files with events of one subscriber each, with letters outside ASCII."""
    files = []
    for offset, size in enumerate(SIZES):
        made = event(
            imsi=subscriber(number + offset),
            change={"pb_data.account_info.firstname": "Žofie", "pb_data.note": "ü" * (size // 2)},
        )
        file = folder / f"event-{offset}.json"
        file.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        files.append(file)
    return files


CLIENTS: dict[str, Callable[[str, list[Path]], Answers]] = {
    "curl": with_curl,
    "java": with_java,
    "node": with_node,
    "go": with_go,
    "requests": with_requests,
}


def check(answers: Answers, system: ScriptedServer, number: int) -> None:
    assert answers == [(202, ACCEPTED)] * len(SIZES)
    paths = [request.path + request.body.decode() for request in system.requests]
    assert len(paths) == len(SIZES)
    for offset, path in enumerate(paths):
        assert subscriber(number + offset) in path


@pytest.mark.parametrize("name", CLIENTS)
def test_events_of_a_client_are_accepted(
    function: Function, system: ScriptedServer, tmp_path: Path, name: str
) -> None:
    number = 10 * (1 + list(CLIENTS).index(name))
    answers = CLIENTS[name](f"{function.url}/process-event", sent(tmp_path, number))
    check(answers, system, number)


async def test_events_of_aiohttp_are_accepted(
    function: Function, system: ScriptedServer, tmp_path: Path
) -> None:
    check(await with_aiohttp(f"{function.url}/process-event", sent(tmp_path, 900)), system, 900)
