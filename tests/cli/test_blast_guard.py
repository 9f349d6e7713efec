"""`connector blast-guard`."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from connector.blast_guard import NOTE
from connector.ledger.sqlite import SqliteLedger
from tests.support.command_line import connector


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def note(ledger: Path, text: str | None = None) -> str | None:
    """The guard's note; with a text, write it before."""

    async def both() -> str | None:
        store = SqliteLedger(ledger, b"key")
        if text:
            await store.write_note(NOTE, text)
        found = await store.note(NOTE)
        await store.close()
        return found

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("text", "code", "state", "told"),
    [
        (None, 0, "counting", "counting: "),
        ("stopped 1000", 1, "stopped", "stopped since 1970-01-01T00:16:40+00:00"),
        ("allowed 1000", 0, "counting", "counting: "),
        ("allowed 4000000000", 0, "allowed", "all events pass until 2096-"),
    ],
)
def test_the_state_is_told(
    ledger: Path, text: str | None, code: int, state: str, told: str
) -> None:
    note(ledger, text)
    result = connector("blast-guard", "status", "--ledger", f"sqlite:///{ledger}")
    assert (result.exit_code, result.stdout[: len(told)]) == (code, told)
    result = connector("blast-guard", "status", "--json", "--ledger", f"sqlite:///{ledger}")
    assert json.loads(result.stdout)["state"] == state


def test_events_are_allowed_for_a_time(ledger: Path) -> None:
    note(ledger, "stopped 1000")
    result = connector("blast-guard", "allow", "--for", "2h", "--ledger", f"sqlite:///{ledger}")
    assert result.exit_code == 0
    state, _, until = (note(ledger) or "").partition(" ")
    assert state == "allowed"
    assert 7190 < float(until) - time.time() <= 7201


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--for", "soon"], "--for: 'soon' is not a length of time"),
        (["--for", "32d"], "--for: 32d is too long: 31d at most"),
        (["--for", "0h"], "--for: '0h' is not a length of time"),
        (["--ledger", "memory:"], "can be seen by its own process only"),
        (["--ledger", "sqlite:////no/such/file"], "there is no file"),
        (["--ledger", "redis:"], "LEDGER_URL: must be"),
    ],
    ids=repr,
)
def test_what_cannot_be_done_is_one_line(ledger: Path, arguments: list[str], told: str) -> None:
    note(ledger, "stopped 1000")
    usual = [] if "--ledger" in arguments else ["--ledger", f"sqlite:///{ledger}"]
    result = connector("blast-guard", "allow", *arguments, *usual)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
