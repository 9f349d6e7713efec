"""A server that speaks Cloud Logging's `entries:list`, with its filters, pages and refusals."""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Entry = dict[str, Any]
Test = Callable[[Entry], bool]
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\(|\)|>=|[<=]|:\*|[\w.]+)')


class CloudLoggingServer:
    """Keeps `entries` of the project `p`; `replies` are statuses that it answers first.

    `requests` are the bodies that it got. A page has `page_size` entries at most.
    """

    def __init__(self, entries: list[Entry], page_size: int = 1000) -> None:
        self.entries = sorted(entries, key=lambda entry: str(entry["timestamp"]))
        self.page_size = page_size
        self.replies: list[int] = []
        self.requests: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, document = server.answer(self.path, json.loads(body))
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.requests.append(request)
        if self.replies:
            status = self.replies.pop(0)
            if status != 200:
                return status, {"error": {"code": status, "message": f"said {status}"}}
        if path != "/v2/entries:list" or request["resourceNames"] != ["projects/p"]:
            return 404, {"error": {"code": 404, "message": "no such project"}}
        assert request["orderBy"] == "timestamp asc"
        try:
            fits = _filter(request["filter"])
        except ValueError as error:
            return 400, {"error": {"code": 400, "message": f"Unparseable filter: {error}"}}
        found = [entry for entry in self.entries if fits(entry)]
        begin = int(request.get("pageToken") or 0)
        end = begin + min(self.page_size, request["pageSize"])
        page: dict[str, Any] = {"entries": found[begin:end]} if found[begin:end] else {}
        return 200, page | ({"nextPageToken": str(end)} if end < len(found) else {})


def _filter(text: str) -> Test:
    """The meaning of a filter: AND, OR, NOT, comparisons, lists, and whether a field is there."""
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(text[at:])
        tokens.append(found[1])
        at = found.end()
    test = _all(tokens)
    if tokens:
        raise ValueError(tokens[0])
    return test


def _all(tokens: list[str]) -> Test:
    tests = [_any(tokens)] if tokens else []
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        tests.append(_any(tokens))
    return lambda entry: all(test(entry) for test in tests)


def _any(tokens: list[str]) -> Test:
    tests = [_one(tokens)]
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        tests.append(_one(tokens))
    return lambda entry: any(test(entry) for test in tests)


def _one(tokens: list[str]) -> Test:
    word = tokens.pop(0)
    if word == "(":
        test = _all(tokens)
        if tokens.pop(0) != ")":
            raise ValueError("no )")
        return test
    if word == "NOT":
        negated = _one(tokens)
        return lambda entry: not negated(entry)
    sign = tokens.pop(0)
    if sign == ":*":
        return lambda entry: bool(_values(entry, word))
    wanted = _wanted(tokens)
    compare: dict[str, Callable[[str, str], bool]] = {
        "=": lambda one, other: one == other,
        ">=": lambda one, other: one >= other,
        "<": lambda one, other: one < other,
    }
    return lambda entry: any(
        compare[sign](value, one) for value in _values(entry, word) for one in wanted
    )


def _wanted(tokens: list[str]) -> list[str]:
    if tokens[0] != "(":
        return [json.loads(tokens.pop(0))]
    tokens.pop(0)
    found = [json.loads(tokens.pop(0))]
    while tokens.pop(0) == "OR":
        found.append(json.loads(tokens.pop(0)))
    return found


def _values(entry: Entry, path: str) -> list[str]:
    value: Any = entry
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    items = value if isinstance(value, list) else [value]
    return [str(item).replace("Z", "+00:00") for item in items if item is not None]
