"""Nothing that a user can type, pipe or break off ends in a traceback, in any command."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_group

from connector_tools.program import free_port
from tests.support import ROOT
from tests.support.command_line import COMMAND, app, connector
from tests.support.function import environment


def _commands(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            yield from _commands(one, *names, name)
    else:
        yield " ".join(names), command


COMMANDS = dict(_commands(get_group(app)))
WITHOUT_INPUT = {"demo", "schema", "openapi"}


def arguments(name: str, value: str) -> list[str]:
    """A command with this value for each of its arguments."""
    found = [one for one in COMMANDS[name].params if type(one).__name__ == "TyperArgument"]
    return [*name.split(), *[value] * len(found)]


HOSTILE = ["", "-", "\udcff.yaml", "\x1b[31m", "../" * 50, "x" * 5000, "ß𝄞{{", "=1"]


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - WITHOUT_INPUT))
def test_no_text_as_an_argument_ends_in_a_traceback(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a binary file, an empty one, one that is not there, names that are no text."""
    monkeypatch.chdir(tmp_path)
    binary, empty, deep = tmp_path / "binary.yaml", tmp_path / "empty.yaml", tmp_path / "deep.json"
    binary.write_bytes(bytes(range(256)) * 40)
    empty.write_bytes(b"")
    deep.write_text("[" * 100_000)
    places = [str(tmp_path), str(binary), str(empty), str(deep), "/dev/null", "nothing/here"]
    if not arguments(name, "x")[len(name.split()) :]:
        pytest.skip("it takes no arguments")
    for value in (*places, *HOSTILE):
        result = connector(*arguments(name, value), PUBSUB_EMULATOR_HOST=f"127.0.0.1:{free_port()}")
        assert isinstance(result.exception, SystemExit | None), (value, result.exc_info)
        assert result.exit_code in (0, 1, 2), (value, result.output)
        assert "Traceback" not in result.output, value
        assert result.exit_code == 0 or result.output.strip(), value


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_is_printed_in_20_columns_and_in_ascii(name: str) -> None:
    for option in ("--help", "-h"):
        result = connector(*name.split(), option, COLUMNS="20", TERMINAL_WIDTH="20")
        assert (result.exit_code, result.exception) == (0, None)
        assert "Usage: " in result.stdout


def shell(line: str, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    python = f"'{sys.executable}' -m connector_tools.cli"
    return subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", line.replace("connector ", f"{python} ", 1)],
        cwd=ROOT,
        env=environment("") | variables,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "line",
    [
        "connector schema | head -c 1",
        "connector openapi | head -1",
        "connector --help | true",
        "connector test mappings/wtl-hlr-hss.yaml | head -1",
        "connector explain mappings/wtl-hlr-hss.yaml mappings/events/sim-updated.json | true",
    ],
)
def test_a_reader_who_leaves_ends_a_command_in_silence(line: str) -> None:
    done = shell(line)
    assert done.stderr == b""
    assert done.returncode in (0, 1, 2, 141)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full"])
@pytest.mark.parametrize("command", ["check mappings/wtl-hlr-hss.yaml", "schema", "check nothing"])
def test_closed_streams_and_a_full_disk_are_no_traceback(command: str, closed: str) -> None:
    done = shell(f"connector {command} {closed}")
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode in (0, 1, 2)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16", "cp1252"])
def test_any_encoding_of_the_output_will_do(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "ß𝄞.yaml"
    file.write_text("name: x\nsummary: Größe 𝄞\n")
    for command in (
        f"check {file}",
        f"test {file}",
        "--help",
        "wrong --help",
        f"new x --folder {file}",
    ):
        done = shell(f"connector {command}", PYTHONIOENCODING=encoding, LC_ALL="C")
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, 1, 2), done.stderr
        assert done.stdout + done.stderr


def test_a_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(name)).write_text("name: [")
    done = subprocess.run(
        [*COMMAND, "check", name], env=environment(""), cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"error" in done.stdout


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4, 0.8])
def test_ctrl_c_ends_a_command_at_once_and_in_silence(seconds: float) -> None:
    """At any moment, also while Python still imports the commands."""
    with subprocess.Popen(
        [*COMMAND, "send", "-", "--token", "t"],
        env=environment(""),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    if b"connector_tools" in told or b"Traceback" in told:
        assert b"cli/__main__.py" not in told, told  # before our first line Python itself tells it
    assert process.returncode != 0


def test_ctrl_c_in_a_callback_of_the_import_is_not_lost() -> None:
    """Python only prints an exception there, and goes on."""
    code = """
import os, signal, sys, weakref

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "connector_tools.cli.schema":
            thing = set()
            gone = weakref.ref(thing, lambda ref: os.kill(os.getpid(), signal.SIGINT))
            del thing

sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["schema"]
from connector_tools.cli.__main__ import main
main()
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_the_version_is_printed() -> None:
    result = connector("--version")
    assert (result.exit_code, result.stdout) == (0, "connector 0.1.0\n")


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_the_completion_of_each_shell_is_printed(shell_name: str) -> None:
    done = shell("connector --show-completion", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert b"Traceback" not in done.stderr
    done = shell("connector ", _CONNECTOR_COMPLETE=f"source_{shell_name}")
    assert done.returncode == 0
    assert b"connector" in done.stdout


def test_a_word_is_completed() -> None:
    done = shell(
        "connector ", _CONNECTOR_COMPLETE="complete_bash", COMP_WORDS="connector ch", COMP_CWORD="1"
    )
    assert done.stdout.split() == [b"check"]
