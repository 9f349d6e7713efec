"""The function and an embedded HLR/HSS, each in a process of its own on this machine.

`connector run` calls `run`, which keeps them running and prints what each event did.
`connector demo` sends the life of a subscriber through them (demo.py).
"""

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from secrets import token_urlsafe
from typing import Any, Self

import httpx

from connector.log import subject_hash
from connector.pipeline import hash_key
from connector_tools.function_process import FunctionProcess
from connector_tools.program import ROOT, DidNotStart, Program, free_port, python_module
from connector_tools.stack.text import SubscriberRecord, event_line, introduction, style
from connector_tools.terminal import CANNOT_RUN, say, terminal

PROFILES = ("default", "mobile-m", "mobile-l", "cs-pp-20250319", "eps-pp-20250319")
EVENT = ROOT / "mappings" / "events" / "sim-updated.json"
_STARTUP_SECONDS = 60
_LOG_SECONDS = 10
SETTLED = ("event settled", "request refused")  # messages of the log's records with an outcome
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LogLine = dict[str, Any]


class StackError(Exception):
    """The stack cannot start or go on. The lines of the text say why, and what to do."""


class Stack:
    """Both processes, as a context manager. SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C.

    `port` is where the function listens; without it, a free port is chosen.
    """

    def __init__(self, port: int | None = None) -> None:
        given = os.environ.get("API_TOKEN", "")
        self.tokens = given if given.strip() else token_urlsafe(16)
        self.token = self.tokens.partition(",")[0].strip()
        self.hlr_token = token_urlsafe(16)
        # A token from the environment is a secret, so the shell's name of it is shown. A token of
        # this run alone is shown as it is.
        shown = "${API_TOKEN%%,*}" if given.strip() else self.token
        self.bearers = (shown, self.hlr_token)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.hlr_url = ""
        self._programs: list[Program] = []
        self._client = httpx.Client(trust_env=False, timeout=60)
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Start both, and wait until they answer.

        Raises:
            StackError: The port is in use, or one of them does not start.
        """
        check_is_free(self.port)
        self._handlers = {
            one: signal.signal(one, signal.default_int_handler) for one in STOP_SIGNALS
        }
        try:
            self._start_hlr()
            self._start_function()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop both; the function first, because it may be calling the HLR."""
        for name in self._handlers:
            signal.signal(name, signal.SIG_IGN)  # so that a second Ctrl-C leaves no process behind
        self._client.close()
        for program in reversed(self._programs):
            program.stop()
        for name, handler in self._handlers.items():
            signal.signal(name, handler)

    def post(self, body: bytes, token: str, ids: Mapping[str, str]) -> httpx.Response:
        """Post an event as NSPS does; `ids` are headers that identify the request.

        Raises:
            StackError: There is no answer.
        """
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **ids}
        try:
            return self._client.post(f"{self.url}/process-event", content=body, headers=headers)
        except httpx.TransportError:
            raise self.error("The function does not answer.") from None

    def settled(self) -> Iterator[LogLine]:
        """Yield the function's log records that hold an outcome, until the function ends."""
        while (text := self._programs[-1].line()) is not None:
            line = _json(text)
            if line.get("message") in SETTLED:
                yield line

    def record_of(self, unique_id: str) -> LogLine:
        """Wait for the log record with the outcome of the request with this `x-request-id`.

        Raises:
            StackError: There is none within 10 s.
        """
        while (text := self._programs[-1].line(_LOG_SECONDS)) is not None:
            line = _json(text)
            if line.get("unique_id") == unique_id and line.get("message") in SETTLED:
                return line
        raise self.error("The function did not log what became of an event.")

    def subscriber(self, imsi: str) -> SubscriberRecord | None:
        """The HLR's record of an IMSI; None if it has none."""
        response = self._hlr("GET", f"/subscribers/{imsi}")
        return response.json() if response.status_code == 200 else None

    def subscribers_by_hash(self) -> dict[str, SubscriberRecord]:
        """All records of the HLR, by the `subject_hash` of their IMSIs in the function's log."""
        key, records = hash_key(self.token), self._hlr("GET", "/subscribers").json()
        return {subject_hash(key, f"imsi:{imsi}"): record for imsi, record in records.items()}

    def hlr_mode(self, mode: str) -> None:
        """Set the HLR's mode: `outage` answers 503, `up` works; hlr_http.py lists all modes."""
        self._hlr("PUT", "/mode", json={"mode": mode}).raise_for_status()

    def error(self, what: str) -> StackError:
        """An error that ends with the last log lines of the program that was started last."""
        tail = self._programs[-1].tail
        return StackError(
            "\n".join([what, *(["The last lines of its log:", *tail] if tail else [])])
        )

    def _hlr(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.hlr_token}"}
        url = httpx.URL(self.hlr_url).join(path)
        try:
            return self._client.request(method, url, headers=headers, **options)
        except httpx.TransportError:
            raise self.error("The HLR/HSS does not answer.") from None

    def _start_hlr(self) -> None:
        arguments = ["--port", "0", "--profiles", ",".join(PROFILES)]
        command = python_module("connector_tools.counterparts.hlr_http", *arguments)
        hlr = Program(command, {"WTL_API_TOKEN": self.hlr_token})
        self._start(hlr)
        listening = hlr.line(_STARTUP_SECONDS) or ""
        self.hlr_url = listening.rpartition(" ")[2]
        if not self.hlr_url.startswith("http"):
            raise self.error("The HLR/HSS did not start.")

    def _start_function(self) -> None:
        variables = {
            "API_TOKEN": self.tokens,
            "MAPPING_FILE": str(ROOT / "mappings" / "wtl-hlr-hss.yaml"),
            "WTL_API_URL": self.hlr_url,
            "WTL_API_TOKEN": self.hlr_token,
        }
        function = FunctionProcess(variables, self.port)
        self._start(function)
        try:
            function.wait_until_healthy()
        except DidNotStart:
            raise self.error("The function did not start.") from None

    def _start(self, program: Program) -> None:
        program.start()
        self._programs.append(program)


def run(port: int = 8080) -> int:
    """Keep the stack running until Ctrl-C, print what each event did, and return the exit code."""
    say("Starting an HLR/HSS and the function ...")
    try:
        with Stack(port) as stack:
            for text in introduction(stack.url, stack.hlr_url, stack.bearers, EVENT):
                say(text)
            for line in stack.settled():
                say(event_line(line, stack.subscribers_by_hash()), style(line))
            raise stack.error("The function ended by itself.")
    except StackError as error:
        return report_error(error)
    except KeyboardInterrupt:
        say("Stopped.")
        return 0


def report_error(error: StackError) -> int:
    """Print an error on standard error, and return the exit code."""
    for text in str(error).splitlines():
        say(text, "red", to=terminal(stderr=True))
    return CANNOT_RUN


def _json(text: str) -> LogLine:
    with suppress(ValueError):
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    return {}


def check_is_free(port: int) -> None:
    """Check that a program can listen on this port.

    Raises:
        StackError: it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"Port {port} cannot be used: {error.strerror}. Stop what listens there, or choose "
                f"another one: connector run --port {free_port()}"
            ) from None
