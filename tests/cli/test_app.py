"""The command line `connector` as a whole, and `connector schema`."""

import json
import os
import pty
import subprocess
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
