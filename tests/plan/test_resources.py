"""Resources: what is read, what differs, which calls are made, and in which order.

The system of these tests is a dictionary behind the plan's steps; docs/resources.md has the rules.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.call import Call
from connector.outcome import Outcome, Refusal
from connector.plan.holding import ResourceStep, summary
from connector.plan.step import Step, next_call
from connector.system import End, Reply
from tests.support.calls import http
from tests.support.planner import Planner

OLD, NEW = "001010000000001", "001010000000002"
RESOURCES = """
resources:
  keys:
    of: [imsi]
    read: {get: "/keys/{{ imsi }}"}
    require: [{that: found is not none, outcome: unknown_resource, because: the AuC has no keys}]
  subscriber:
    of: [imsi]
    read: {get: "/subscriber/{{ imsi }}"}
    want: {status: =account.status or 'on', tags: [a, b]}
    released: {status: "off"}
    fields: {status: {off: "off"}, tags: {compare: set}}
    create: {post: /subscriber, json: "={'imsi': imsi, 'status': want.status, 'tags': want.tags}"}
    change: {patch: "/subscriber/{{ imsi }}", json: =changed}
    remove: {delete: "/subscriber/{{ imsi }}"}
  number:
    of: [imsi]
    read: {get: "/number/{{ imsi }}"}
    want: "={'msisdn': account.msisdn} if account.msisdn else none"
    released: =none
    create: {post: "/number/{{ imsi }}", json: =want}
    change: {put: "/number/{{ imsi }}", json: =want}
    remove: {delete: "/number/{{ imsi }}"}
"""
SWAP = RESOURCES + (
    "rules: [{name: a, on: SIM/Replaced, release: {imsi: =prev_sim.imsi}, hold: {imsi: =sim.imsi}}]"
)
HOLD = RESOURCES + "rules: [{name: a, on: SIM/Replaced, hold: {imsi: =sim.imsi}}]"
REMOVE = RESOURCES + "rules: [{name: a, on: SIM/Replaced, remove: {imsi: =sim.imsi}}]"
SERVED = {"status": "on", "tags": ["b", "a"], "foreign": 7}
NUMBER = {"msisdn": "420700000001"}
ACTIVE = {"pb_data.account_info.status": None}

Answer = Callable[[Call], Reply | None]


class Store:
    """The system: what it holds, by path, and the requests that it got."""

    def __init__(self, held: dict[str, Any], answer: Answer = lambda call: None) -> None:
        self.held = {f"/keys/{OLD}": {}, f"/keys/{NEW}": {}} | held
        self.answer = answer
        self.sent: list[str] = []

    def reply(self, call: Call) -> Reply:
        """Carry out a request."""
        path = http(call).path
        self.sent.append(f"{call.method} {path}")
        given = self.answer(call)
        if given:
            return given
        if call.method == "GET":
            return self.answered(200, self.held[path]) if path in self.held else self.answered(404)
        if call.method == "DELETE":
            self.held.pop(path, None)
        else:
            self.held[path] = self.held.get(path, {}) | self.body(call)
        return self.answered(200)

    @staticmethod
    def body(call: Call) -> Any:
        return json.loads(http(call).body or b"{}")

    @staticmethod
    def answered(status: int, json: Any = None) -> Reply:
        outcome = Outcome.APPLIED if status < 300 else Outcome.FAILED
        outcome = Outcome.UNAVAILABLE if status == 503 else outcome
        end = End.UNKNOWN if status >= 500 else End.ANSWERED
        return Reply(outcome, status=status, seen={"status": status, "json": json}, end=end)

    @property
    def writes(self) -> list[str]:
        return [text for text in self.sent if not text.startswith("GET")]


@pytest.fixture
def carried_out(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Plans an event, carries the plan out at a store, and returns the summary for the log."""
    planner = Planner(tmp_path)

    def carry_out(file: str, store: Store, **options: Any) -> dict[str, str]:
        options.setdefault("change", ACTIVE)
        return carry(planner(file, **options).steps, store)

    return carry_out


def carry(steps: tuple[Step, ...], store: Store) -> dict[str, str]:
    """Carry out steps at a store, and return the summary for the log."""
    replies: dict[str, Any] = {}
    for step in steps:
        talk = step.talk(replies)
        call = next(talk, None)
        while call is not None:
            assert call.read_only or not step.reads
            reply = store.reply(call)
            if call.meaning and (meant := call.meaning(reply.seen)):
                reply = Reply(meant.outcome, seen=reply.seen, end=reply.end)
            call = next_call(talk, reply)
    return summary(replies, steps)


CarryOut = Callable[..., dict[str, str]]
RIGHT = {f"/subscriber/{NEW}": SERVED, f"/number/{NEW}": NUMBER}


def test_nothing_is_written_if_nothing_differs(carried_out: CarryOut) -> None:
    store = Store(RIGHT)
    assert carried_out(HOLD, store) == {
        "keys": "unchanged",
        "subscriber": "unchanged",
        "number": "unchanged",
    }
    assert store.sent == [f"GET /keys/{NEW}", f"GET /subscriber/{NEW}", f"GET /number/{NEW}"]


def test_only_the_owned_fields_that_differ_are_sent(carried_out: CarryOut) -> None:
    bodies: list[Any] = []

    def note(call: Call) -> None:
        if call.method == "PATCH":
            bodies.append(Store.body(call))

    store = Store(RIGHT | {f"/subscriber/{NEW}": SERVED | {"status": "off"}}, note)
    assert carried_out(HOLD, store)["subscriber"] == "status"
    assert bodies == [{"status": "on"}]
    assert store.held[f"/subscriber/{NEW}"]["foreign"] == 7


def test_what_is_absent_is_created_from_above_and_removed_from_below(
    carried_out: CarryOut,
) -> None:
    store = Store({})
    carried_out(HOLD, store)
    assert store.writes == ["POST /subscriber", f"POST /number/{NEW}"]
    store = Store(RIGHT)
    carried_out(REMOVE, store)
    assert store.writes == [f"DELETE /number/{NEW}", f"DELETE /subscriber/{NEW}"]


def test_in_a_swap_everything_is_read_then_taken_then_given(carried_out: CarryOut) -> None:
    store = Store({f"/subscriber/{OLD}": SERVED, f"/number/{OLD}": NUMBER})
    carried_out(SWAP, store)
    assert store.sent[:5] == [
        f"GET /subscriber/{OLD}",  # the keys are checked for a `hold` only
        f"GET /number/{OLD}",
        f"GET /keys/{NEW}",
        f"GET /subscriber/{NEW}",
        f"GET /number/{NEW}",
    ]
    assert store.writes == [
        f"DELETE /number/{OLD}",
        f"PATCH /subscriber/{OLD}",
        "POST /subscriber",
        f"POST /number/{NEW}",
    ]


def test_a_change_that_takes_service_comes_before_those_that_give(carried_out: CarryOut) -> None:
    store = Store(RIGHT | {f"/number/{NEW}": {"msisdn": "1"}})
    carried_out(HOLD, store, change={"pb_data.account_info.status": "off"})
    assert store.writes == [f"PATCH /subscriber/{NEW}", f"PUT /number/{NEW}"]


def test_a_released_sim_that_the_system_does_not_hold_is_not_created(
    carried_out: CarryOut,
) -> None:
    store = Store(RIGHT)
    carried_out(SWAP, store)
    assert store.writes == []


def test_a_precondition_ends_the_event_before_anything_is_written(carried_out: CarryOut) -> None:
    store = Store({f"/subscriber/{OLD}": SERVED, f"/number/{OLD}": NUMBER})
    del store.held[f"/keys/{NEW}"]
    with pytest.raises(Refusal) as caught:
        carried_out(SWAP, store)
    assert caught.value.result.outcome is Outcome.UNKNOWN_RESOURCE
    assert caught.value.result.reason == "the AuC has no keys"
    assert store.writes == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error_of_a_read_is_not_taken_for_absence(carried_out: CarryOut, status: int) -> None:
    store = Store({}, lambda call: Store.answered(status) if "number" in http(call).path else None)
    with pytest.raises(Refusal):
        carried_out(HOLD, store)
    assert store.writes == []


def test_a_reply_without_the_fields_of_a_resource_is_a_failure(carried_out: CarryOut) -> None:
    store = Store({f"/number/{NEW}": ["420700000001"]})
    with pytest.raises(Refusal) as caught:
        carried_out(HOLD, store)
    assert caught.value.result.outcome is Outcome.FAILED
    assert store.writes == []


@pytest.mark.parametrize("text", ["", " ", "<h1>It works!</h1>"])
@pytest.mark.parametrize("file", [HOLD, REMOVE], ids=["hold", "remove"])
def test_a_successful_reply_that_is_no_json_is_not_taken_for_absence(
    carried_out: CarryOut, file: str, text: str
) -> None:
    seen = {"status": 200, "json": None, "text": text}
    blank = Reply(Outcome.APPLIED, status=200, seen=seen, end=End.ANSWERED)
    store = Store(RIGHT, lambda call: blank if "number" in http(call).path else None)
    with pytest.raises(Refusal) as caught:
        carried_out(file, store)
    assert caught.value.result.outcome is Outcome.FAILED
    assert store.writes == []


def test_the_json_null_is_absence(carried_out: CarryOut) -> None:
    seen = {"status": 200, "json": None, "text": "null"}
    null = Reply(Outcome.APPLIED, status=200, seen=seen, end=End.ANSWERED)
    store = Store(RIGHT, lambda call: null if "number" in http(call).path else None)
    assert carried_out(REMOVE, store)["number"] == "unchanged"


def once(wanted: str, reply: Callable[[Store, Call], Reply]) -> tuple[Store, Answer]:
    """A store that answers the first request of a method and path with another reply."""
    store, done = Store({}), list[Call]()

    def answer(call: Call) -> Reply | None:
        if f"{call.method} {http(call).path}" == wanted and not done:
            done.append(call)
            return reply(store, call)
        return None

    store.answer = answer
    return store, answer


def lost(store: Store, call: Call) -> Reply:
    """Carry out a request whose reply is lost."""
    path = "/subscriber/" + Store.body(call)["imsi"] if call.method == "POST" else http(call).path
    store.held[path] = store.held.get(path, {}) | Store.body(call)
    return Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN)


def test_after_an_unknown_end_the_resource_is_read_and_not_written_again(
    carried_out: CarryOut,
) -> None:
    store, _ = once("POST /subscriber", lost)
    carried_out(HOLD, store)
    assert store.writes == ["POST /subscriber", f"POST /number/{NEW}"]
    assert store.sent.count(f"GET /subscriber/{NEW}") == 2


def test_what_was_not_done_is_sent_again_after_reading(carried_out: CarryOut) -> None:
    store, _ = once("POST /subscriber", lambda *_: Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN))
    carried_out(HOLD, store)
    start = store.sent.index("POST /subscriber")
    again = ["POST /subscriber", f"GET /subscriber/{NEW}", "POST /subscriber"]
    assert store.sent[start : start + 3] == again


def test_what_exists_already_is_compared_and_changed(carried_out: CarryOut) -> None:
    def taken(store: Store, call: Call) -> Reply:
        store.held[f"/subscriber/{NEW}"] = {"status": "off", "tags": [], "foreign": 1}
        return Store.answered(409)

    store, _ = once("POST /subscriber", taken)
    carried_out(HOLD, store)
    assert store.writes[:2] == ["POST /subscriber", f"PATCH /subscriber/{NEW}"]
    assert store.held[f"/subscriber/{NEW}"] == {"status": "on", "tags": ["a", "b"], "foreign": 1}


def test_what_is_gone_is_created(carried_out: CarryOut) -> None:
    def gone(store: Store, call: Call) -> Reply:
        del store.held[http(call).path]
        return Store.answered(404)

    store, _ = once(f"PATCH /subscriber/{NEW}", gone)
    store.held |= RIGHT | {f"/subscriber/{NEW}": {"status": "wrong", "tags": ["a", "b"]}}
    carried_out(HOLD, store)
    assert store.writes == [f"PATCH /subscriber/{NEW}", "POST /subscriber"]


def test_what_is_gone_counts_as_removed(carried_out: CarryOut) -> None:
    store, _ = once(f"DELETE /number/{NEW}", lambda *_: Store.answered(404))
    store.held |= RIGHT
    carried_out(REMOVE, store)
    assert store.writes == [f"DELETE /number/{NEW}", f"DELETE /subscriber/{NEW}"]


@pytest.mark.parametrize(
    ("reply", "outcome", "writes"),
    [
        (Store.answered(409), Outcome.FAILED, 1),
        (Store.answered(500), Outcome.FAILED, 1),
        (Store.answered(400), Outcome.FAILED, 1),
        (Reply(Outcome.UNAVAILABLE, end=End.UNKNOWN), Outcome.UNAVAILABLE, 3),
        (Reply(Outcome.UNAVAILABLE, end=End.PENDING), Outcome.UNAVAILABLE, 1),
        (Reply(Outcome.THROTTLED, end=End.NOT_SENT), Outcome.THROTTLED, 1),
    ],
    ids=["exists", "error", "refusal", "unknown", "pending", "throttled"],
)
def test_a_call_that_never_succeeds_ends_the_event(
    carried_out: CarryOut, reply: Reply, outcome: Outcome, writes: int
) -> None:
    store = Store({}, lambda call: reply if call.method == "POST" else None)
    with pytest.raises(Refusal) as caught:
        carried_out(HOLD, store)
    assert caught.value.result.outcome is outcome
    assert store.writes == ["POST /subscriber"] * writes


def test_no_step_that_reads_makes_a_call_that_writes(tmp_path: Path) -> None:
    """An audit can carry out these steps alone."""
    steps = Planner(tmp_path)(SWAP, change=ACTIVE).steps
    store = Store(RIGHT | {f"/number/{OLD}": NUMBER})
    found = carry(tuple(step for step in steps if step.reads), store)
    assert store.writes == []
    assert found["number"] == "removed, unchanged"


def test_the_subject_is_the_first_parameter_and_a_release_releases(tmp_path: Path) -> None:
    steps = Planner(tmp_path)(SWAP).steps
    assert all(isinstance(step, ResourceStep) for step in steps)
    assert {(step.subject, step.releases) for step in steps} == {
        (f"imsi:{OLD}", True),
        (f"imsi:{NEW}", False),
    }


def test_a_writing_call_is_not_repeated_by_the_client(tmp_path: Path) -> None:
    """Only the resource's own reading decides whether it is sent again."""
    writes: list[Call] = []
    store = Store({}, lambda call: None if call.read_only else writes.append(call))
    carry(Planner(tmp_path)(HOLD, change=ACTIVE).steps, store)
    assert [call.idempotent for call in writes] == [False, False]


@pytest.mark.parametrize("imsi", ["", None])
def test_a_parameter_without_a_value_is_refused_before_any_call(
    tmp_path: Path, imsi: str | None
) -> None:
    with pytest.raises(Refusal) as caught:
        Planner(tmp_path)(HOLD, change={"pb_data.sim_info.imsi": imsi})
    assert caught.value.result.details[0].rule == "`imsi` has no value"
