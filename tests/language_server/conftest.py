"""An editor: a client that speaks with the real process of `connector lsp` over its pipes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.support import ROOT
from tests.support.command_line import COMMAND
from tests.support.events import event

FILE = """\
name: cards
summary: Keeps a directory of cards, über \U0001f600 all.
settings:
  url: {env: CARDS_URL, type: url}
  key: {secret: CARDS_KEY}
system:
  http: {base_url: =settings.url, auth: {bearer: =settings.key}}
tables:
  speeds: {rows: {gold: 100}, else: 1}
values:
  # \U0001f600
  open: =account.bill_status == 'open'
  served: =open and not account.blocked
blocks:
  put: {of: [imsi], subject: "imsi:{{ imsi }}", calls: [{put: "/cards/{{ imsi }}", json: {}}]}
rules:
  - name: a SIM changed
    on: SIM/Updated
    when: served
    require: [{that: sim, because: sim_info is null}, {that: product, because: no product}]
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: looked, get: "/cards/{{ sim.imsi }}"}
      - block: put
        with: {imsi: =sim.imsi}
      - {put: /speed, json: {speed: "=tables.speeds[product.name]", id: =looked.json.id}}
tests:
  - name: a SIM is put
    event: event.json
    outcome: applied
"""


class Editor:
    """An editor with one open file; the last `|` in a text of `at` stands for the cursor."""

    def __init__(self, client: LanguageClient, path: Path) -> None:
        self.client, self.path, self.uri = client, path, path.as_uri()
        self.problems: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.text, self.version = "", 1

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]  # pygls's
        def _told(params: types.PublishDiagnosticsParams) -> None:
            self.problems.put_nowait(params)

    async def open(self, text: str) -> list[types.Diagnostic]:
        """Open the file with a text that is not saved; returns its problems."""
        self.text = text
        item = types.TextDocumentItem(self.uri, "yaml", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.told()

    def type(self, text: str) -> None:
        """Change the whole text."""
        self.text, self.version = text, self.version + 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, self.uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def told(self) -> list[types.Diagnostic]:
        """The problems that the server tells next."""
        found = await asyncio.wait_for(self.problems.get(), 60)
        return list(found.diagnostics)

    def at(self, marked: str) -> dict[str, Any]:
        """The position of the `|` in a piece of the text, in UTF-16 as editors count."""
        before, _, after = marked.rpartition("|")
        assert self.text.count(before + after) == 1, marked
        offset = self.text.index(before + after) + len(before)
        line = self.text.count("\n", 0, offset)
        start = self.text.rfind("\n", 0, offset) + 1
        column = len(self.text[start:offset].encode("utf-16-le")) // 2
        return {
            "text_document": types.TextDocumentIdentifier(self.uri),
            "position": types.Position(line, column),
        }

    def part(self, where: types.Range) -> str:
        """The text of a range in one line, which has the units of UTF-16."""
        line = self.text.splitlines()[where.start.line].encode("utf-16-le")
        return line[where.start.character * 2 : where.end.character * 2].decode("utf-16-le")

    async def complete(self, marked: str) -> dict[str, types.CompletionItem]:
        """What can be written at a place, by its label."""
        params = types.CompletionParams(**self.at(marked))
        found = await self.client.text_document_completion_async(params)
        assert isinstance(found, list)
        return {item.label: item for item in found}

    async def hover(self, marked: str) -> str:
        """The text for what is under the cursor; empty if there is none."""
        params = types.HoverParams(**self.at(marked))
        found = await self.client.text_document_hover_async(params)
        return found.contents.value if found else ""  # type: ignore[union-attr]

    async def define(self, marked: str) -> Any:
        """Where what is under the cursor is defined."""
        params = types.DefinitionParams(**self.at(marked))
        return await self.client.text_document_definition_async(params)


async def started(folder: Path, **options: str) -> Editor:
    """An editor with a server of its own, in a folder with an event."""
    (folder / "event.json").write_text(json.dumps(event(imsi="001010000000007")))
    client = LanguageClient("editor", "1")
    await client.start_io(*COMMAND, "lsp", cwd=str(ROOT))
    params = types.InitializeParams(
        capabilities=types.ClientCapabilities(),
        root_uri=folder.as_uri(),
        initialization_options=options or None,
    )
    await client.initialize_async(params)
    client.initialized(types.InitializedParams())
    return Editor(client, folder / "cards.yaml")


async def stopped(editor: Editor) -> int | None:
    """End the server as an editor does; returns its exit code."""
    await editor.client.shutdown_async(None)
    editor.client.exit(None)
    server: Any = editor.client._server
    code: int = await asyncio.wait_for(server.wait(), 30)
    await editor.client.stop()  # type: ignore[no-untyped-call]  # pygls's
    return code


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    found = await started(tmp_path)
    yield found
    assert await stopped(found) == 0
