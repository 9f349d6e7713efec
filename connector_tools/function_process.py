"""A function as it is deployed: Functions Framework in a process group of its own."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from connector_tools.program import ROOT, Program, free_port


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """Which function of which file is served, and by which Python."""

    target: str = "process_event"
    source: Path = ROOT / "main.py"
    python: str = sys.executable


class FunctionProcess(Program):
    """Serves a function at `url`, which is on 127.0.0.1.

    Args:
        variables: The function's environment, beside `kept_environment()`.
        port: Where it listens; without it, a free port is chosen.
        log: A file for its output. Without it, `line` reads the output.
        code: The function; without it, `process_event` of this repository.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        port: int | None = None,
        log: Path | None = None,
        code: FunctionCode | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        code = code or FunctionCode()
        command = [code.python, "-m", "functions_framework", "--target", code.target]
        command += ["--source", str(code.source), "--host", "127.0.0.1", "--port", str(self.port)]
        super().__init__(command, variables, log)

    def wait_until_healthy(self) -> None:
        """Wait until `/health` answers.

        Raises:
            DidNotStart: It ended before, or a minute has passed. It is stopped then.
        """
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return True
