"""The trace of resources agrees with the plan: whatever is found, it has shown what is sent."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from connector.call import Call
from connector.event import parse
from connector.mapping.call_entry import CallEntry
from connector.mapping.load import load
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal
from connector.plan.holding import Phase, ResourceStep
from connector.plan.planner import plan
from connector.plan.resource_trace import TracedResource, resources
from connector.plan.trace import trace
from connector_tools.deployment import deployment
from tests.support import ROOT
from tests.support.events import event
from tests.support.mapping_files import HEAD

PAGE = re.search(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "docs" / "resources.md").read_text())
NESTED = """
resources:
  line:
    of: [imsi]
    read: {get: "/lines/{{ imsi }}", query: {ok: "=imsi is matching('[0-9]{1,15}')"}}
    want: {sim: =imsi, number: =account.msisdn}
    released: {number: =none}
    create: {post: /lines, json: =want}
    change: {patch: "/lines/{{ found.id }}", json: {number: =want.number, id: =found.id}}
    remove: {delete: "/lines/{{ found.id }}"}
  plan:
    of: [imsi]
    read: {get: "/lines/{{ line.id }}/plan"}
    want: "={'name': line.plan} if line.plan else none"
    released: =none
    create: [{post: /plans, json: {line: =line.id}}, {when: want.name, post: /names, json: =want}]
    change: {when: found.open, put: /plans, json: =changed}
    remove: {delete: /plans}
rules:
  - name: a SIM was swapped
    on: [SIM/Replaced, SIM/Created, SIM/Updated]
    require: [{that: account, because: account_info is null}]
    release: {imsi: =prev_sim.imsi or '001010000000009'}
    hold: {imsi: =sim.imsi}
  - {name: a SIM left, on: SIM/Deleted, remove: {imsi: =sim.imsi}}
"""
NAMES = ("sim-created", "sim-updated", "sim-replaced", "sim-deleted")
VALUES = st.sampled_from([None, "", "0", "1", 7, True, "active", "barred", "420700000001", [1]])
FIELDS = ("status", "msisdn", "nam_cs", "nam_ps", "sim", "number", "name", "id", "plan", "open")
FOUND = st.none() | st.dictionaries(st.sampled_from(FIELDS), VALUES)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "pb_data.account_info.bill_status": st.sampled_from(["terminated", "open", None]),
        "pb_data.account_info.blocked": st.sampled_from([True, False]),
        "pb_data.account_info.id": st.sampled_from(["420700000002@msisdn", "x@y"]),
    },
)


@cache
def files() -> list[MappingFile]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.yaml").write_text(PAGE[1] if PAGE else "")
        (folder / "nested.yaml").write_text(HEAD + NESTED)
        written = [load(file) for file in sorted(folder.glob("*.yaml"))]
    return [load(ROOT / "mappings" / "osmo-hlr.yaml"), *written]


@example(
    number=1, name="sim-replaced", change={}, found=[None, None, {"id": "1"}, {"name": "x"}]
)  # what is wanted depends on what was found, and is none
@example(number=1, name="sim-replaced", change={}, found=[None, None, {"plan": "x"}, None])
@given(
    number=st.sampled_from(range(3)),
    name=st.sampled_from(NAMES),
    change=CHANGES,
    found=st.lists(FOUND, min_size=8, max_size=8),
)
def test_every_call_that_a_plan_makes_was_shown_before(
    number: int, name: str, change: dict[str, Any], found: list[Any]
) -> None:
    file = files()[number]
    parsed = parse(json.dumps(event(name, change={} if name == "sim-deleted" else change)).encode())
    values = deployment(file, {}).values
    traced = resources(trace(parsed, file, values).steps)
    try:
        steps = plan(parsed, file, values).steps
    except Refusal:
        assert traced == ()
        return
    kept = [step for step in steps if isinstance(step, ResourceStep)]
    targets = [step.target for step in kept if step.phase is Phase.LOOK]
    assert [(item.target.name, item.target.verb, item.target.subject) for item in traced] == [
        (target.name, target.verb, target.subject) for target in targets
    ]
    replies: dict[str, Any] = {}
    for item, target, held in zip(traced, targets, found, strict=False):
        check_reading(item, target.reading)
        target.learn(None if target.is_orphaned(replies) else held, replies)
    for item, target in zip(traced, targets, strict=True):
        try:
            target.compare(replies)
        except Refusal:
            continue  # what was found lacks what a call needs, or the mapping has no call
        state = target.state(replies)
        check_wanted(item, state.wanted)
        for call in (*state.take, *state.give):
            assert shown(item, call), f"{call} was not shown"


def check_reading(item: TracedResource, reading: Call | None) -> None:
    """The read is shown as it is sent, or as source text if it depends on a resource above."""
    assert bool(item.read.waits_for) is (reading is None)
    if reading:
        assert item.read.call is not None
        assert (item.read.call.method, outline(item.read.call)) == (
            reading.method,
            outline(reading),
        )


def check_wanted(item: TracedResource, wanted: Any) -> None:
    if item.wanted is None:
        assert wanted is None
    elif not item.wanted.waits_for:
        assert item.wanted.value == wanted


def shown(item: TracedResource, call: Call) -> bool:
    """True if a shown call is this one; of one that waits, method and target are compared."""
    for write in item.writes:
        known = write.call
        if known is None or known.left_out or known.call is None:
            continue
        assert isinstance(known.entry, CallEntry)
        if (known.call.method, known.entry.target) != (call.method, call.target):
            continue
        if known.waits_for or outline(known.call) == outline(call):
            return True
    return False


def outline(call: Call) -> Any:
    """What a call sends, without how its reply is read."""
    keys = ("path", "query", "body", "variable", "value")
    return [getattr(call, key, None) for key in keys]


def test_the_trace_pays_nothing() -> None:
    """A plan that had just enough work left must not fail after it was explained."""
    file = files()[1]
    found = trace(parse(json.dumps(event("sim-replaced")).encode()), file, {})
    targets = [step.target for step in found.steps if isinstance(step, ResourceStep)]
    before = targets[0].scope.meter.left
    assert resources(found.steps)
    assert targets[0].scope.meter.left == before
