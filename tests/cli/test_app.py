"""The command line `connector` as a whole, and `connector schema`."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from connector.mapping.schema import schema
from tests.support import ROOT
from tests.support.command_line import COMMAND, connector
from tests.support.function import environment
from tests.support.mapping_files import change

WTL = "mappings/wtl-hlr-hss.yaml"


def test_alone_it_tells_the_usual_order() -> None:
    result = connector()
    assert result.exit_code == 0
    words = result.stdout.split("usual order", 1)[1]
    places = [words.index(f"`{name}`") for name in ("check", "test", "explain", "run", "send")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "name",
    "check test explain run demo probe send history wrong caught-up schema openapi".split(),
)
def test_the_help_of_each_command_has_an_example(name: str) -> None:
    assert f"Example: connector {name}" in connector(name, "--help").stdout
    assert f"\n  {name} " in connector("--help").stdout


@pytest.mark.parametrize("name", ["check", "test", "explain", "schema", "openapi"])
def test_the_example_of_a_command_works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    example = connector(name, "--help").stdout.split("Example: connector ")[1].split(" > ")[0]
    words = " ".join(example.split()).replace("mappings/*.yaml", WTL).split()
    assert connector(*words).exit_code == 0


@pytest.mark.parametrize("name", ["list", "show", "replay", "purge"])
def test_the_help_of_each_command_about_dead_letters_has_an_example(name: str) -> None:
    assert f"Example: connector dlq {name}" in connector("dlq", name, "--help").stdout


def test_it_runs_as_a_module_and_is_plain_in_a_pipe() -> None:
    done = subprocess.run(
        [*COMMAND, "check", WTL],
        env=environment(""),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith(f"{WTL}: no lints, 5 rules, ")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_gets_colours(mapping: Path) -> None:
    change(mapping, "on: SIM/Updated", "on: SIM/Updated\n    frobnicate: true")
    here, there = pty.openpty()
    subprocess.run(
        [*COMMAND, "check", str(mapping)],
        env=environment("") | {"TERM": "xterm-256color"},
        cwd=ROOT,
        check=False,
        stdin=there,
        stdout=there,
        timeout=60,
    )
    assert b"\x1b[31m" in os.read(here, 10_000)
    os.close(here)
    os.close(there)


def test_schema_prints_the_json_schema_of_mapping_files() -> None:
    result = connector("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == schema()
    assert result.stdout == json.dumps(schema(), indent=2) + "\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    result = connector("frobnicate")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        (["--version"], ["connector.mapping.load", "connector_tools.cli.check"]),
        (["check", WTL], ["connector.startup", "connector_tools.explain", "sqlite3"]),
        (["test", WTL, "-k", "a swap"], ["connector.startup", "connector_tools.deployment"]),
        (["explain", "--help"], ["connector_tools.cli.check", "connector_tools.simulation"]),
    ],
)
def test_a_command_imports_only_what_it_needs(command: list[str], needless: list[str]) -> None:
    """The imports are most of the time that a short command takes."""
    code = f"""
import sys
from connector_tools.cli.__main__ import main
sys.argv[1:] = {command!r}
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("imported:", [name for name in {needless!r} if name in sys.modules])
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "imported: []"
