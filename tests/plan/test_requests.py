"""How many requests an event makes: the table of docs/resources.md is measured here."""

import asyncio
import json
import re
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import Pipeline
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.simulation.virtual_time import HSS
from tests.support import ROOT
from tests.support.events import event
from tests.support.hss import SERVED, SETTINGS, HssWire

OLD, NEW = "001010000000001", "001010000000002"


class Case(NamedTuple):
    """An event: its file, what differs in it, and what the HSS holds before it."""

    name: str
    held: str = ""
    change: dict[str, Any] = {}
    lose: str = ""


BLOCKED = {"pb_data.account_info.blocked": True}
CASES = {
    "nothing differs": Case("sim-updated", OLD),
    "one field differs": Case("sim-updated", OLD, BLOCKED),
    "the SIM is new": Case("sim-updated"),
    "the SIM is new, and the reply to its creation is lost": Case(
        "sim-updated", lose="POST /subscribers"
    ),
    "a swap to a new SIM": Case("sim-replaced", OLD, {"pb_data.prev_sim_info.i_account": None}),
    "a SIM is only taken away": Case(
        "sim-replaced", OLD, {"pb_data.sim_info": None, "pb_data.prev_sim_info.i_account": None}
    ),
    "a SIM is deleted": Case("sim-deleted", OLD, {"pb_data.sim_info.imsi": OLD}),
    "a SIM is deleted that the system does not hold": Case("sim-deleted"),
}


def body(name: str, change: dict[str, Any]) -> bytes:
    made = event(name, change=(SERVED if "deleted" not in name else {}) | change)
    made |= {"event_id": str(uuid4())}
    made["data"]["variables"] = {}
    return json.dumps(made).encode()


async def measured(case: Case) -> tuple[int, int]:
    """The requests that read and those that write."""
    wire, mapping = HssWire(), load(HSS.file)
    assert isinstance(mapping.system, HttpSystemEntry)
    wire.hss.keys |= {OLD, NEW}
    async with HttpSystem(mapping.system, SETTINGS, transport=wire) as system:

        async def apply(name: str, change: dict[str, Any]) -> None:
            pipeline = Pipeline(mapping, SETTINGS, MemoryLedger(), system)
            result = await pipeline.handle(body(name, change))
            assert result.outcome is Outcome.APPLIED, result

        if case.held:
            await apply("sim-updated", {"pb_data.sim_info.imsi": case.held})
        wire.sent.clear()
        wire.lose = case.lose
        await apply(case.name, case.change)
    reads = sum(text.startswith("GET") for text in wire.sent)
    return reads, len(wire.sent) - reads


def documented() -> dict[str, tuple[int, int]]:
    text = (ROOT / "docs" / "resources.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    return {name: (int(reads), int(writes)) for name, reads, writes in rows}


@pytest.mark.parametrize("what", CASES)
def test_an_event_makes_as_many_requests_as_the_page_says(what: str) -> None:
    assert documented()[what] == asyncio.run(measured(CASES[what]))


def test_every_row_of_the_table_is_measured() -> None:
    assert set(documented()) == set(CASES)
