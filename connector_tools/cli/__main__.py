"""The command `connector`, and `python -m connector_tools.cli`: run it, never with a traceback.

Nothing is imported above that takes time or may be missing: Ctrl-C while the commands are imported,
and a package that is not installed, must end in one line, too.
"""

import os
import signal
import sys

_EXTRA = ("typer", "rich")
_CANNOT_RUN, _INTERRUPTED, _NO_READER = 2, 130, 141  # as `connector_tools.terminal` has them


def main() -> None:
    """Run the command line; pyproject.toml names this function as the command `connector`.

    Exits with 130 after Ctrl-C and with 141 if nobody reads the output any more, as a shell says
    it; with 2 if a package is missing, or if the operating system refuses something that no command
    has explained itself.
    """
    _open_missing_streams()
    try:
        try:
            _run()
        finally:
            _flush()
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)  # at once: what a second Ctrl-C would interrupt prints a traceback
    except BrokenPipeError:
        _drop_output(1, 2)
        sys.exit(_NO_READER)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        _end(
            f"the command line needs the package {error.name}. Install it with its extra: "
            "pip install 'nsps-connector[cli]'"
        )
    except OSError as error:
        _drop_output(1)  # it may be what failed, such as a full disk
        _end(f"cannot use {error.filename or 'a file or connection'}: {error.strerror or error}")
    sys.exit(0)


def _open_missing_streams() -> None:
    """Read and write nothing where a shell closed a stream: `connector check FILE >&-`."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _run() -> None:
    """Import the command, then run it.

    A KeyboardInterrupt in a callback of Python's import is lost, so Ctrl-C ends the import by a
    handler. Whoever ignores SIGINT, as a shell does in the background, goes on ignoring it.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(_INTERRUPTED))
    from connector_tools.cli.app import command_line  # noqa: PLC0415 - see above
    from connector_tools.terminal import accept_any_text  # noqa: PLC0415 - see above

    accept_any_text()
    command = command_line(next(iter(sys.argv[1:]), ""))
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="connector")


def _flush() -> None:
    """Write what waits, so that a pipe without a reader is noticed here and not at exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _drop_output(*numbers: int) -> None:
    """Let the interpreter flush to nowhere when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in numbers:
        os.dup2(nowhere, number)


def _end(text: str) -> None:
    print(f"connector: {text}", file=sys.stderr)
    sys.exit(_CANNOT_RUN)


if __name__ == "__main__":
    main()
