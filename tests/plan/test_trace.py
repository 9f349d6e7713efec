"""A trace agrees with the plan in every decision, call and subject."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.event import parse
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal, Result
from connector.plan.planner import Plan, plan
from connector.plan.step import PlannedCall
from connector.plan.trace import Trace, Verdict, trace
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from connector_tools.deployment import deployment
from tests.support import ROOT
from tests.support.calls import turn_of
from tests.support.events import event
from tests.support.mapping_files import mapping

CATALOGUE = [load(file) for file in sorted((ROOT / "mappings").glob("*.yaml"))]
NAMES = ("sim-created", "sim-updated", "sim-replaced", "sim-deleted")
CHANGES: dict[str, list[Any]] = {
    "data.event_type": ["SIM/Updated", "sim/replaced", "Invoice/Paid", "cannot be computed"],
    "pb_data.sim_info": [None, {}],
    "pb_data.prev_sim_info": [None],
    "pb_data.account_info": [None, {"i_account": 5}],
    "pb_data.sim_info.imsi": [None, "", "123456", "001010000000009"],
    "pb_data.account_info.blocked": [None, True, "N"],
    "pb_data.account_info.bill_status": [None, "terminated", "inactive", "suspended"],
    "pb_data.account_info.status": ["blocked", "cannot be computed"],
    "pb_data.account_info.id": ["x@y", "cannot be computed", "420700000001@msisdn"],
}


def both(given: dict[str, Any], found: MappingFile, values: Any) -> tuple[Any, Trace]:
    """The plan, or the result if the planner refuses the event; and the trace."""
    parsed = parse(json.dumps(given).encode())
    planned: Plan | Result
    try:
        planned = plan(parsed, found, values)
    except Refusal as refusal:
        planned = refusal.result
    return planned, trace(parsed, found, values)


@given(
    number=st.sampled_from(range(len(CATALOGUE))),
    name=st.sampled_from(NAMES),
    change=st.fixed_dictionaries(
        {}, optional={path: st.sampled_from(values) for path, values in CHANGES.items()}
    ),
)
def test_a_trace_equals_the_plan(number: int, name: str, change: dict[str, Any]) -> None:
    file = CATALOGUE[number]
    given = event(name)
    for path, value in change.items():
        *way, key = path.split(".")
        parent: Any = given
        for step in way:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[key] = value
    try:
        planned, found = both(given, file, deployment(file, {}).values)
    except Refusal:
        return  # the event itself is invalid
    if isinstance(planned, Result):
        assert (found.result, found.calls) == (planned, ())
        return
    assert found.result == planned.result
    chosen = [rule.rule for rule in found.rules if rule.verdict is Verdict.CHOSEN]
    assert chosen == ([planned.rule] if planned.rule else [])
    assert [rule.rule for rule in found.rules] == list(file.rules)
    kept = [call for call in found.calls if call.left_out is None]
    steps = [step for step in planned.steps if isinstance(step, PlannedCall)]
    assert [call.subject for call in kept] == [step.subject for step in steps]
    ready = [step.ready for step in steps]
    assert [call.call for call in kept if not call.waits_for] == [one for one in ready if one]
    assert [bool(call.waits_for) for call in kept] == [one is None for one in ready]
    decides = [item.loc for item in found.conditions if item.decides]
    assert decides == ([planned.decided] if planned.result and planned.rule else [])


def test_a_condition_that_cannot_be_computed_decides_the_event(tmp_path: Path) -> None:
    file = mapping(
        tmp_path,
        """
        rules:
          - name: one
            on: SIM/Updated
            require: [{that: sim.imsi, because: a}, {that: variables.n * 2, because: b}]
            calls: [{put: /a}]
        """,
    )
    refused, found = both(event(change={"data.variables.n": "x"}), file, {})
    assert isinstance(refused, Result)
    assert [item.decides for item in found.conditions] == [False, True]
    assert found.conditions[1].computed.failure


@pytest.mark.parametrize("path", ["/a", "/a?x=1", "/a?x={{ sim.imsi }}"])
@pytest.mark.parametrize("query", ["", ", query: {y: 2}"])
async def test_a_preview_has_the_url_of_the_request(tmp_path: Path, path: str, query: str) -> None:
    rest = f"rules: [{{name: one, on: SIM/Updated, calls: [{{get: '{path}'{query}}}]}}]"
    found = mapping(tmp_path, rest)
    planned, traced = both(event(imsi="001010000000001"), found, {})
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url}")
        return httpx.Response(200)

    assert isinstance(found.system, HttpSystemEntry)
    async with HttpSystem(found.system, {}, transport=httpx.MockTransport(answer)) as client:
        await client.send(planned.steps[0].ready, turn_of(1))
    preview = found.protocol.preview(traced.calls[0].call, found.system, {})
    assert [preview.line] == sent
    assert preview.line.count("?") == (1 if "?" in path or query else 0)
