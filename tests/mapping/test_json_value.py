"""What an expression yields becomes plain JSON, or is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import to_json

from connector.event import parse
from connector.mapping.expression import EvaluationError, Scope, as_json, compile_value
from tests.support.events import event

EVENT = parse(
    to_json(
        event(
            change={
                "pb_data.full_vd_counter_info": [{"remaining": 5, "unit": "GB", "new": [1.0]}],
                "pb_data.sim_info.new_field": {"deep": None},
            },
            remove=("pb_data.sim_info.msisdn",),
        )
    )
)


def sent(raw: Any, **names: Any) -> Any:
    return as_json(compile_value(raw), Scope({"event": EVENT, **names}))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (5.0, "5"),
        (-0.0, "0"),
        (2e16, "20000000000000000"),
        (1e21, "1e+21"),
        (2.5, "2.5"),
        (10**30, "1" + "0" * 30),
        (True, "true"),
        (None, "null"),
        ([1.0, ("a", {"b": 2.0})], '[1, ["a", {"b": 2}]]'),
        ({1.5: "a", False: "b"}, '{"1.5": "a", "false": "b"}'),
    ],
)
def test_a_value_keeps_its_type(given: Any, text: str) -> None:
    assert json.dumps(sent("=v", v=given)) == text


def test_a_date_time_is_text_with_one_spelling() -> None:
    assert sent({"at": "=event.updated_at", "text": "{{ event.updated_at }}"}) == {
        "at": "2026-03-02T10:15:32.480000Z",
        "text": "2026-03-02T10:15:32.480000Z",
    }


def test_a_part_of_the_event_is_an_object_with_the_fields_that_nsps_sent() -> None:
    assert EVENT.sim
    found = sent("=sim", sim=EVENT.sim)
    assert found["imsi"] == EVENT.sim.imsi
    assert found["new_field"] == {"deep": None}
    assert "msisdn" not in found
    assert sent("=counters", counters=EVENT.counters) == [
        {"unit": "GB", "remaining": 5, "new": [1]}
    ]


def test_a_number_that_the_connector_derived_is_in_the_account() -> None:
    assert EVENT.account
    assert sent("=account", account=EVENT.account)["msisdn"] == EVENT.account.msisdn


@pytest.mark.parametrize(
    "given",
    [
        float("nan"),
        float("-inf"),
        10**4300,
        "\udc00",
        b"a",
        timedelta(1),
        iter(()),
        object(),
        EVENT,
        {(1, 2): 3},
        {None: 1},
        {1: "a", "1": "b"},
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_json_does_not_have_is_refused_by_the_name_of_its_expression(given: Any) -> None:
    for wrapped in (given, [given], {"a": given}):
        with pytest.raises(EvaluationError, match=r"^`=v`: "):
            sent({"deep": ["=v"]}, v=wrapped)
