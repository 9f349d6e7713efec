"""Blocks of calls with parameters, and what is between calls: `require` and `let`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.event import parse
from connector.ledger.memory import MemoryLedger
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector.plan.trace import trace
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from tests.support.calls import http
from tests.support.events import event
from tests.support.mapping_files import mapping
from tests.support.planner import Planner
from tests.support.scripted import Received, Scripted, ScriptedServer

BLOCKS = """
blocks:
  release:
    of: [imsi]
    subject: imsi:{{ imsi }}
    releases: true
    calls:
      - {id: found, get: "/old/{{ imsi }}", accept: [404]}
      - {when: found.status != 404, delete: "/old/{{ found.json.id }}"}
  serve:
    of: [imsi, number]
    subject: imsi:{{ imsi }}
    calls:
      - {id: found, get: "/auc/{{ imsi }}"}
      - require: [{that: found.json.key, outcome: %s, because: "no key for {{ number }}"}]
      - let: {key: =found.json.key | upper}
      - {put: "/new/{{ imsi }}", json: {key: =key, number: =number}}
"""
RULE = """
rules:
  - name: a SIM was replaced
    on: SIM/Replaced
    calls:
      - {block: release, with: {imsi: =prev_sim.imsi}}
      - {block: serve, with: {imsi: =sim.imsi, number: "1"}}
"""
SERVE = RULE.replace("      - {block: release, with: {imsi: =prev_sim.imsi}}\n", "")
OLD, NEW = "001010000000001", "001010000000002"
BODY = json.dumps(event("sim-replaced")).encode()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as found:
        yield found


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


async def handled(folder: Path, text: str, server: ScriptedServer) -> Result:
    entry = HttpSystemEntry.model_validate({"http": {"base_url": server.url}})
    async with HttpSystem(entry, {}) as system:
        return await Pipeline(mapping(folder, text), {}, MemoryLedger(), system).handle(BODY)


def sent(server: ScriptedServer) -> list[str]:
    return [f"{request.method} {request.path}" for request in server.requests]


async def test_each_use_of_a_block_has_its_own_replies(
    tmp_path: Path, server: ScriptedServer
) -> None:
    def reply_to(request: Received) -> Scripted:
        return Scripted(json={"id": 7} if request.path.startswith("/old") else {"key": "a"})

    server.default = reply_to
    result = await handled(tmp_path, BLOCKS % "failed" + RULE, server)
    assert result.outcome is Outcome.APPLIED
    assert sent(server) == [
        f"GET /old/{OLD}",
        "DELETE /old/7",
        f"GET /auc/{NEW}",
        f"PUT /new/{NEW}",
    ]
    assert server.requests[-1].json == {"key": "A", "number": "1"}


def test_a_block_gives_its_calls_their_subject_and_releases(planned: Planner) -> None:
    found = planned(BLOCKS % "failed" + RULE)
    about = [(step.subject, step.releases) for step in found.steps]
    assert about == [(f"imsi:{OLD}", True)] * 2 + [(f"imsi:{NEW}", False)] * 4


@pytest.mark.parametrize(
    "outcome", ["rejected", "unknown_resource", "throttled", "failed", "unavailable"]
)
async def test_a_require_between_calls_ends_the_event_with_its_outcome(
    tmp_path: Path, server: ScriptedServer, outcome: str
) -> None:
    result = await handled(tmp_path, BLOCKS % outcome + SERVE, server)
    assert (result.outcome, result.reason) == (Outcome(outcome), "no key for 1")
    assert sent(server) == [f"GET /auc/{NEW}"]


async def test_an_invalid_event_has_the_reason_in_its_details(
    tmp_path: Path, server: ScriptedServer
) -> None:
    result = await handled(tmp_path, BLOCKS % "invalid" + SERVE, server)
    assert (result.outcome, result.reason) == (Outcome.INVALID, None)
    assert [detail.rule for detail in result.details] == ["no key for 1"]


CALLS = """
rules:
  - name: a SIM was replaced
    on: SIM/Replaced
    when: account
    calls:
      - {id: list, get: /list}
      - {block: note, with: {text: %s}, when: %s}
      - {put: /last}
blocks: {note: {of: [text], calls: [{post: /notes, idempotent: true, json: =text}]}}
"""


@pytest.mark.parametrize(
    ("when", "notes"),
    [("list.json.a == 1", 1), ("list.json.a == 2", 0), ("sim", 1), ("not sim", 0)],
)
async def test_the_when_of_a_use_decides_about_all_calls_of_the_block(
    tmp_path: Path, server: ScriptedServer, when: str, notes: int
) -> None:
    server.default = Scripted(json={"a": 1})
    await handled(tmp_path, CALLS % ("=sim.imsi", when), server)
    assert sent(server) == ["GET /list", *["POST /notes"] * notes, "PUT /last"]


async def test_a_parameter_can_come_from_a_reply(tmp_path: Path, server: ScriptedServer) -> None:
    server.default = Scripted(json={"a": 1})
    await handled(tmp_path, CALLS % ("=list.json.a + 1", "list.json"), server)
    assert server.requests[1].json == 2


def test_a_block_is_used_for_each_item_of_a_list(planned: Planner) -> None:
    text = """
rules:
  - name: a SIM was replaced
    on: SIM/Replaced
    calls: [{block: b, each: "[sim, prev_sim]", with: {x: =item.imsi}}]
blocks: {b: {of: [x], subject: "i:{{ x }}", calls: [{put: "/a/{{ x }}"}, {put: "/b/{{ x }}"}]}}
"""
    steps: Any = planned(text).steps
    paths = [http(step.ready).path for step in steps]
    assert paths == [f"/{name}/{imsi}" for imsi in (NEW, OLD) for name in "ab"]
    assert [step.subject for step in steps] == [f"i:{NEW}"] * 2 + [f"i:{OLD}"] * 2


def test_what_is_between_calls_belongs_to_the_subject_of_the_reply_that_it_reads(
    planned: Planner,
) -> None:
    text = """
rules:
  - name: a SIM was replaced
    on: SIM/Replaced
    calls:
      - {id: one, subject: one, get: /1}
      - {id: two, subject: two, get: /2}
      - let: {a: =one.json}
      - let: {b: =1}
"""
    assert [step.subject for step in planned(text).steps] == ["one", "two", "one", "two"]


def test_bad_data_in_a_block_is_found_before_the_first_call(planned: Planner) -> None:
    text = CALLS % ("=sim.imsi", "sim") + "values: {}\n"
    text = text.replace("json: =text", "json: =text + 1")
    with pytest.raises(Exception, match="invalid"):
        planned(text)


def test_the_trace_names_the_use_of_a_block(tmp_path: Path, planned: Planner) -> None:
    found = mapping(tmp_path, BLOCKS % "failed" + RULE)
    calls = trace(parse(BODY), found, {}).calls
    assert [call.use[-1:] for call in calls] == [(0,)] * 2 + [(1,)] * 4
