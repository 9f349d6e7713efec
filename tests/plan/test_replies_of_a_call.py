"""A call's own `replies` and `expect`: what its reply means, by its request and the event."""

from pathlib import Path

import pytest

from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.judge import judge
from tests.support.planner import Planner

CREATE = """{
  post: /a, id: made, idempotent: true, json: {imsi: =sim.imsi},
  replies: [{if: reply.status == 409, outcome: applied},
            {if: reply.json.code == 'locked', outcome: unavailable, because: =reply.json.code}],
  expect: [{that: reply.status == 409 or reply.json.imsi == sim.imsi,
            because: the HSS did not create the subscriber}]}"""


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


def judged(planned: Planner, status: int, json: object) -> Reply:
    own = Outcome.APPLIED if status < 300 else Outcome.FAILED
    found = planned(f"rules: [{{name: a, on: SIM/Replaced, calls: [{CREATE}]}}]")
    (step,) = found.steps
    call = next(step.talk({}))
    return judge(Reply(own, seen={"status": status, "json": json}), call, (), {}, accepted=False)


def test_a_success_that_is_not_what_the_call_expects_has_failed(planned: Planner) -> None:
    found = judged(planned, 200, None)
    assert (found.outcome, found.end) == (Outcome.FAILED, End.UNKNOWN)
    assert found.reason == "the HSS did not create the subscriber"


def test_an_expectation_reads_what_the_call_sends(planned: Planner) -> None:
    assert judged(planned, 200, {"imsi": "001010000000002"}).outcome is Outcome.APPLIED
    assert judged(planned, 200, {"imsi": "001010000000001"}).outcome is Outcome.FAILED


def test_the_replies_of_a_call_decide_its_outcome(planned: Planner) -> None:
    assert judged(planned, 409, None).outcome is Outcome.APPLIED
    found = judged(planned, 500, {"code": "locked"})
    assert (found.outcome, found.reason) == (Outcome.UNAVAILABLE, "locked")


def test_a_refusal_is_not_compared_with_the_expectation(planned: Planner) -> None:
    assert judged(planned, 500, {}).reason is None


def test_an_expectation_that_cannot_be_computed_is_a_failure(planned: Planner) -> None:
    found = judged(planned, 200, "text")
    assert (found.outcome, found.end) == (Outcome.FAILED, End.UNKNOWN)
