"""Real functions that are killed and started again, and whose logs are searched for leaks."""

import asyncio
import json
import re
from pathlib import Path
from random import Random

import httpx

from connector_tools.function_process import FunctionProcess
from connector_tools.program import DidNotStart, free_port
from connector_tools.simulation.held_events import Delivery
from connector_tools.simulation.nsps import HttpAnswer
from connector_tools.simulation.store import Store

_MOST_STARTS = 20
TOKEN = "token-of-nsps-00"  # noqa: S105 - of this run only
# Personal data and tokens of the simulation, which must never be in a log line or an answer.
LEAK = re.compile(
    r"00101\d{10}|9990\d{8}|8942\d{16}|@mail\.example|(first|last)name\d|Z\d{7}|\+99\d{9}|"
    r"token-of-nsps-\d|token-\d|hash-key-of-simulation",
    re.I,
)
# Ids and hashes are random: in one run of six, one of 200,000 lines has an id like a number.
_IDS = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"[0-9a-f]{16}"')


def leaking(line: str) -> str:
    """The fields of a log line that leak personal data or tokens, as text; empty if none does."""
    if not LEAK.search(_IDS.sub("", line)):
        return ""
    try:
        fields = json.loads(line).items()
    except (ValueError, AttributeError):
        return "a line that is no record"
    found = [name for name, value in fields if LEAK.search(_IDS.sub("", json.dumps(value)))]
    return ", ".join(found) or "a name"


class Functions:
    """`count` functions on one store; use it as a context manager. See `world.Connector`.

    `secrets` is a folder with a file for each secret, `variables` the functions' environment.
    `leaks` lists what was found in logs and answers that must not be there.
    """

    def __init__(
        self, count: int, secrets: Path, variables: dict[str, str], store: Store, random: Random
    ) -> None:
        self.leaks: list[str] = []
        self.lines = 0
        (secrets / "API_TOKEN").write_text(TOKEN)
        (secrets / "HASH_KEY").write_text("hash-key-of-simulation")
        self._env = store.environment | variables
        self._env |= {"SECRETS": f"file:{secrets}", "LEDGER_URL": store.url}
        self._store = store
        self._random = random
        ports = [free_port() for _ in range(count)]
        self._functions = [FunctionProcess(self._env, port) for port in ports]
        self._client = httpx.AsyncClient(
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            limits=httpx.Limits(max_connections=None, keepalive_expiry=1),
        )
        self._turn = 0

    async def __aenter__(self) -> "Functions":
        """Start all functions, and wait until they answer."""
        for function in self._functions:
            function.start()
        for function in self._functions:
            await asyncio.to_thread(function.wait_until_healthy)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop all functions, and search the rest of their logs."""
        self._reading.cancel()
        await self._client.aclose()
        for function in self._functions:
            function.stop()
        self._read_all()

    async def post(self, posted: Delivery) -> HttpAnswer:
        """Post to the functions in turn: see `world.Connector`."""
        self._turn += 1
        function = self._functions[self._turn % len(self._functions)]
        try:
            url = f"{function.url}/process-event"
            response = await self._client.post(url, content=posted.body)
        except httpx.HTTPError:
            return 0, ""
        if LEAK.search(response.text):
            self.leaks.append("personal data or a secret in an answer")
        return response.status_code, response.text

    async def kill(self) -> None:
        """Kill a function with SIGKILL, and start another one: see `world.Connector`."""
        number = self._random.randrange(len(self._functions))
        killed = self._functions[number]
        killed.kill()
        self._read_one(killed)
        await asyncio.sleep(self._random.uniform(0, 1))
        await self._start_again(number, killed.port)

    async def _start_again(self, number: int, port: int) -> None:
        """Start a function; like the platform, again if it ends because the ledger is away.

        Raises:
            DidNotStart: it never starts.
        """
        for tries in range(_MOST_STARTS, 0, -1):
            function = self._functions[number] = FunctionProcess(self._env, port)
            function.start()
            try:
                await asyncio.to_thread(function.wait_until_healthy)
                return
            except DidNotStart:
                if tries == 1:
                    raise

    async def trouble_ledger(self, seconds: float) -> None:
        """Make the store unreachable: see `world.Connector`."""
        await self._store.trouble(seconds)

    async def _read(self) -> None:
        while True:
            self._read_all()
            await asyncio.sleep(0.5)

    def _read_all(self) -> None:
        for function in self._functions:
            self._read_one(function)

    def _read_one(self, function: FunctionProcess) -> None:
        """Search the lines that it has logged since the last time."""
        while (line := function.line(0)) is not None:
            self.lines += 1
            if where := leaking(line):
                self.leaks.append(f"personal data or a secret in a log line: {where}")
