"""Counts what one reads to follow an event: the functions that it passes through, each once.

    python -m benchmarks.reading

One event goes through main.py over a real socket to a scripted external system and back. The words
of a function are those of its source, with docstring and comments, separated by white space.
"""

import ast
import asyncio
import os
import socket
import sys
import threading
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx
import uvicorn
from functions_framework.aio import create_asgi_app
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from connector.doors import server as patches
from connector_tools.program import ROOT
from tests.support.events import event
from tests.support.scripted import ScriptedServer

_TOKEN = "token-of-the-benchmark"  # noqa: S105 - of nothing else


class _Server(uvicorn.Server):
    """uvicorn in a thread, where no signal can be handled."""

    def capture_signals(self) -> Any:
        return nullcontext()


def passed_through() -> set[CodeType]:
    """The code of every Python function that one event runs, libraries included."""
    found: set[CodeType] = set()
    counting = threading.Event()

    def note(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and counting.is_set():
            found.add(frame.f_code)

    async def serve(server: uvicorn.Server, listener: socket.socket) -> None:
        sys.setprofile(note)
        await server.serve(sockets=[listener])

    patches.announce_stop = lambda stopping: None
    with ScriptedServer() as system, socket.create_server(("127.0.0.1", 0)) as listener:
        os.environ |= {"API_TOKEN": _TOKEN, "WTL_API_URL": system.url, "WTL_API_TOKEN": "t"}
        source = str(ROOT / "main.py")
        app = create_asgi_app("process_event", source, "http")  # type: ignore[no-untyped-call]
        http = UvicornWorker.CONFIG_KWARGS["http"]
        server = _Server(uvicorn.Config(app, http=http, loop="asyncio", log_level="critical"))
        run = threading.Thread(target=lambda: asyncio.run(serve(server, listener)), daemon=True)
        run.start()
        while not server.started:
            time.sleep(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/process-event"
        counting.set()
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        httpx.post(url, json=event(), headers=headers, trust_env=False).raise_for_status()
        time.sleep(0.2)  # the log record is written after the answer
        counting.clear()
        server.should_exit = True
        run.join()
    return found


def words(file: Path, lines: set[int]) -> int:
    """The words of the functions of a file that begin in these lines."""
    text = file.read_text(encoding="utf-8")
    read: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first in lines and node.end_lineno:
                read |= set(range(first, node.end_lineno + 1))
    return sum(
        len(line.split()) for number, line in enumerate(text.splitlines(), 1) if number in read
    )


def main() -> None:
    files: dict[Path, set[int]] = defaultdict(set)
    for code in passed_through():
        file = Path(code.co_filename)
        if file == ROOT / "main.py" or file.is_relative_to(ROOT / "connector"):
            files[file].add(code.co_firstlineno)
    counted = {file: words(file, lines) for file, lines in sorted(files.items())}
    for file, count in counted.items():
        print(f"{count:6}  {file.relative_to(ROOT)}")
    print(f"{sum(counted.values()):6}  words in {len(counted)} files")


if __name__ == "__main__":
    main()
