"""The function and an embedded HLR/HSS, each in a process of its own on this machine.

`run` keeps them running for whoever wants to try them, and tells what each event did; the demo
sends a subscriber's life through them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
PROFILES = ("default", "mobile-m", "mobile-l", "cs-pp-20250319", "eps-pp-20250319")
_STARTUP_SECONDS = 30
_STOP_SECONDS = 10


class CannotStart(Exception):  # noqa: N818 - tells why, for whoever started it
    """The stack cannot start; the text says what to do."""


class Stack:
    """Both processes; use it as a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.token = os.environ.get("API_TOKEN", "").split(",")[0].strip() or token_urlsafe(16)
        self.hlr_token = token_urlsafe(16)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.hlr_url = ""
        self._processes: list[subprocess.Popen[str]] = []
        self._client = httpx.Client(trust_env=False, timeout=60)

    def __enter__(self) -> Self:
        """Start both, and wait until they answer.

        Raises:
            CannotStart: one does not.
        """
        if not _is_free(self.port):
            raise CannotStart(f"port {self.port} is in use: name another one with --port")
        try:
            hlr = self._start("connector_tools.hlr", *self._hlr_arguments())
            self.hlr_url = _line(hlr).rpartition(" ")[2].strip()
            arguments = ("--target", "process_event", "--source", str(ROOT / "main.py"))
            listen = ("--host", "127.0.0.1", "--port", str(self.port))
            self._start("functions_framework", *arguments, *listen)
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop both."""
        self._client.close()
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout:
                process.stdout.close()

    def post(self, event: dict[str, Any], token: str, ids: dict[str, str]) -> httpx.Response:
        """Post an event as NSPS does."""
        headers = {"Authorization": f"Bearer {token}", **ids}
        return self._client.post(f"{self.url}/process-event", json=event, headers=headers)

    def lines(self) -> Iterator[dict[str, Any]]:
        """The function's log, line by line, as they come."""
        function = self._processes[1]
        for text in function.stdout or ():
            with suppress(ValueError):
                yield json.loads(text)

    def subscriber(self, imsi: str) -> dict[str, Any] | None:
        """The HLR's record of an IMSI, None if it has none."""
        response = self._hlr("GET", f"/subscribers/{imsi}")
        return response.json() if response.status_code == 200 else None

    def subscribers(self) -> dict[str, dict[str, Any]]:
        """All records of the HLR, by IMSI."""
        found: dict[str, dict[str, Any]] = self._hlr("GET", "/subscribers").json()
        return found

    def hlr_mode(self, mode: str) -> None:
        """Make the HLR fail (`outage`) or work (`up`)."""
        self._hlr("PUT", "/mode", json={"mode": mode}).raise_for_status()

    def _hlr(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = httpx.URL(self.hlr_url).join(path)
        headers = {"Authorization": f"Bearer {self.hlr_token}"}
        return self._client.request(method, url, headers=headers, **options)

    def _hlr_arguments(self) -> tuple[str, ...]:
        return ("--port", "0", "--token", self.hlr_token, "--profiles", ",".join(PROFILES))

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = inherited | {
            "API_TOKEN": self.token,
            "WTL_API_URL": self.hlr_url,
            "WTL_API_TOKEN": self.hlr_token,
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", module, *arguments],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to hand on, in order
        )
        self._processes.append(process)
        return process

    def _wait(self) -> None:
        function = self._processes[1]
        deadline = time.monotonic() + _STARTUP_SECONDS
        while time.monotonic() < deadline and function.poll() is None:
            with suppress(httpx.TransportError):
                self._client.get(f"{self.url}/health")
                return
            time.sleep(0.05)
        function.kill()
        told = function.stdout.read() if function.stdout else ""
        raise CannotStart(f"the function did not start:\n{told[-2000:]}")


def run(port: int = 8080) -> int:
    """Keep the stack running until Ctrl-C, and tell what each event did to the HLR."""
    try:
        with Stack(port) as stack:
            _explain(stack)
            for line in stack.lines():
                told = told_line(line, stack.subscribers())
                if told:
                    print(told, flush=True)
    except CannotStart as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    print("The function stopped by itself.", file=sys.stderr)
    return 1


def told_line(line: dict[str, Any], subscribers: dict[str, dict[str, Any]]) -> str | None:
    """A settled event or a refused request as a line for people; None for other log lines."""
    if line.get("message") not in ("event settled", "request refused"):
        return None
    subjects = line.get("subject", [])
    records = [
        f"HLR {imsi}: {record_text(record)}"
        for imsi, record in subscribers.items()
        if any(subject.endswith(imsi[-4:]) for subject in subjects)
    ]
    parts = [
        line["time"][11:19],
        line.get("event_type", line.get("method", "")),
        " ".join(subjects),
        f"{line['outcome']} ({line['status']})",
        line.get("reason", ""),
        f"{len(line.get('calls', []))} calls",
        f"{line['milliseconds']} ms" if "milliseconds" in line else "",
        *records,
    ]
    return "  ".join(part for part in parts if part)


def record_text(record: dict[str, Any] | None) -> str:
    """The HLR's record in a few words."""
    if record is None:
        return "no record"
    state = "granted" if record["subscriber_status"] == "serviceGranted" else "barred"
    number = record["msisdn"][0] if record["msisdn"] else "no number"
    return f"{state}, {number}, {record['cs_profile'] or 'no profile'}"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if "listening" not in line:
        raise CannotStart(f"the HLR/HSS did not start:\n{line}")
    return line


def _explain(stack: Stack) -> None:
    event = ROOT / "mappings" / "events" / "sim-updated.json"
    print(
        f"function  {stack.url}  (health: {stack.url}/health)\n"
        f"HLR/HSS   {stack.hlr_url}\n"
        "Send an event:\n"
        f"  curl --noproxy '*' -H 'Authorization: Bearer {stack.token}' "
        f"-d @{event} {stack.url}/process-event\n"
        "See the HLR's records:\n"
        f"  curl --noproxy '*' -H 'Authorization: Bearer {stack.hlr_token}' "
        f"{httpx.URL(stack.hlr_url).join('/subscribers')}\n"
        "Ctrl-C stops both. What each event does:",
        flush=True,
    )
