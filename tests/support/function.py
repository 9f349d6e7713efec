"""The function as it is deployed: Functions Framework in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support import ROOT

TOKEN = "token-of-nsps"
STARTUP_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(system_url: str, **variables: str) -> dict[str, str]:
    """What the function needs, pointing to an external system; no proxy stands in between."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {
        "API_TOKEN": TOKEN,
        "WTL_API_URL": system_url,
        "WTL_API_TOKEN": "token-of-the-hlr",
        **variables,
    }


def mapping_with(line: str, folder: Path) -> str:
    """The path of a copy of the WTL mapping with one more line about its system."""
    text = (ROOT / "mappings" / "wtl-hlr-hss.yaml").read_text(encoding="utf-8")
    file = folder / "mapping.yaml"
    file.write_text(text.replace("  http:\n", f"  http:\n    {line}\n", 1), encoding="utf-8")
    return str(file)


class Function:
    """A running function; use it as a context manager.

    `stderr` is the descriptor of its standard error, which goes to the log file otherwise.
    """

    def __init__(
        self,
        log_file: Path,
        env: Mapping[str, str],
        target: str = "process_event",
        stderr: int = subprocess.STDOUT,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = log_file
        command = [sys.executable, "-m", "functions_framework"]
        command += ["--target", target, "--source", str(ROOT / "main.py")]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        with log_file.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=ROOT,
                stdout=log,
                stderr=stderr,
                start_new_session=True,
            )
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + STARTUP_SECONDS
        while True:
            try:
                self.client.get("/health")
            except httpx.TransportError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"did not start:\n{self.output()}") from None
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def post(self, event: Any, *, token: str | None = TOKEN, **options: Any) -> httpx.Response:
        """Post an event (or raw bytes) as NSPS does."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        headers |= options.pop("headers", {})
        content = event if isinstance(event, bytes) else json.dumps(event).encode()
        path = options.pop("path", "/process-event")
        return self.client.post(path, content=content, headers=headers, **options)

    def raw(self, request: bytes, seconds: float = 5) -> bytes:
        """Send bytes as they are; all that comes back until the function closes or is silent."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            connection.sendall(request)
            try:
                while received := connection.recv(65536):
                    answer += received
            except (TimeoutError, ConnectionError):
                pass
        return answer

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9, the server and its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def output(self) -> str:
        return self.log_file.read_text(errors="replace")

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The log lines so far, those that have all of the wanted values."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.strip()]
        return [line for line in lines if wanted.items() <= line.items()]

    def record(self, **wanted: Any) -> dict[str, Any]:
        """The one line that has all of the wanted values."""
        (line,) = self.lines(**wanted)
        return line
