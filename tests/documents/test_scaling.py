"""docs/scaling.md has the figures that `make drain` computes."""

import pytest

from benchmarks import burst, curves, drain
from benchmarks.results import markdown
from tests.support import ROOT

pytestmark = pytest.mark.deployment

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
RATE = burst.INSTANCES * burst.RATE_LIMIT


@pytest.mark.parametrize("title", drain.arithmetic())
def test_the_page_has_the_figures_of_the_arithmetic(title: str) -> None:
    assert f"### {title}\n\n{drain.arithmetic()[title]}" in PAGE


def test_the_page_has_the_figures_of_the_smallest_burst() -> None:
    name = "`rate_limit`, `concurrency`, buffered"
    ended = burst.drained(drain.BURSTS[0], drain.SETTINGS[name])
    for row in markdown(drain.drains({name: [ended]})).splitlines():
        assert f"{row}\n" in PAGE


def test_with_both_limits_a_burst_drains_at_the_rate_without_losses() -> None:
    ended = burst.drained(800, drain.RECOMMENDED)
    assert max(ended.waits) == pytest.approx(800 / RATE, rel=0.05)
    assert ended.attempts == 800
    assert ended.refused == 0
    assert ended.given_up == 0
    assert len(ended.waits) == 800


def test_without_limits_the_system_refuses_and_nsps_retries_the_burst() -> None:
    ended = burst.drained(150, burst.Setting())
    assert ended.refused > 150
    assert ended.last > 60
    assert ended.given_up == 0


def ended(seconds: float) -> burst.Drained:
    return burst.Drained(100, tuple(seconds * (at + 1) / 100 for at in range(100)), 100, 0, 0)


def test_curves_that_lie_on_each_other_are_drawn_as_one_that_names_both() -> None:
    picture = curves.drawn({"`a`": ended(100), "`b`": ended(101), "none": ended(300)})
    assert picture.count("<polyline") == 2
    for said in ("2 settings, one curve: all done after 100 to 101 s", "- a", "- b", "no limit: "):
        assert f">{said}" in picture


def test_curves_that_differ_are_drawn_apart() -> None:
    assert curves.grouped({"a": ended(100), "b": ended(150)}, 150) == [["a"], ["b"]]
