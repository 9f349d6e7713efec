"""Real functions, each in a process of its own, that are killed and started again."""

import asyncio
import json
import os
import re
import signal
import socket
from pathlib import Path
from random import Random

import httpx

from connector_tools.program import ROOT, Program
from connector_tools.simulation.nsps import Answer, Delivery
from connector_tools.simulation.store import Store

TOKEN = "token-of-nsps-0"  # noqa: S105 - of this run only
_STARTUP_SECONDS = 60
# What must not stand in a log: everything personal that the simulation makes up, and its tokens.
LEAK = re.compile(
    r"00101\d{10}|9990\d{8}|8942\d{16}|@mail\.example|(first|last)name\d|Z\d{7}|\+99\d{9}|"
    r"token-of-nsps-\d|token-\d|hash-key-of-simulation",
    re.I,
)
# Ids and hashes are random: one among 200,000 lines may look like a number, in one run of six.
_IDS = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"[0-9a-f]{16}"')


def leaking(line: str) -> str:
    """The fields of a log line that hold what must not stand there; empty if none does."""
    if not LEAK.search(_IDS.sub("", line)):
        return ""
    try:
        fields = json.loads(line).items()
    except (ValueError, AttributeError):
        return "a line that is no record"
    found = [name for name, value in fields if LEAK.search(_IDS.sub("", json.dumps(value)))]
    return ", ".join(found) or "a name"


class Functions:
    """See `world.Connector`; use it as a context manager.

    `secrets` is a folder with a file for each secret, `variables` the environment.
    """

    def __init__(
        self, count: int, secrets: Path, variables: dict[str, str], store: Store, random: Random
    ) -> None:
        self.leaks: list[str] = []
        self.lines = 0
        (secrets / "API_TOKEN").write_text(TOKEN)
        (secrets / "HASH_KEY").write_text("hash-key-of-simulation")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._env = kept | store.environment | variables
        self._env |= {"SECRETS": f"file:{secrets}", "LEDGER_URL": store.url}
        self._store = store
        self._random = random
        self._ports = [_free_port() for _ in range(count)]
        self._programs: list[Program] = []
        self._client = httpx.AsyncClient(
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            limits=httpx.Limits(max_connections=None, keepalive_expiry=1),
        )
        self._turn = 0

    async def __aenter__(self) -> "Functions":
        """Start them, and wait until they answer."""
        self._programs = [self._start(number) for number in range(len(self._ports))]
        for number in range(len(self._ports)):
            await self._answers(number)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop them."""
        self._reading.cancel()
        await self._client.aclose()
        for program in self._programs:
            program.stop()
        self._read_all()

    async def post(self, posted: Delivery) -> Answer:
        """See `world.Connector`: each in turn."""
        self._turn += 1
        port = self._ports[self._turn % len(self._ports)]
        try:
            url = f"http://127.0.0.1:{port}/process-event"
            response = await self._client.post(url, content=posted.body)
        except httpx.HTTPError:
            return 0, ""
        if LEAK.search(response.text):
            self.leaks.append("personal data or a secret in an answer")
        return response.status_code, response.text

    async def kill(self) -> None:
        """See `world.Connector`: -9, without a warning."""
        number = self._random.randrange(len(self._ports))
        self._programs[number].kill(signal.SIGKILL)
        self._read_one(self._programs[number])
        await asyncio.sleep(self._random.uniform(0, 1))
        self._programs[number] = self._start(number)
        await self._answers(number)

    async def trouble_ledger(self, seconds: float) -> None:
        """See `world.Connector`."""
        await self._store.trouble(seconds)

    def _start(self, number: int) -> Program:
        arguments = ["--target", "process_event", "--source", str(ROOT / "main.py")]
        arguments += ["--host", "127.0.0.1", "--port", str(self._ports[number])]
        return Program("functions_framework", arguments, self._env)

    async def _answers(self, number: int) -> None:
        for _ in range(_STARTUP_SECONDS * 20):
            try:
                await self._client.get(f"http://127.0.0.1:{self._ports[number]}/health")
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
            else:
                return
        told = "\n".join(self._programs[number].tail)
        raise RuntimeError(f"a function did not start:\n{told}")

    async def _read(self) -> None:
        while True:
            self._read_all()
            await asyncio.sleep(0.5)

    def _read_all(self) -> None:
        for program in self._programs:
            self._read_one(program)

    def _read_one(self, program: Program) -> None:
        """Look through what it logged."""
        while (line := program.line(0)) is not None:
            self.lines += 1
            if where := leaking(line):
                self.leaks.append(f"personal data or a secret in a log line: {where}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
