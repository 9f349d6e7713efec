"""The world in which the commands of docs/cookbook run: a policy server, a function and its log."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from connector_tools.program import kept_environment
from tests.support import ROOT
from tests.support.cookbook import EVENTS, PAGES, mapping_in, written
from tests.support.function import TOKEN, Function

IMSI = "001010000000001"
HASH_KEY = "the-key-of-the-hashes-of-the-cookbook"
SERVED = "read-compare-write"  # the page whose mapping file the function serves


class PolicyServer:
    """The policy server of the page `read-compare-write`, on a socket; `held` is what it holds."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.broken = False  # whether it answers 500 to everything
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self._server = server

    @contextmanager
    def running(self) -> Iterator["PolicyServer"]:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, method: str, imsi: str, body: dict[str, Any]) -> tuple[int, Any]:
        """The status and the body of its answer to a request."""
        if self.broken:
            return 500, {"error": "disk full"}
        if method == "PUT":
            self.held[imsi] = body
        if imsi not in self.held:
            return 404, {"error": "no subscriber"}
        if method == "PATCH":
            self.held[imsi] |= body
        if method == "DELETE":
            return 200, self.held.pop(imsi)
        return 200, self.held[imsi]


def _handler(policy: PolicyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

        def do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            imsi = self.path.rpartition("/")[2]
            status, answer = policy.answer(self.command, imsi, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815 - the names of http.server

    return Handler


class World:
    """A folder with every mapping file of the cookbook, and what its commands speak to."""

    def __init__(self, folder: Path, policy: PolicyServer, function: Function) -> None:
        self.folder, self.policy, self.function = folder, policy, function

    def run(self, commands: str) -> str:
        """What these lines of a shell print, on both outputs."""
        environ = kept_environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PCRF_URL": self.policy.url,
            "CONNECTOR_URL": f"{self.function.url}/process-event",
            "API_TOKEN": TOKEN,
            "HASH_KEY": HASH_KEY,
            "COLUMNS": "80",
        }
        done = subprocess.run(
            ["bash", "-c", commands],  # noqa: S607 - bash is where the PATH says
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A function with a night behind it.

    An event came while the policy server was broken, came again later, and came a third time. One
    event lacks `account_info`.
    """
    for page in PAGES:
        if mapping_in(page):
            written(page, folder)
    lacking = json.loads((EVENTS / "sim-updated.json").read_text(encoding="utf-8"))
    whole = json.dumps(lacking)
    lacking["event_id"] = "0b5c2d1e-0000-4000-8000-000000000001"
    lacking["data"]["variables"]["i_event"] = 1000077
    del lacking["pb_data"]["account_info"]
    (folder / "lacking.json").write_text(json.dumps(lacking), encoding="utf-8")
    with PolicyServer().running() as policy:
        policy.held[IMSI] = {"plan": "Mobile S", "state": "active"}
        environ = kept_environment() | {
            "MAPPING_FILE": str(folder / f"{SERVED}.yaml"),
            "PCRF_URL": policy.url,
            "API_TOKEN": TOKEN,
            "HASH_KEY": HASH_KEY,
        }
        with Function(folder / "night.log", environ) as function:
            policy.broken = True
            function.post(whole.encode())
            policy.broken = False
            function.post(whole.encode())
            function.post(whole.encode())
            function.post(json.dumps(lacking).encode())
            policy.held[IMSI] = {"plan": "Mobile S", "state": "active"}
            yield World(folder, policy, function)


if __name__ == "__main__":  # to look at what commands print: python -m tests.support.cookbook_world
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name, world(Path(name)) as made:
        print(made.run(sys.stdin.read() or f"ls {ROOT}"))
