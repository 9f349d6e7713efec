"""The language server: what an editor asks, and what the other modules answer.

Texts come and go as the protocol has them: lines from 0, columns in the units that the editor and
pygls agree upon (UTF-16 in most editors).
"""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import ServerTextPosition, ServerTextRange, TextDocument

from connector.mapping.document import Lint, Place
from connector_tools.language_server.completion import Suggestion, suggestions
from connector_tools.language_server.cursor import Cursor, cursor_at
from connector_tools.language_server.definition import definition
from connector_tools.language_server.hover import hover
from connector_tools.language_server.open_file import OpenFile

_PAUSE = 0.15  # seconds without a key before the text is checked
_KINDS = {
    "key": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "name": types.CompletionItemKind.Variable,
}


class MappingServer(LanguageServer):
    """A language server for mapping files; `event` is the file whose values are shown."""

    def __init__(self) -> None:
        super().__init__("connector", version("nsps-connector"))
        self.files: dict[str, OpenFile] = {}
        self.event: Path | None = None

    def text(self, uri: str) -> TextDocument:
        """The text of a file as it stands in the editor."""
        return self.workspace.get_text_document(uri)

    def check(self, uri: str) -> None:
        """Check a file, and tell the editor its problems."""
        text = self.text(uri)
        file = self.files.setdefault(uri, OpenFile(Path(to_fs_path(uri) or text.filename or "-")))
        file.update(text.source)
        problems = [_diagnostic(lint, text) for lint in file.lints]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, problems, text.version)
        )

    def cursor(self, uri: str, position: types.Position) -> Cursor | None:
        """What stands at a position."""
        text = self.text(uri)
        return cursor_at(text.source, text.offset_at_position(position))

    def file(self, uri: str) -> OpenFile:
        """The file as it was checked last."""
        if uri not in self.files:
            self.check(uri)
        return self.files[uri]


def server() -> MappingServer:
    """The server with all that it can do; `connector lsp` starts it."""
    made = MappingServer()
    made.feature(types.INITIALIZE)(_initialize)
    made.feature(types.TEXT_DOCUMENT_DID_OPEN)(_opened)
    made.feature(types.TEXT_DOCUMENT_DID_CHANGE)(_changed)
    made.feature(types.TEXT_DOCUMENT_DID_SAVE)(_opened)
    made.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_closed)
    keys = types.CompletionOptions(trigger_characters=[".", "=", "|", " ", "{"])
    made.feature(types.TEXT_DOCUMENT_COMPLETION, keys)(_complete)
    made.feature(types.TEXT_DOCUMENT_HOVER)(_hover)
    made.feature(types.TEXT_DOCUMENT_DEFINITION)(_define)
    fixes = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    made.feature(types.TEXT_DOCUMENT_CODE_ACTION, fixes)(_fixes)
    return made


def _initialize(made: MappingServer, params: types.InitializeParams) -> None:
    """Take the option `event`: a file with an event, relative to the editor's folder."""
    options: Any = params.initialization_options
    named = options.get("event") if isinstance(options, dict) else None
    if isinstance(named, str) and named:
        root = to_fs_path(params.root_uri) if params.root_uri else None
        made.event = Path(root or ".") / named


def _opened(made: MappingServer, params: Any) -> None:
    made.check(params.text_document.uri)


async def _changed(made: MappingServer, params: types.DidChangeTextDocumentParams) -> None:
    """Check a text, once nothing was typed for a moment."""
    uri = params.text_document.uri
    changed = made.text(uri).version
    await asyncio.sleep(_PAUSE)
    if uri in made.workspace.text_documents and made.text(uri).version == changed:
        made.check(uri)


def _closed(made: MappingServer, params: types.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    made.files.pop(uri, None)
    made.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def _complete(made: MappingServer, params: types.CompletionParams) -> list[types.CompletionItem]:
    uri = params.text_document.uri
    found = made.cursor(uri, params.position)
    if found is None:
        return []
    return [_item(one) for one in suggestions(found, made.file(uri).mapping)]


def _item(one: Suggestion) -> types.CompletionItem:
    return types.CompletionItem(
        label=one.text.removesuffix(": "),
        insert_text=one.text,
        kind=_KINDS[one.kind],
        detail=one.detail or None,
        documentation=_markdown(one.about) if one.about else None,
    )


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def _hover(made: MappingServer, params: types.HoverParams) -> types.Hover | None:
    uri = params.text_document.uri
    found = made.cursor(uri, params.position)
    told = hover(found, made.file(uri).mapping, made.event) if found else None
    return types.Hover(_markdown(told)) if told else None


def _define(made: MappingServer, params: types.DefinitionParams) -> types.Location | None:
    uri = params.text_document.uri
    file, found = made.file(uri), made.cursor(uri, params.position)
    target = definition(found, file.path) if found else None
    if target is None:
        return None
    if target.file:
        start = types.Position(0, 0)
        return types.Location(from_fs_path(str(target.file)) or uri, types.Range(start, start))
    span = file.key(target.loc)
    return types.Location(uri, _range(span.start, span.end, made.text(uri))) if span else None


def _fixes(made: MappingServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The edits that mend the problems in a range."""
    uri = params.text_document.uri
    text = made.text(uri)
    return [
        _action(lint, uri, text)
        for lint in made.file(uri).lints
        if lint.fix and _touches(_range(lint.place, lint.end, text), params.range)
    ]


def _action(lint: Lint, uri: str, text: TextDocument) -> types.CodeAction:
    edits = [types.TextEdit(_range(one.start, one.end, text), one.text) for one in lint.fix]
    return types.CodeAction(
        title=_title(lint),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(lint, text)],
        is_preferred=not lint.guess,
        edit=types.WorkspaceEdit(changes={uri: edits}),
    )


def _title(lint: Lint) -> str:
    """What the edit does; a near miss is a question in the lint, and none in the menu."""
    (first, *_) = lint.fix
    return f"Write `{first.text.strip()}`" if lint.guess else lint.mend[:1].upper() + lint.mend[1:]


def _diagnostic(lint: Lint, text: TextDocument) -> types.Diagnostic:
    error = lint.level == "error"
    return types.Diagnostic(
        range=_range(lint.place, lint.end, text),
        message=f"{lint.reason}; {lint.mend}",
        severity=types.DiagnosticSeverity.Error if error else types.DiagnosticSeverity.Warning,
        code=lint.name,
        source="connector",
    )


def _range(start: Place, end: Place, text: TextDocument) -> types.Range:
    """The range of two places, which count lines and characters from 1."""
    first = ServerTextPosition(start.line - 1, start.column - 1)
    last = ServerTextPosition(end.line - 1, end.column - 1)
    if (last.line, last.character) <= (first.line, first.character):
        last = ServerTextPosition(first.line, first.character + 1)
    return text.range_to_client_units(ServerTextRange(first, last))


def _touches(one: types.Range, other: types.Range) -> bool:
    def at(position: types.Position) -> tuple[int, int]:
        return position.line, position.character

    return at(one.start) <= at(other.end) and at(other.start) <= at(one.end)
