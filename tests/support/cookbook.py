"""The pages of docs/cookbook: their questions, their mapping files, and what those really send.

`python -m tests.support.cookbook` writes the requests on all pages anew.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.call import Call
from connector.ledger.memory import MemoryLedger
from connector.mapping.case import Case
from connector.mapping.load import load
from connector.mapping.protocol import Preview
from connector.mapping.schema import MappingFile
from connector.mapping.script import ByRequest, InOrder, Script
from connector.pipeline import Pipeline, Record
from connector.system import Reply, System, Turn
from connector_tools.deployment import hide
from connector_tools.mapping_tests import event_of, test_settings
from connector_tools.mapping_tests.scripted_system import ScriptedSystem
from connector_tools.quiet import quiet
from connector_tools.text_lines import content_lines
from tests.support import ROOT

FOLDER = ROOT / "docs" / "cookbook"
INDEX = FOLDER / "README.md"
EVENTS = ROOT / "mappings" / "events"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page != INDEX)
_SENT = re.compile(r"(?ms)(?<=^## What is sent\n)(.*?^```)(http|text)\n(.*?)(?=^```$)")
_CONSTANT = ("User-Agent", "Accept-Encoding", "Content-Length")  # headers that say nothing here


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def mapping_in(page: Path) -> str | None:
    """The mapping file on a page; None if the page has none."""
    found = re.findall(r"(?ms)^```yaml\n(name: .*?)^```$", text_of(page))
    assert len(found) < 2, f"{page.name} has several mapping files"
    return found[0] if found else None


def written(page: Path, folder: Path) -> Path:
    """The mapping file of a page, written into a folder, with the events beside it."""
    file, events = folder / f"{page.stem}.yaml", folder / "events"
    file.write_text(mapping_in(page) or "", encoding="utf-8")
    if not events.exists():
        events.symlink_to(EVENTS)
    return file


def shown(page: Path) -> str:
    """The requests that the page shows."""
    found = _SENT.search(text_of(page))
    return found[3] if found else ""


def sent(mapping: MappingFile) -> str:
    """The requests that the first test of a mapping file makes, in the form of a page."""
    return "\n\n".join(asyncio.run(_sent(mapping, mapping.tests[0]))) + "\n"


async def _sent(mapping: MappingFile, case: Case) -> list[str]:
    values, room = test_settings(mapping, case.settings), mapping.protocol
    script = Script(room.scripted_reply())
    async with _Noting(room.scripted(mapping.system, values, script), script) as system:
        pipeline = Pipeline(mapping, values, MemoryLedger(), system)
        script.begin(ByRequest(case.system) if case.system else InOrder(case.replies))
        with quiet():
            await pipeline.handle(event_of(mapping, case), Record())
    hidden = hide(mapping, values)
    previews = (room.preview(call, mapping.system, hidden) for call in system.calls)
    return ["\n".join(_lines(preview)) for preview in previews]


class _Noting(ScriptedSystem):
    """A scripted system that notes the calls that it gets."""

    def __init__(self, system: System, script: Script) -> None:
        super().__init__(system, script)
        self.calls: list[Call] = []

    async def send(self, call: Call, turn: Turn) -> Reply:
        self.calls.append(call)
        return await super().send(call, turn)


def _lines(preview: Preview) -> Iterator[str]:
    """Yield a request as HTTP shows it: no origin, a blank line between headers and body."""
    yield re.sub(r"https?://[\w.:-]+(?=/)", "", preview.line)
    headers = [header for header in preview.headers if header[0] not in _CONSTANT]
    yield from (line for line, _ in content_lines(Preview("", tuple(headers)), indent=""))
    if headers and preview.body:
        yield ""
    yield from (line for line, _ in content_lines(Preview("", (), preview.body), indent=""))


def _write() -> None:
    """Write into each page the requests that its mapping file really makes."""
    with TemporaryDirectory() as folder:
        for page in PAGES:
            if mapping_in(page):
                made = sent(load(written(page, Path(folder))))
                new = _SENT.sub(lambda old, made=made: old[1] + old[2] + "\n" + made, text_of(page))  # type: ignore[misc]
                page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    _write()
