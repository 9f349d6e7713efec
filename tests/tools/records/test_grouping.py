"""Which reasons fall into one group. A change of these cases is a new version of the rule."""

import pytest

from connector_tools.records.grouping import VERSION, shape

ALIKE = [
    ("Subscriber 001010000000001 not found", "Subscriber <n> not found"),
    ("Subscriber ***********0001 not found", "Subscriber <n> not found"),
    ("Card 8900*****0001 is barred", "Card <n> is barred"),
    ("no imsi:***********0001 there", "no imsi:<n> there"),
    ("event 7c1f7e1a-52b4-4c55-9d0e-3b7c1f1c0a01 is old", "event <id> is old"),
    ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace <id>"),
    ("since 2026-11-29T10:00:00.123+01:00", "since <time>"),
    ("since 2026-11-29 10:00:00", "since <time>"),
    ("ask ops@example.com", "ask <address>"),
    ("no answer from 10.0.0.1:8080.", "no answer from <n>."),
    (
        "pb_data.full_vd_counter_info[3].unit: wrong",
        "pb_data.full_vd_counter_info[<n>].unit: wrong",
    ),
    ("code -17,  twice", "code <n>, twice"),
]
APART = ["HTTP 503", "HTTP 500", "status 404", "profile cs2 is unknown", "SIM_4G", "gold", "silver"]


@pytest.mark.parametrize(("reason", "expected"), ALIKE)
def test_ids_and_numbers_are_removed(reason: str, expected: str) -> None:
    assert shape(reason) == expected


@pytest.mark.parametrize("reason", APART)
def test_what_tells_causes_apart_stays(reason: str) -> None:
    assert shape(reason) == reason


def test_a_very_long_reason_is_grouped_by_its_beginning() -> None:
    assert shape("a" + " x1" * 10_000) == shape("a" + " x1" * 20_000)


def test_the_rule_has_its_first_version() -> None:
    assert VERSION == 1
