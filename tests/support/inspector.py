"""The inspector as a page uses it: the real application under uvicorn, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.inspector.app import application
from connector_tools.inspector.desk import Desk
from connector_tools.inspector.serve import server
from connector_tools.inspector.surroundings import Surroundings

KEY, TOKEN = "key-of-the-page", "token-of-the-sender"


class Page:
    """A client with the key of the run. `desk` is what it looks at, `sockets` where it listens."""

    def __init__(
        self, client: httpx.AsyncClient, desk: Desk, sockets: tuple[Any, ...] = ()
    ) -> None:
        self.client = client
        self.desk = desk
        self.sockets = sockets

    async def get(self, path: str) -> Any:
        """A document of the API."""
        return (await self.ask("GET", path)).json()

    async def post(self, path: str, document: Any = None, status: int = 200) -> Any:
        """The answer to a post that must have this status."""
        answer = await self.ask("POST", path, document)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def ask(self, method: str, path: str, document: Any = None) -> httpx.Response:
        """The answer of the API."""
        headers = {"X-Inspector-Key": KEY}
        content = None if document is None else json.dumps(document)
        return await self.client.request(method, f"/api{path}", headers=headers, content=content)

    async def send(self, event: Any) -> httpx.Response:
        """The answer to an event that NSPS posts."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return await self.client.post("/process-event", headers=headers, content=body)

    async def last(self, *, reveal: bool = False) -> Any:
        """The detail of the last event."""
        events = (await self.get("/events"))["events"]
        return await self.get(f"/events/{events[-1]['n']}" + ("?reveal=1" if reveal else ""))


@asynccontextmanager
async def inspected(
    file: Path, counterpart: Counterpart | None = None, *, real: bool = False
) -> AsyncIterator[Page]:
    """Inspect a mapping file; the counterpart runs already."""
    around = Surroundings(counterpart, real=real)
    async with Desk(file, around, TOKEN) as desk:
        web = server(application(desk, KEY), 0)
        serving = asyncio.create_task(web.serve())
        try:
            while not web.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
            port = web.servers[0].sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
                yield Page(client, desk, tuple(web.servers[0].sockets))
        finally:
            web.should_exit = True
            await serving
