"""Resources that need each other, things that a rule names twice, and replies that lie."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.call import Call
from connector.outcome import Outcome, Refusal
from connector.system import End, Reply
from tests.plan.test_resources import (
    ACTIVE,
    HOLD,
    NEW,
    NUMBER,
    OLD,
    REMOVE,
    RESOURCES,
    SERVED,
    SWAP,
    Store,
    carry,
)
from tests.support.calls import http
from tests.support.planner import Planner

POLICY = """
  profile:
    of: [imsi]
    read: {get: "/policy/{{ subscriber.id }}"}
    want: "={'plan': 'gold', 'owner': subscriber.id}"
    released: =none
    create: {put: "/policy/{{ subscriber.id }}", json: =want}
    change: {put: "/policy/{{ subscriber.id }}", json: =changed}
    remove: {delete: "/policy/{{ subscriber.id }}"}
"""
PATH = f"/subscriber/{NEW}"


class NamingStore(Store):
    """A store that gives each subscriber an id when it is created."""

    def reply(self, call: Call) -> Reply:
        replied = super().reply(call)
        made = self.held.pop("/subscriber", None)
        if made:
            self.held[f"/subscriber/{made['imsi']}"] = made | {"id": "s7"}
        return replied


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Any]:
    """Plans an event by a rule with these verbs, and carries the plan out at a store."""

    def carry_out(verbs: str, store: Store, more: str = "", **options: Any) -> dict[str, str]:
        options.setdefault("change", ACTIVE)
        file = f"{RESOURCES}{more}rules: [{{name: a, on: SIM/Replaced, {verbs}}}]"
        return carry(Planner(tmp_path)(file, **options).steps, store)

    return carry_out


CarryOut = Callable[..., dict[str, str]]
HELD = "hold: {imsi: =sim.imsi}"


def test_an_id_that_the_system_makes_is_read_before_it_is_used(planned: CarryOut) -> None:
    store = NamingStore({})
    assert planned(HELD, store, POLICY)["profile"] == "created"
    assert store.held["/policy/s7"] == {"plan": "gold", "owner": "s7"}
    assert store.sent[-4:] == [
        f"POST /number/{NEW}",
        f"GET {PATH}",
        "GET /policy/s7",
        "PUT /policy/s7",
    ]


LINE = """
  line:
    of: [imsi]
    read: {get: "/line/{{ imsi }}"}
    want: {open: true}
    released: {open: false}
    create: {post: /line, json: "={'key': keys.id}"}
    change: {patch: "/line/{{ imsi }}", json: =changed}
    remove: {delete: "/line/{{ imsi }}"}
"""


@pytest.mark.parametrize(
    ("verb", "write"), [("release", f"PATCH /line/{NEW}"), ("remove", f"DELETE /line/{NEW}")]
)
def test_what_only_a_creation_reads_does_not_keep_service_when_it_is_absent(
    planned: CarryOut, verb: str, write: str
) -> None:
    """The SIM's keys are gone from the AuC; its line still has service, which must end."""
    store = Store({f"/line/{NEW}": {"open": True}})
    del store.held[f"/keys/{NEW}"]
    assert planned(f"{verb}: {{imsi: =sim.imsi}}", store, LINE)["line"] != "unchanged"
    assert store.writes == [write]
    assert f"GET /keys/{NEW}" not in store.sent


def test_an_id_is_also_used_if_the_reply_to_its_creation_was_lost(planned: CarryOut) -> None:
    store = NamingStore({})

    def lost(call: Call) -> Reply | None:
        if call.method == "POST" and "subscriber" in http(call).path:
            store.held[PATH] = Store.body(call) | {"id": "s7"}
            return Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN)
        return None

    store.answer = lost
    planned(HELD, store, POLICY)
    assert store.held["/policy/s7"]["owner"] == "s7"
    assert store.writes.count("POST /subscriber") == 1


@pytest.mark.parametrize("owner", ["", ", 'owner': subscriber.id"], ids=["planned", "computed"])
def test_a_resource_is_refused_if_one_that_it_needs_is_absent_after_its_creation(
    planned: CarryOut, owner: str
) -> None:
    """Such a system answers 200 with `null`, and has created nothing."""
    store = Store({}, lambda call: Store.answered(200) if call.method == "POST" else None)
    with pytest.raises(Refusal) as caught:
        planned(HELD, store, POLICY.replace(", 'owner': subscriber.id", owner))
    assert caught.value.result.outcome is Outcome.UNKNOWN_RESOURCE
    reason = "the resource `profile` needs `subscriber`, which is absent"
    assert caught.value.result.reason == reason


@pytest.mark.parametrize("verb", ["release", "remove"])
def test_nothing_is_taken_below_an_absent_resource(planned: CarryOut, verb: str) -> None:
    store = NamingStore({})
    planned(f"{verb}: {{imsi: =prev_sim.imsi}}", store, POLICY)
    assert store.writes == []


@pytest.mark.parametrize("verb", ["release", "remove"])
def test_a_sim_that_is_taken_away_and_held_is_held(planned: CarryOut, verb: str) -> None:
    """Otherwise a SIM that replaces itself is barred, and the event counts as applied."""
    store = Store({PATH: SERVED, f"/number/{NEW}": NUMBER})
    summary = planned(f"{verb}: {{imsi: =sim.imsi}}, {HELD}", store)
    assert store.writes == []
    assert summary == dict.fromkeys(("keys", "subscriber", "number"), "unchanged")


def test_a_sim_that_is_held_twice_is_read_once(planned: CarryOut) -> None:
    store = Store({})
    planned("hold: [{imsi: =sim.imsi}, {imsi: =sim.imsi}]", store)
    assert store.sent.count(f"GET {PATH}") == 1
    assert store.writes == ["POST /subscriber", f"POST /number/{NEW}"]


POINT = """
  point:
    of: [imsi, name]
    read: {get: "/points/{{ name }}", query: {below: =subscriber.status}}
    want: {imsi: =imsi}
    create: {put: "/points/{{ name }}", json: =want}
    change: {put: "/points/{{ name }}", json: =want}
    remove: {delete: "/points/{{ name }}"}
"""


def test_two_things_of_one_sim_do_not_share_what_was_found(planned: CarryOut) -> None:
    store = Store({PATH: SERVED, f"/number/{NEW}": NUMBER, f"/points/{NEW}": {"imsi": NEW}})
    verbs = "hold: [{imsi: =sim.imsi, name: =sim.imsi}, {imsi: =sim.imsi, name: =prev_sim.imsi}]"
    summary = planned(verbs, store, POINT)
    assert summary["point"] == "unchanged, created"
    assert store.writes == [f"PUT /points/{OLD}"]
    assert store.sent[-3:-1] == [f"GET /points/{NEW}", f"GET /points/{OLD}"]


def test_of_a_sim_that_is_named_twice_what_needs_another_thing_is_removed_first(
    planned: CarryOut,
) -> None:
    store = Store({PATH: SERVED, f"/points/{NEW}": {"imsi": NEW}})
    planned("remove: [{imsi: =sim.imsi}, {imsi: =sim.imsi, name: =sim.imsi}]", store, POINT)
    assert store.writes == [f"DELETE /points/{NEW}", f"DELETE {PATH}"]


@pytest.mark.parametrize("lost", [True, False], ids=["lost reply", "exists"])
def test_what_was_created_with_service_against_our_will_is_barred(
    planned: CarryOut, lost: bool
) -> None:
    """What is found late to be in service is taken, although the phase of taking is over."""
    store = Store({})

    def served(call: Call) -> Reply | None:
        if call.method != "POST" or "subscriber" not in http(call).path or PATH in store.held:
            return None
        store.held[PATH] = dict(SERVED)
        return Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN) if lost else Store.answered(409)

    store.answer = served
    planned(HELD, store, change={"pb_data.account_info.status": "off"})
    assert store.held[PATH]["status"] == "off"


def test_a_reply_that_an_expression_cannot_read_is_a_failure_and_not_a_bad_event(
    planned: CarryOut,
) -> None:
    """Bad events are final; a system that answers something odd is asked again later."""
    odd = """
  odd:
    of: [imsi]
    read: {get: "/odd/{{ imsi }}"}
    found: "={'size': reply.json.size + 1}"
    want: {size: 1}
    change: {put: "/odd/{{ imsi }}", json: =want}
"""
    store = Store({f"/odd/{NEW}": {"size": "large"}})
    with pytest.raises(Refusal) as caught:
        planned(HELD, store, odd)
    assert caught.value.result.outcome is Outcome.FAILED
    assert store.writes == []


def test_a_condition_on_a_reply_that_cannot_be_computed_is_a_failure(planned: CarryOut) -> None:
    odd = """
  odd:
    of: [imsi]
    read: {get: "/odd/{{ imsi }}"}
    want: {size: 1}
    create: {post: "/odd/{{ imsi }}", json: =want}
    exists: reply.json.size > 3
    change: {put: "/odd/{{ imsi }}", json: =want}
"""
    store = Store(
        {}, lambda call: Store.answered(200, {"size": "L"}) if call.method == "POST" else None
    )
    with pytest.raises(Refusal) as caught:
        planned(HELD, store, odd)
    assert caught.value.result.outcome is Outcome.FAILED


def test_a_404_of_a_proxy_is_not_taken_for_absence(planned: CarryOut) -> None:
    """Otherwise a release during an outage counts as applied, and the SIM keeps its service.

    It is no unknown resource either: NSPS may not send an event again that ended so.
    """
    html = {"status": 404, "json": None, "text": "<html>no such site</html>"}
    reply = Reply(Outcome.UNKNOWN_RESOURCE, status=404, seen=html)
    store = Store({PATH: SERVED}, lambda call: reply)
    with pytest.raises(Refusal) as caught:
        planned("remove: {imsi: =sim.imsi}", store)
    assert caught.value.result.outcome is Outcome.FAILED


def test_a_404_of_a_proxy_does_not_count_as_removed(planned: CarryOut) -> None:
    html = {"status": 404, "json": None, "text": "<html>no such site</html>"}
    reply = Reply(Outcome.UNKNOWN_RESOURCE, status=404, seen=html)
    store = Store({PATH: SERVED}, lambda call: reply if call.method == "DELETE" else None)
    with pytest.raises(Refusal):
        planned("remove: {imsi: =sim.imsi}", store)


def test_a_read_that_no_verb_needs_is_left_out(planned: CarryOut) -> None:
    """The keys are checked only for a SIM that is held."""
    store = Store({})
    planned("remove: {imsi: =sim.imsi}", store)
    assert store.sent == [f"GET {PATH}", f"GET /number/{NEW}"]


@pytest.mark.parametrize("file", [HOLD, SWAP, REMOVE], ids=["hold", "swap", "remove"])
def test_a_second_time_nothing_is_written(tmp_path: Path, file: str) -> None:
    store = Store({f"/subscriber/{OLD}": dict(SERVED), f"/number/{OLD}": dict(NUMBER)})
    store.held[PATH] = {"status": "off", "tags": []}

    def created(call: Call) -> Reply | None:
        if call.method == "POST" and http(call).path == "/subscriber":
            store.held[PATH] = Store.body(call)
            return Store.answered(200)
        return None

    store.answer = created
    for _ in range(2):
        store.sent.clear()
        carry(Planner(tmp_path)(file, change=ACTIVE).steps, store)
    assert store.writes == []
