"""`connector new`: write a mapping file, with its tests, events and page, from a few answers."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from connector_tools.starter import openapi, openapi_document
from connector_tools.starter.answers import KINDS
from connector_tools.starter.answers_file import BadAnswers, checked, read
from connector_tools.starter.folder import Exists, files, write
from connector_tools.starter.mapping_text import mapping_text
from connector_tools.starter.page_text import page_text
from connector_tools.starter.proof import problems
from connector_tools.starter.questions import BadReply, ask, request, settings
from connector_tools.terminal import opened, print_json, say, stop

app = typer.Typer()
_Given = dict[str, Any]


@app.command(epilog="Example: connector new acme-hlr --openapi acme.json --rate 20")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the mapping, acme-hlr.")],
    openapi_file: Annotated[
        str | None,
        typer.Option("--openapi", metavar="FILE|-", help="OpenAPI 3 document of the system."),
    ] = None,
    answers_file: Annotated[
        str | None,
        typer.Option("--answers", metavar="FILE|-", help="File with answers, in YAML or JSON."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the files are written.")] = Path(),
    summary: Annotated[str | None, typer.Option(help="One sentence for people.")] = None,
    url: Annotated[str | None, typer.Option(help="An address of the system.")] = None,
    auth: Annotated[str | None, typer.Option(help=f"Login: {', '.join(KINDS)}.")] = None,
    save: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="'PUT /subscribers/{imsi}'.")
    ] = None,
    remove: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="'DELETE /subscribers/{imsi}', or none.")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Requests a second that it allows.")] = None,
    error_field: Annotated[
        str | None, typer.Option(help="Field of a successful reply that only failures have.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD[=DEFAULT]", help="Field that differs between deployments."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> None:
    """Write a new mapping file for an HTTP system, with its tests, events and page.

    On a terminal it asks what the options do not say. The file passes `check` and `test`. Nothing
    is overwritten.
    """
    options = {"summary": summary, "url": url, "auth": auth, "rate": rate}
    given: _Given = {"error_field": error_field} | options
    given = {key: value for key, value in given.items() if value is not None}
    try:
        given |= {"save": request(save)} if save else {}
        given |= {"remove": request(remove)} if remove is not None else {}
        given |= {"settings": settings(setting)} if setting else {}
    except BadReply as bad:
        stop(str(bad))
    suggested, to_check = _suggested(openapi_file)
    found = suggested | _from_file(answers_file) | given | {"name": name}
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not answers_file and not as_json
    _write(ask(found, set(given)) if asks else found, to_check, folder, as_json=as_json)


def _suggested(file: str | None) -> tuple[_Given, list[str]]:
    if not file:
        return {}, []
    with opened(file) as stream:
        text = _content(stream, file)
    try:
        return openapi.suggestion(openapi_document.read(text))
    except openapi_document.BadDocument as bad:
        stop(f"{file} cannot be used: {bad}")


def _from_file(file: str | None) -> _Given:
    if not file:
        return {}
    with opened(file) as stream:
        text = _content(stream, file)
    try:
        return read(text)
    except BadAnswers as bad:
        stop(f"{file} cannot be used: {bad}")


def _content(stream: Any, file: str) -> bytes:
    try:
        content: bytes = stream.read()
    except OSError as error:  # such as a folder
        stop(f"cannot read {file}: {error.strerror}")
    return content


def _write(given: _Given, to_check: list[str], folder: Path, *, as_json: bool) -> None:
    try:
        answers = checked(given)
        if not answers.says_service:
            to_check = [*to_check, "no field says whether a subscriber has service"]
        texts = files(answers.name, mapping_text(answers, "events"), page_text(answers, to_check))
        if found := problems(answers.name, texts):
            stop("no mapping file can be made of these answers: " + "; ".join(found))
        written = write(folder, texts)
    except (BadAnswers, Exists) as error:
        stop(str(error))
    except OSError as error:
        stop(f"cannot write {error.filename or folder}: {error.strerror}")
    if as_json:
        print_json({"files": [str(path) for path in written], "check": to_check})
        return
    for path in written:
        say(f"Wrote {path}")
    for text in to_check:
        say(f"Check: {text}", "yellow")
    say(f"Next: connector run {folder / answers.name}.yaml --watch")
