"""A running `connector inspect`, and events for it."""

import json
import re
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

from connector_tools.program import ROOT, Program, free_port, python_module

EVENTS = ROOT / "mappings" / "events"
_TOKEN = re.compile(r"Bearer ([\w-]+)")
_KEY = re.compile(r'name="inspector-key" content="([^"]+)"')


def event(name: str = "sim-updated.json", **account: Any) -> dict[str, Any]:
    """An event of the catalogue with an `event_id` of its own; `account` changes `account_info`."""
    found: dict[str, Any] = json.loads((EVENTS / name).read_text())
    found["event_id"] = str(uuid4())
    found["pb_data"]["account_info"].update(account)
    return found


class Inspector:
    """`connector inspect FILE` in a process of its own. Use it as a context manager.

    Args:
        file: The mapping file.
        port: The port of an earlier run, to start again where a page expects it.
        more: More arguments.
    """

    def __init__(self, file: Path, port: int | None = None, more: tuple[str, ...] = ()) -> None:
        self.file = file
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = (str(file), "--port", str(self.port), *more)
        self._token = ""
        self._now = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        command = python_module("connector_tools.cli", "inspect", *self._arguments)
        self._program = Program(command, {})
        self._program.start()
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self._program.wait_until(self._answers)
        said = _TOKEN.search("\n".join(self._program.tail))
        self._token = said[1] if said else ""
        key = _KEY.search(self._http.get("/").text)
        self._key = key[1] if key else ""

    def stop(self) -> None:
        self._http.close()
        self._program.stop()

    def _answers(self) -> bool:
        try:
            return self._http.get("/api/state").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        return self._http.get(path).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self._http.post(path, json=body or {}, headers={"X-Inspector-Key": self._key}).json()

    def press(self, *buttons: str) -> None:
        """Press buttons of the subscriber's life."""
        for button in buttons:
            self.post(f"/api/life/{button}")

    def deliver(self, body: dict[str, Any]) -> int:
        """Post an event at the door, as NSPS does; its number."""
        headers = {"Authorization": f"Bearer {self._token}"}
        self._http.post("/process-event", json=body, headers=headers)
        return max(int(one["n"]) for one in self.get("/api/events")["events"])

    def newer(self, name: str = "sim-updated.json", **account: Any) -> int:
        """Deliver an event whose snapshot is newer than all before; its number."""
        body, stamp = event(name, **account), self.stamp()
        return self.deliver({**body, "created_at": stamp, "updated_at": stamp})

    def stamp(self) -> str:
        """A time after all that were given before."""
        self._now += 1
        return f"2026-03-02T11:{self._now // 60:02}:{self._now % 60:02}+00:00"

    def rewrite(self, text: str) -> None:
        """Write the mapping file, and wait until the inspector has read it."""
        self.file.write_text(text)
        self._program.wait_until(lambda: self.get("/api/state")["mapping"]["text"] == text)

    def unpin(self) -> None:
        """Remove all pins."""
        for pin in self.get("/api/state")["pins"]:
            self._http.delete(f"/api/pins/{pin['id']}", headers={"X-Inspector-Key": self._key})
