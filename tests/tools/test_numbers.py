"""Numbers are given so that no ring of subscribers can wait for each other's."""

from random import Random

import pytest

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.life import Life
from connector_tools.simulation.numbers import Holder, Numbers

A: Holder = ("sim", 1)
B: Holder = ("sim", 2)
C: Holder = ("sim", 3)


@pytest.fixture
def numbers() -> Numbers:
    made = Numbers(0)
    for holder, number in ((A, "1"), (B, "2"), (C, "3")):
        made.note(holder, number)
    return made


def test_a_number_that_was_given_up_can_be_given_to_another(numbers: Numbers) -> None:
    numbers.note(A, None)
    assert not numbers.closes_ring("1", [B])


def test_two_never_exchange_their_numbers(numbers: Numbers) -> None:
    numbers.note(A, None)
    numbers.note(B, "1")
    assert numbers.closes_ring("2", [A])
    assert not numbers.closes_ring("2", [C])


def test_a_ring_of_three_is_found(numbers: Numbers) -> None:
    numbers.note(A, None)
    numbers.note(B, "1")
    numbers.note(C, "2")
    assert numbers.closes_ring("3", [A])


def test_a_sim_gets_a_number_back_that_it_had(numbers: Numbers) -> None:
    """As in a swap back: the present SIM of the account gives the number up in the same change."""
    numbers.note(A, None)
    numbers.note(B, "1")
    assert not numbers.closes_ring("1", [A])


def test_a_sim_does_not_wait_for_its_own_account(numbers: Numbers) -> None:
    numbers.note(("account", 1), "1")
    numbers.note(A, "4")
    numbers.note(("account", 1), "4")
    assert not numbers.closes_ring("1", [A, ("account", 1)])


def test_numbers_are_used_again(numbers: Numbers) -> None:
    freed = [numbers.take() for _ in range(5)]
    for number in freed:
        numbers.free(number)
    assert [numbers.take(), numbers.take()] == freed[:2]
    assert numbers.take() not in freed  # the last ones rest


@pytest.mark.parametrize("seed", range(20))
def test_no_life_raises_an_exchange_of_numbers_however_late_a_system_is(seed: int) -> None:
    """Each SIM wants its number of now; the system may still hold any that a SIM ever had."""
    billing = Billing(Random(seed))  # noqa: S311 - repeatable
    life = Life(billing, Random(seed), 15)  # noqa: S311 - as above
    had: dict[str, set[str]] = {}
    again = 0
    for _ in range(300):
        life.step()
        wanted = {imsi: one.number for imsi, one in billing.all_desired().items()}
        for imsi, number in wanted.items():
            if number:
                again += imsi not in had.setdefault(number, set()) and bool(had[number])
                had[number].add(imsi)
        assert not _ring(wanted, had)
    assert again > 5, "numbers and SIMs move"


def _ring(wanted: dict[str, str | None], had: dict[str, set[str]]) -> bool:
    """Whether someone is left when all who wait for nobody that is left are taken away."""
    left = {imsi for imsi, number in wanted.items() if number}
    while left:
        waits = {one for one in left if (had[str(wanted[one])] - {one}) & left}
        if waits == left:
            return True
        left = waits
    return False
