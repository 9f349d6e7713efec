"""Cloud Logging's `entries:list` on loopback, over the log file of a function."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.function import Function


class CloudLogging:
    """Answers with the function's records that a filter asks for; use it as a context manager.

    It knows clauses like `jsonPayload.NAME="VALUE"`, joined by AND, and passes over those of the
    resource. With `status`, it refuses each request.
    """

    def __init__(self, function: Function, status: int = 200) -> None:
        asked: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                pass

            def do_POST(self) -> None:
                wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked.append({"path": self.path, **wanted})
                clauses = dict(re.findall(r'jsonPayload\.(\w+)="(.*?)"', wanted["filter"]))
                found = [{"jsonPayload": line} for line in function.lines(**clauses)]
                body = json.dumps({"entries": found} if found else {}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
