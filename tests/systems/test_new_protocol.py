"""The steps of docs/architecture.md suffice to add a protocol to a copy of the connector."""

import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.events import event, subscriber

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MAPPING = """\
name: switch
summary: Adds SIM cards to a switch.
settings:
  host: {env: SWITCH_HOST, default: 127.0.0.1}
  port: {env: SWITCH_PORT, type: number, default: 4000}
system:
  telex: {host: =settings.host, port: =settings.port, timeout: 2s}
  replies: [{if: reply.text == 'ERROR unknown', outcome: unknown_resource}]
rules:
  - name: a card changed
    on: SIM/Updated
    subject: imsi:{{ sim.imsi }}
    calls:
      - {id: found, telex: "FIND {{ sim.imsi }}"}
      - {when: found.text == 'NONE', telex: "ADD {{ sim.imsi }}"}
tests:
  - name: a new card is added
    event: sim-updated.json
    replies: [{text: NONE}]
    calls:
      - {telex: FIND 001010000000001, subject: "imsi:001010000000001"}
      - {telex: ADD 001010000000001, subject: "imsi:001010000000001"}
    outcome: applied
  - name: a card that the switch has
    event: sim-updated.json
    system: {"TELEX FIND *": {text: "7"}}
    calls: [{telex: FIND 001010000000001}]
    outcome: applied
  - name: a card that the switch refuses
    event: sim-updated.json
    replies: [{text: ERROR unknown}]
    calls: [{telex: FIND 001010000000001}]
    outcome: unknown_resource
"""


def blocks() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file in the page."""
    fenced = r"(?ms)^ {3}(`{3,4})\w+ (connector/\S+)\n(.*?)^ {3}\1$"
    for _, path, text in re.findall(fenced, PAGE):
        yield path, textwrap.dedent(text)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the connector with the new room, its line in the registry, and a mapping file."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("connector", "connector_tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "main.py", folder)
    written = dict(blocks())
    assert len(written) == 5
    for path, text in written.items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    registry = folder / "connector" / "mapping" / "protocol.py"
    (line,) = re.findall(r"(?m)^ {3}```registry\n {3}(.*\n) {3}```", PAGE)
    text = registry.read_text(encoding="utf-8")
    assert text.count("PROTOCOLS = {\n") == 1
    registry.write_text(text.replace("PROTOCOLS = {\n", f"PROTOCOLS = {{\n{line}"))
    (folder / "switch.yaml").write_text(MAPPING, encoding="utf-8")
    shutil.copy(ROOT / "mappings" / "events" / "sim-updated.json", folder)
    return folder


def ran(copy: Path, *command: str, **variables: str) -> str:
    """The output of a Python command that runs in the copy and must succeed."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(copy), **variables}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


CONNECTOR = ("-m", "connector_tools.cli")


def test_the_commands_run_the_copy(copy: Path) -> None:
    code = "import connector.mapping.protocol as p; print(p.__file__, *p.PROTOCOLS)"
    printed = ran(copy, "-c", code)
    assert printed.startswith(str(copy))
    assert "telex" in printed


def test_a_mapping_of_the_new_protocol_is_checked_and_tested(copy: Path) -> None:
    assert "no lints, 1 rule, 3 tests" in ran(copy, *CONNECTOR, "check", "switch.yaml")
    assert "3 passed, 0 failed" in ran(copy, *CONNECTOR, "test", "switch.yaml")


def test_explain_shows_the_calls_of_the_new_protocol(copy: Path) -> None:
    printed = ran(copy, *CONNECTOR, "explain", "switch.yaml", "sim-updated.json")
    assert "TELEX FIND 001010000000001\n" in printed
    assert "TELEX ADD 001010000000001\n  after the reply of `found`; only if found.text" in printed


def test_the_schema_has_the_entries_of_the_new_protocol(copy: Path) -> None:
    schema = json.loads(ran(copy, *CONNECTOR, "schema"))
    assert "TelexSystemEntry" in json.dumps(schema)


def test_the_page_of_the_new_protocol_is_compared_with_its_entries(copy: Path) -> None:
    shutil.copytree(ROOT / "tests", copy / "tests", dirs_exist_ok=True)
    shutil.copytree(ROOT / "docs", copy / "docs", dirs_exist_ok=True)
    shutil.copytree(ROOT / "mappings", copy / "mappings", dirs_exist_ok=True)
    shutil.copy(ROOT / "README.md", copy)
    code = (
        "from tests.documents.test_docs import protocol_differences as d; print(list(d('telex')))"
    )
    assert ran(copy, "-c", code) == "[]\n"


class Switch(socketserver.StreamRequestHandler):
    """An external system that speaks the new protocol; it keeps the received lines."""

    def handle(self) -> None:
        asked = self.rfile.readline().decode().strip()
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        self.wfile.write(b"NONE\n" if asked.startswith("FIND") else b"OK\n")


def test_the_pipeline_carries_out_an_event_over_the_new_protocol(copy: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Switch) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (copy / "event.json").write_text(json.dumps(event(imsi=subscriber(8))))
        printed = ran(
            copy,
            "-c",
            SERVE,
            API_TOKEN="token-of-nsps-0000",
            MAPPING_FILE="switch.yaml",
            SWITCH_PORT=str(server.server_address[1]),
        )
        server.shutdown()
    assert printed.splitlines()[-1] == "applied"
    assert server.asked == [f"FIND {subscriber(8)}", f"ADD {subscriber(8)}"]  # type: ignore[attr-defined]


SERVE = """
import asyncio, os, pathlib
from connector.startup import start

started = start(os.environ)

async def main():
    async with started.serve() as pipeline:
        result = await pipeline.handle(pathlib.Path("event.json").read_bytes())
        print(result.outcome.value)

asyncio.run(main())
"""
