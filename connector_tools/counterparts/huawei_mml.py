"""A stand-in for Huawei's HLR9820 and HSS9860 on TCP, the counterpart of `huawei-mml.yaml`.

A session is a connection: it begins with LGI and ends with LGO or with the connection. A user has a
limited number of sessions. An idle session ends.
"""

import socketserver
import threading
import time
from pathlib import Path
from typing import cast

from connector_tools.counterparts.counterpart import Counterpart, Record
from connector_tools.counterparts.rules.huawei_hlr import (
    Code,
    Command,
    HuaweiHlr,
    Refused,
    read_command,
    reply_text,
)
from connector_tools.counterparts.stand_in.http import Fault, no_fault

_LONGEST_LINE = 4096  # bytes
_GARBAGE = b"<html>Sign in</html>\r\n---    END\r\n"
_BUSY = Refused(Code.BUSY, "System is busy")


class HuaweiMml(Counterpart):
    """The stand-in.

    `fault` is asked before each command that needs a login: `error`, `throttle` and `refusal`
    (busy, not carried out), `error-after` (carried out, and the connection breaks), `garbage` (text
    of another program, not carried out), or None. `most_sessions` is for one user; one session more
    is refused, or ends the oldest one if `kicks_out` is true. `idle` is in seconds, and so is
    `pause`, the time that each command takes.
    """

    mapping = "huawei-mml"
    what = "a stand-in of an HLR9820 on TCP"
    outages = ("read-only", "full")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hlr = HuaweiHlr()
        self.fault: Fault = no_fault
        self.most_sessions = 8
        self.kicks_out = False
        self.idle = 60.0
        self.pause = 0.0
        self.password = "first-password"  # noqa: S105 - made up
        self.lock = threading.Lock()
        self.sessions: list[_Session] = []  # logged in, oldest first
        self.connections: set[_Session] = set()
        self._server: _Server | None = None

    @property
    def place(self) -> tuple[str, int]:
        """See `Counterpart`."""
        assert self._server, "it does not run"  # noqa: S101
        return "127.0.0.1", self._server.server_address[1]

    def start(self) -> None:
        """See `Counterpart`."""
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.stand_in = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """See `Counterpart`."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._end_all()

    def variables(self, host: str, port: int) -> dict[str, str]:
        """See `Counterpart`."""
        return {
            "MML_HOST": host,
            "MML_PORT": str(port),
            "MML_USER": "nsps",
            "MML_PASSWORD": self.password,
            "MML_TIMEOUT": "1",
        }

    def holds(self) -> dict[str, Record]:
        """See `Counterpart`."""
        with self.lock:
            return {
                imsi: {"number": one.isdn, "served": "TRUE" not in one.locks.values()}
                for imsi, one in self.hlr.subscribers.items()
            }

    def begin(self, outage: str) -> None:
        """See `Counterpart`."""
        if outage not in self.outages:
            super().begin(outage)
        self.hlr.read_only = outage == "read-only"
        self.hlr.full = outage == "full"

    def end(self) -> None:
        """See `Counterpart`."""
        self.hlr.read_only = self.hlr.full = False

    def rotate(self) -> dict[str, str]:
        """See `Counterpart`; sessions with the old password end."""
        self.password = "second-password"  # noqa: S105 - made up
        self._end_all()
        return {"MML_PASSWORD": self.password}

    def log_in(self, session: "_Session", given: Command) -> None:
        """Begin a session.

        Raises:
            Refused: the password is wrong, or there are too many sessions.
        """
        if given.parameters != {"OPNAME": "nsps", "PWD": self.password}:
            raise Refused(Code.WRONG_PASSWORD, "Operator or password is wrong")
        if session not in self.sessions and len(self.sessions) >= self.most_sessions:
            if not self.kicks_out:
                raise Refused(Code.TOO_MANY_SESSIONS, "Too many sessions of this operator")
            self.sessions.pop(0).end()
        self.log_out(session)
        self.sessions.append(session)

    def log_out(self, session: "_Session") -> None:
        """End a session, if it has begun."""
        if session in self.sessions:
            self.sessions.remove(session)

    def _end_all(self) -> None:
        for session in list(self.connections):
            session.end()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    stand_in: HuaweiMml


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    def setup(self) -> None:
        """See `StreamRequestHandler`."""
        self._of = cast(_Server, self.server).stand_in
        super().setup()
        self.connection.settimeout(self._of.idle)
        self._of.connections.add(self)

    def handle(self) -> None:
        """Answer one command after the other."""
        try:
            while (line := self.rfile.readline(_LONGEST_LINE)).endswith(b"\n"):
                answer = self._answer(line.decode("ascii", "replace").strip())
                if answer is None:
                    return
                self.wfile.write(answer)
        except (OSError, ValueError):  # the connection was lost, was idle, or was ended
            return

    def finish(self) -> None:
        """See `StreamRequestHandler`."""
        with self._of.lock:
            self._of.log_out(self)
        self._of.connections.discard(self)

    def end(self) -> None:
        """Close the connection, from another thread."""
        try:
            self.connection.shutdown(2)
        except OSError:
            return

    def _answer(self, line: str) -> bytes | None:
        """The reply to a line; None closes the connection."""
        time.sleep(self._of.pause)
        result: list[str] = []
        try:
            command = read_command(line)
            if command.name == "LGO":
                return None
            if command.name == "LGI":
                with self._of.lock:
                    self._of.log_in(self, command)
            else:
                found = self._carried_out(command)
                if found is None or isinstance(found, bytes):
                    return found
                result = found
        except Refused as refused:
            if refused.code is Code.SYNTAX:
                self._of.wrong.append("a line that is not one command")
            return reply_text(line, refused.code, str(refused), []).encode()
        return reply_text(line, Code.SUCCESS, "Operation is successful", result).encode()

    def _carried_out(self, command: Command) -> list[str] | bytes | None:
        """The lines of the result; or the whole reply; or None if the connection breaks."""
        if self not in self._of.sessions:
            if command.name != "LST SUB":
                self._of.wrong.append(f"{command.name} without a login")
            raise Refused(Code.NOT_LOGGED_IN, "Operator is not logged in")
        fault = self._of.fault()
        if fault == "garbage":
            return _GARBAGE
        if fault in ("error", "throttle", "refusal"):
            raise _BUSY
        with self._of.lock:
            result = self._of.hlr.carry_out(command)
        return None if fault == "error-after" else result


COUNTERPART = HuaweiMml
