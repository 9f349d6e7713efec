"""What all stand-ins with an HTTP interface share."""

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from connector_tools.counterparts.stand_in.http import HttpReply, HttpRequest, HttpStandIn


class Slow(HttpStandIn):
    """Keeps the paths that it was asked for; `/slow` holds all others up."""

    mapping = "none"
    what = "a stand-in that can be held up"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.paths: list[str] = []
        self.begun, self.go_on = Event(), Event()

    def handle(self, request: HttpRequest) -> HttpReply:
        self.paths.append(request.path)
        if request.path == "/slow":
            self.begun.set()
            self.go_on.wait(10)
        return HttpReply(200)

    def variables(self, host: str, port: int) -> dict[str, str]:
        return {}

    def holds(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Slow]:
    with Slow(tmp_path) as running:
        yield running


def test_a_request_whose_sender_has_gone_is_not_carried_out(stand_in: Slow) -> None:
    """On a busy machine it would be carried out later than the connector expects."""
    url = "http://{}:{}".format(*stand_in.place)
    holding = Thread(target=httpx.get, args=(f"{url}/slow",), kwargs={"trust_env": False})
    holding.start()
    assert stand_in.begun.wait(10)
    with socket.create_connection(stand_in.place) as late:
        late.sendall(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
    stand_in.go_on.set()
    holding.join(10)
    assert httpx.get(f"{url}/next", trust_env=False).status_code == 200
    assert stand_in.paths == ["/slow", "/next"]
