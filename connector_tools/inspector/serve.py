"""Serves the inspector on this machine until Ctrl-C; `connector inspect` calls it."""

import asyncio
import secrets
import shlex
import signal
import threading
import webbrowser
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import uvicorn
from starlette.types import ASGIApp

from connector.mapping.document import BadMapping
from connector.secrets import SecretsUnreachable
from connector.settings import BadSettings
from connector_tools.counterparts.counterpart import Counterpart
from connector_tools.inspector.app import application
from connector_tools.inspector.desk import Desk
from connector_tools.inspector.history import History, NoHistory, hash_keys
from connector_tools.inspector.surroundings import Surroundings
from connector_tools.program import DidNotStart, NotInstalled
from connector_tools.stack.example_event import example
from connector_tools.stack.stack import STOP_SIGNALS, StackError, check_is_free, report_error
from connector_tools.stack.text import event_line, style
from connector_tools.terminal import counted, say

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be inspected, and how.

    `counterpart` is None if there is none. `real` asks the system that the environment names.
    `browse` opens the page in a browser. `history` is an exported log, to be shown alone.
    """

    file: Path
    counterpart: type[Counterpart] | None
    port: int
    real: bool = False
    browse: bool = False
    history: BinaryIO | None = None


Serve = Callable[[Counterpart | None], Coroutine[Any, Any, None]]
"""What serves until it is stopped; it gets the counterpart that was started, if there is one."""


def run(wanted: Wanted) -> int:
    """Serve until Ctrl-C, print what each event did, and return the exit code."""

    async def serve(counterpart: Counterpart | None) -> None:
        if wanted.history:
            await _show(wanted, wanted.history)
        else:
            await _serve(wanted, Surroundings(counterpart, real=wanted.real))

    return until_stopped(wanted.counterpart, wanted.port, serve)


def until_stopped(counterpart: type[Counterpart] | None, port: int, serve: Serve) -> int:
    """Start the counterpart, serve on this port until Ctrl-C, and return the exit code.

    An error that a person can mend is printed. `connector run` calls it, too.
    """
    for one in STOP_SIGNALS:  # so that all programs are stopped, whichever signal comes
        signal.signal(one, signal.default_int_handler)
    try:
        check_is_free(port)
        with ExitStack() as stack:
            started = None
            if counterpart:
                say(f"Starting {counterpart.what} and the function ...")
                folder = Path(stack.enter_context(TemporaryDirectory()))
                started = stack.enter_context(counterpart(folder))
            asyncio.run(serve(started))
    except (
        NotInstalled,
        DidNotStart,
        StackError,
        SecretsUnreachable,
        BadMapping,
        NoHistory,
    ) as error:
        return report_error(StackError(str(error)))
    except BadSettings as bad:
        return report_error(StackError("\n".join(bad.problems)))
    except KeyboardInterrupt:
        pass
    say("Stopped.")
    return 0


async def _serve(wanted: Wanted, around: Surroundings) -> None:
    token, key = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    async with _PrintingDesk(wanted.file, around, token, tell) as desk:
        for line in introduction(desk, wanted.port, example(wanted.file)):
            say(line)
        await _page(application(desk, key), wanted)


async def _show(wanted: Wanted, records: BinaryIO) -> None:
    """Show an exported log; nothing is served.

    Raises:
        NoHistory: the log has no record of a connector.
    """
    history = History(wanted.file, records, await hash_keys())
    say(f"Inspector  http://{HOST}:{wanted.port}/")
    say(f"History    {counted(history.total, 'record')}, read-only. Ctrl-C stops it.")
    await _page(application(None, secrets.token_urlsafe(16), history), wanted)


async def _page(app: ASGIApp, wanted: Wanted) -> None:
    if wanted.browse:
        webbrowser.open(f"http://{HOST}:{wanted.port}/")
    await server(app, wanted.port).serve()


def server(app: ASGIApp, port: int) -> uvicorn.Server:
    """A web server for the application, on loopback only."""
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        lifespan="off",
        log_level="critical",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=1,  # seconds: the streams of open pages do not end by themselves
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn, which ends its work at a signal and does not raise the signal again.

    Raised again, it would interrupt what closes the deployment and the counterpart.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving at the first signal, and wait for nothing at the second."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        before = {one: signal.getsignal(one) for one in STOP_SIGNALS}
        for one in STOP_SIGNALS:
            loop.add_signal_handler(one, self.handle_exit, one, None)
        try:
            yield
        finally:
            for one, handler in before.items():
                loop.remove_signal_handler(one)
                signal.signal(one, handler)


def introduction(desk: Desk, port: int, event: Path) -> Iterator[str]:
    """Yield where the page and the function are, and a line that sends an event."""
    url = f"http://{HOST}:{port}"
    yield f"Inspector        {url}/"
    yield f"Function         {url}/process-event  (health: {url}/health)"
    yield f"External system  {desk.surroundings.what}"
    if desk.surroundings.counterpart:
        yield from (f"  {line}" for line in desk.surroundings.counterpart.by_hand())
    yield ""
    yield "Open the page, or send an event in another terminal:"
    curl = f"curl --noproxy '*' -sS -w '\\n' -H 'Authorization: Bearer {desk.token}'"
    yield f"  {curl} --data-binary @{shlex.quote(str(event))} {url}/process-event"
    yield ""
    yield "Each event is shown here and on the page. Ctrl-C stops all."


class _PrintingDesk(Desk):
    """A desk that prints as well whether a changed file serves."""

    def tell(self, name: str, document: Any) -> None:
        """See `Desk`."""
        super().tell(name, document)
        if name == "mapping":
            print_change(self.file, document)


def print_change(file: Path, document: Mapping[str, Any]) -> bool:
    """Print the problems of a changed file, and whether it serves now; return whether it does."""
    why = document["trouble"]
    for text, severity in dict.fromkeys(_problem(file, one) for one in document["problems"]):
        why = why or ("it has errors" if severity == "error" else "")
        say(text, "red" if severity == "error" else "yellow")
    if why:
        say(f"{file.name} was changed, and the old file goes on serving: {why}", "red")
        return False
    say(f"{file.name} was changed, and serves now.", "green")
    return True


def _problem(file: Path, one: Mapping[str, Any]) -> tuple[str, str]:
    place = f"{file}:{one['line']}:{one['column']}"
    text = f"{place}: {one['severity']}: {one['message']}; {one['mend']} [{one['code']}]"
    return text, one["severity"]


def tell(line: Mapping[str, Any]) -> None:
    """Print the log record of an event, or of a request that was refused."""
    if line:
        say(event_line(line), style(line))
