"""`connector lsp`: a language server for mapping files, which an editor starts."""

import contextlib
import os
import sys

import typer

from connector_tools.terminal import stop

app = typer.Typer()


@app.command(epilog="Example: connector lsp (in the settings of an editor, see docs/editors.md)")
def lsp() -> None:
    """Serve an editor on standard input and output with the checks of `connector check`.

    It shows problems while you type, completes keys and names, explains what is under the cursor
    with its value in an event, finds definitions, and mends. An editor starts it; it needs the
    extra `lsp`: pip install 'nsps-connector[lsp]'.
    """
    try:
        from connector_tools.language_server.server import server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        stop("the language server is not installed: pip install 'nsps-connector[lsp]'")
    # The server closes the stream that it writes to, and nothing else may write there.
    with contextlib.redirect_stdout(sys.stderr):
        server().start_io(stdout=os.fdopen(os.dup(1), "wb"))
