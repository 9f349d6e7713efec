"""The plan of an event: the rule that handles it, its `ignore` and `require`, and its calls."""

from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Detail, Outcome, Refusal, Result
from connector.plan.planner import Plan
from connector.plan.step import PlannedCall
from tests.support.calls import http
from tests.support.planner import Planner

IMSI, OLD_IMSI = "001010000000002", "001010000000001"


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


def rule_of(found: Plan) -> str | None:
    return found.rule.name if found.rule else None


# Rules


def rules(*entries: str) -> str:
    calls = "calls: [{put: /a}]"
    return "rules:\n" + "".join(f"  - {{{entry}, {calls}}}\n" for entry in entries)


def test_the_first_rule_for_the_event_wins(planned: Planner) -> None:
    found = planned(
        rules("name: a, on: SIM/Deleted", "name: b, on: SIM/Replaced", "name: c, on: X")
    )
    assert rule_of(found) == "b"
    assert found.decided == ("rules", 1)
    assert found.result is None
    assert len(found.steps) == 1


@pytest.mark.parametrize("kind", ["sim/replaced", "SIM/REPLACED", "Sim/Replaced"])
def test_event_types_are_compared_without_case(planned: Planner, kind: str) -> None:
    found = planned(rules("name: a, on: [X, sim/Replaced]"), change={"data.event_type": kind})
    assert rule_of(found) == "a"


def test_an_event_without_a_rule_is_ignored(planned: Planner) -> None:
    found = planned(rules("name: a, on: SIM/Deleted"))
    assert found.result == Result(Outcome.IGNORED, "no rule for events of type SIM/Replaced")
    assert (found.decided, found.rule, found.steps) == ((), None, ())


def test_a_condition_that_does_not_hold_is_named_instead_of_the_type(planned: Planner) -> None:
    """Else an operator would remove the type from the handler, and lose the events that fit."""
    file = rules(
        "name: only unassigned SIMs, on: SIM/Replaced, when: not sim",
        "name: other types, on: SIM/Deleted, when: sim",
        "name: only Czech SIMs, on: [X, sim/replaced], when: \"=sim.imsi is matching('230.*')\"",
    )
    found = planned(file, change={"pb_data.sim_info.imsi": "001010000000001"})
    assert found.result == Result(
        Outcome.IGNORED,
        "no rule applies: `only unassigned SIMs` wants not sim; "
        "`only Czech SIMs` wants =sim.imsi is matching('230.*')",
    )
    assert (found.decided, found.rule, found.steps) == ((), None, ())
    assert "001010000000001" not in repr(found.result)


def test_the_reason_for_no_rule_is_one_line_of_bounded_length(planned: Planner) -> None:
    condition = '"' + " or\\n  ".join(["not sim"] * 60) + '"'
    found = planned(rules(f"name: a, on: SIM/Replaced, when: {condition}"))
    reason = found.result.reason if found.result else None
    assert reason is not None
    assert reason.startswith("no rule applies: `a` wants not sim or not sim")
    assert "\n" not in reason
    assert len(reason) <= 500


def test_a_rule_whose_condition_does_not_hold_is_skipped(
    planned: Planner,
) -> None:
    file = rules("name: a, on: SIM/Replaced, when: not sim", "name: b, on: SIM/Replaced")
    assert rule_of(planned(file)) == "b"
    assert rule_of(planned(file, change={"pb_data.sim_info": None})) == "a"


IGNORE = (
    "ignore: [{if: not account, because: first}, "
    "{if: not sim, because: 'of {{ event.event_type }}'}]"
)
REQUIRE = "require: [{that: sim.imsi is imsi, because: a}, {that: account.status, because: b}]"
NO_SIM = {"pb_data.sim_info": None}


def test_ignore_decides_before_require(planned: Planner) -> None:
    found = planned(rules(f"name: a, on: SIM/Replaced, {REQUIRE}, {IGNORE}"), change=NO_SIM)
    assert found.result == Result(Outcome.IGNORED, "of SIM/Replaced")
    assert found.decided == ("rules", 0, "ignore", 1)
    assert not found.steps


@pytest.mark.parametrize(
    ("because", "quotes_nothing"), [("no SIM", True), ("no SIM of {{ account.id }}", False)]
)
def test_only_a_sentence_without_data_need_not_be_masked(
    planned: Planner, because: str, quotes_nothing: bool
) -> None:
    ignore = f"ignore: [{{if: not sim, because: '{because}'}}]"
    found = planned(rules(f"name: a, on: SIM/Replaced, {ignore}"), change=NO_SIM)
    assert found.quotes_nothing is quotes_nothing
    assert not planned(rules("name: a, on: SIM/Deleted")).quotes_nothing


def test_a_broken_requirement_names_the_field_as_nsps_does(planned: Planner) -> None:
    file = rules(f"name: a, on: SIM/Replaced, {REQUIRE}")
    found = planned(file, change=NO_SIM)
    detail = Detail("pb_data.sim_info.imsi", "a")
    assert found.result == Result(Outcome.INVALID, details=(detail,))
    assert found.decided == ("rules", 0, "require", 0)
    found = planned(file, change={"pb_data.account_info.status": None})
    assert found.result
    assert found.result.details == (Detail("pb_data.account_info.status", "b"),)


def test_an_event_that_passes_ignore_and_require_leads_to_calls(planned: Planner) -> None:
    found = planned(rules(f"name: a, on: SIM/Replaced, {IGNORE}, {REQUIRE}"))
    assert found.result is None
    assert len(found.steps) == 1


def test_the_calls_of_an_ignored_event_are_not_computed(planned: Planner) -> None:
    file = """
        rules:
          - name: a
            on: SIM/Replaced
            when: account
            ignore: [{if: not sim, because: no SIM}]
            calls: [{put: "/{{ sim.imsi }}"}]
        """
    assert planned(file, change=NO_SIM).result == Result(Outcome.IGNORED, "no SIM")


# Values


def test_values_are_computed_from_event_settings_and_earlier_values(planned: Planner) -> None:
    file = """
        settings: {region: {env: REGION}}
        values:
          zone: =settings.region | upper
          card: {zone: =zone, imsi: =sim.imsi}
        rules: [{name: a, on: SIM/Replaced, calls: [{put: /a, json: =card}]}]
        """
    (step,) = planned(file, settings={"region": "eu"}).steps
    assert isinstance(step, PlannedCall)
    assert http(step.ready).body == b'{"zone":"EU","imsi":"001010000000002"}'


def test_an_unused_value_is_not_computed(planned: Planner) -> None:
    file = "values: {broken: =account.i_account / (0 * account.i_account)}\n" + rules(
        "name: a, on: SIM/Replaced, when: sim", "name: b, on: SIM/Replaced, when: broken"
    )
    assert planned(file).steps
    with pytest.raises(Refusal):
        planned(file, change=NO_SIM)


# Calls


def test_a_call_has_all_keys_of_its_entry(planned: Planner) -> None:
    call = planned.call(
        "{id: c, post: '/cards/{{ sim.imsi }}', query: {a: 1, b: =sim.i_sim_card}, "
        "headers: {X-Id: '{{ event.event_type }}'}, json: {imsi: =sim.imsi}, "
        "accept: [404, 409], idempotent: true}"
    )
    assert (call.id, call.method, call.idempotent) == ("c", "POST", True)
    assert (call.path, call.target) == (f"/cards/{IMSI}", "/cards/{}")
    assert call.query[0] == ("a", "1")
    assert call.headers == {"X-Id": "SIM/Replaced"}
    assert (call.content_type, call.body) == ("application/json", b'{"imsi":"001010000000002"}')
    assert call.accept == {404, 409}


def test_the_repr_of_a_call_has_no_data(planned: Planner) -> None:
    call = planned.call(
        "{put: /a, query: {a: =sim.imsi}, headers: {a: =sim.imsi}, json: =sim.imsi}"
    )
    assert IMSI not in repr(call)


def test_calls_are_in_the_order_of_the_file(planned: Planner) -> None:
    steps = planned.steps("{id: a, put: /1}, {put: /2}, {id: c, put: /3}")
    assert [http(step.ready).path for step in steps] == ["/1", "/2", "/3"]
    assert [step.id for step in steps] == ["a", "", "c"]


def test_a_call_whose_condition_does_not_hold_is_not_planned(planned: Planner) -> None:
    steps = planned.steps("{when: not sim, put: /1}, {when: sim.imsi, put: /2}")
    assert [http(step.ready).path for step in steps] == ["/2"]


def test_a_call_with_each_is_planned_once_for_each_item(planned: Planner) -> None:
    addons = [{"i_product": 1}, {"i_product": 2}, {"i_product": 3}]
    steps = planned.steps(
        "{each: account.assigned_addons, when: item.i_product != 2, put: '/{{ item.i_product }}', "
        "subject: 'product:{{ item.i_product }}'}",
        change={"pb_data.account_info.assigned_addons": addons},
    )
    assert [http(step.ready).path for step in steps] == ["/1", "/3"]
    assert [step.subject for step in steps] == ["product:1", "product:3"]


@pytest.mark.parametrize("items", [[], None])
def test_a_call_with_each_and_an_empty_list_is_not_planned(planned: Planner, items: Any) -> None:
    change = {"pb_data.account_info.assigned_addons": items}
    assert planned.steps("{each: account.assigned_addons, put: /a}", change=change) == ()


@pytest.mark.parametrize("source", ["variables.i_env", "variables", "sim.imsi ~ ''"])
def test_the_value_of_each_must_be_a_list(planned: Planner, source: str) -> None:
    assert "needs a list" in planned.refused(f"{{each: {source}, put: /a}}").rule


# Subjects


def test_the_subject_of_a_call_overrides_that_of_its_rule(planned: Planner) -> None:
    file = """
        rules:
          - name: a
            on: SIM/Replaced
            subject: imsi:{{ sim.imsi }}
            calls:
              - {subject: "imsi:{{ prev_sim.imsi }}", releases: true, put: /1}
              - {put: /2}
        """
    first, second = planned(file).steps
    assert (first.subject, first.releases) == (f"imsi:{OLD_IMSI}", True)
    assert (second.subject, second.releases) == (f"imsi:{IMSI}", False)


def test_a_call_may_have_no_subject(planned: Planner) -> None:
    (step,) = planned.steps("{put: /a}")
    assert step.subject is None


@pytest.mark.parametrize("subject", ["'{{ sim.msisdn }}'", "=sim.msisdn"])
def test_a_subject_without_a_value_is_refused(planned: Planner, subject: str) -> None:
    """With an empty subject, unrelated events would have the same one and wait for each other."""
    change = {"pb_data.sim_info.msisdn": None}
    assert planned.refused(f"{{subject: {subject}, put: /a}}", change=change).rule


# Calls that read earlier replies

LATE = (
    "{id: found, get: /find}, {id: made, when: found.status == 404, post: /cards}, "
    "{put: '/cards/{{ found.json.id or made.json.id }}'}"
)
FOUND = {"status": 200, "json": {"id": 7}}


def test_a_call_that_reads_a_reply_is_computed_after_it(planned: Planner) -> None:
    first, second, third = planned.steps(LATE)
    assert first.ready
    assert (second.ready, third.ready) == (None, None)
    replies: dict[str, Any] = {"found": FOUND, "made": None}
    assert second.call(replies) is None
    call = http(third.call(replies))
    assert (call.path, call.target) == ("/cards/7", "/cards/{}")


def test_a_condition_on_a_reply_is_computed_after_it(planned: Planner) -> None:
    _, second, third = planned.steps(LATE)
    missing: dict[str, Any] = {"found": {"status": 404, "json": None}, "made": None}
    assert second.call(missing)
    call = http(third.call({**missing, "made": {"status": 201, "json": {"id": "a/b"}}}))
    assert call.path == "/cards/a%2Fb"


def test_a_reply_without_a_needed_value_is_refused_with_the_place_in_the_file(
    planned: Planner,
) -> None:
    *_, third = planned.steps(LATE)
    with pytest.raises(Refusal) as caught:
        third.call({"found": {"status": 200, "json": {}}, "made": None})
    (detail,) = caught.value.result.details
    assert detail.field == "cards.yaml:5"
    assert "no value" in detail.rule


def test_a_condition_on_the_event_is_computed_before_any_call(planned: Planner) -> None:
    steps = planned.steps("{id: c, get: /a}, {when: not sim, put: '/{{ c.json.id }}'}")
    assert [step.id for step in steps] == ["c"]


def test_a_call_can_read_an_item_and_a_reply(planned: Planner) -> None:
    addons = [{"i_product": 1}, {"i_product": 2}]
    _, *late = planned.steps(
        "{id: found, get: /a}, {each: account.assigned_addons, "
        "put: '/{{ found.json.id }}/{{ item.i_product }}'}",
        change={"pb_data.account_info.assigned_addons": addons},
    )
    calls = [step.call({"found": FOUND}) for step in late]
    assert [http(call).path for call in calls] == ["/7/1", "/7/2"]
