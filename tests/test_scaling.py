"""docs/scaling.md says what `make drain` computes."""

from pathlib import Path

from benchmarks import drain
from benchmarks.results import markdown

PAGE = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_the_page_has_the_figures_of_the_arithmetic() -> None:
    assert markdown(drain.mornings()) in PAGE
    assert markdown(drain.costs()) in PAGE


def test_the_page_has_the_figures_of_the_smallest_burst() -> None:
    smallest = (drain.BURSTS[0],)
    for row in markdown(drain.drains(smallest)).splitlines():
        assert row in PAGE


def test_a_limit_spares_the_system_and_loses_nothing() -> None:
    free, limited = drain.drained(400, 3, None), drain.drained(400, 3, drain.LIMIT // 3)
    assert limited.refused < free.refused / 4
    assert free.given_up == limited.given_up == 0
    assert len(limited.waits) == 400
