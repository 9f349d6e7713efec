"""What a counterpart holds is compared with billing word by word."""

from random import Random
from typing import Any

import pytest

from connector_tools.simulation.billing import Billing
from connector_tools.simulation.comparison import differences, doubles, words
from connector_tools.simulation.faulty_network import Difference
from connector_tools.simulation.subscribers import Account, Sim


class World:
    """One account with a SIM, and one SIM that nobody has."""

    def __init__(self) -> None:
        self.billing = Billing(Random(1))  # noqa: S311 - repeatable
        self.billing.now = 1_770_000_000.0
        self.account: Account = self.billing.open_account()
        self.sim: Sim = self.billing.add_sim()[0]
        self.billing.assign(self.account, self.sim)
        self.other: Sim = self.billing.add_sim()[0]

    def different(self, by: str = "imsi", **holds: Any) -> list[Difference]:
        """The differences; the SIM's record is `mine`, that of the other SIM `others`."""
        keys = {"mine": self.sim.imsi, "others": self.other.imsi}
        if by == "account":
            keys["mine"] = str(self.account.i_account)
        return list(differences(by, {keys[name]: one for name, one in holds.items()}, self.billing))


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("by", ["imsi", "account"])
def test_a_record_as_billing_says_is_no_difference(world: World, by: str) -> None:
    assert world.different(by, mine=words(world.billing, world.account)) == []


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("served", False),
        ("number", "99900000000"),
        ("number", None),
        ("product", "another"),
        ("addons", ["tv-sport"]),
        ("throttled", True),
        ("account", 0),
        ("email", "other@mail.example"),
        ("name", "Another Name"),
    ],
)
@pytest.mark.parametrize("by", ["imsi", "account"])
def test_every_word_is_compared(world: World, by: str, word: str, wrong: object) -> None:
    (found,) = world.different(by, mine={**words(world.billing, world.account), word: wrong})
    assert word in found.billing
    assert word in found.network


def test_a_word_that_the_system_does_not_know_is_not_compared(world: World) -> None:
    assert world.different(mine={"served": True}) == []


def test_a_word_that_does_not_exist_is_a_mistake_of_the_counterpart(world: World) -> None:
    with pytest.raises(KeyError):
        world.different(mine={"serves": True})


def test_a_record_that_is_missing_is_a_difference(world: World) -> None:
    (found,) = world.different()
    assert found.network == "no record"


def test_a_sim_without_an_account_must_have_neither_service_nor_number(world: World) -> None:
    mine = words(world.billing, world.account)
    assert world.different(mine=mine, others={"served": False, "number": None}) == []
    assert len(world.different(mine=mine, others={"served": True})) == 1
    assert len(world.different(mine=mine, others={"served": False, "number": "9990"})) == 1


def test_a_sim_that_left_the_inventory_must_have_no_record(world: World) -> None:
    mine = words(world.billing, world.account)
    world.billing.delete_sim(world.other)
    assert world.different(mine=mine) == []
    assert len(world.different(mine=mine, others={"served": False, "number": None})) == 1


def test_a_closed_account_must_have_no_service(world: World) -> None:
    mine = words(world.billing, world.account)
    world.billing.terminate(world.account)
    assert world.different("account") == []
    assert len(world.different("account", mine=mine)) == 1


def test_a_record_that_billing_does_not_know_is_a_difference(world: World) -> None:
    holds = {
        world.sim.imsi: words(world.billing, world.account),
        "001019999999999": {"served": True},
    }
    assert len(list(differences("imsi", holds, world.billing))) == 1


def test_no_text_has_personal_data(world: World) -> None:
    wrong = {"number": "99912345678", "email": "other@mail.example", "name": "Another Name"}
    (found,) = world.different(mine={**words(world.billing, world.account), **wrong})
    told = f"{found.billing} {found.network} {found!r}"
    for text in (*wrong.values(), world.account.number, world.account.email, world.sim.imsi):
        assert text not in told


def test_a_number_at_two_sims_is_noticed() -> None:
    assert list(doubles("imsi", {"1": {"number": "9"}, "2": {"number": "9"}})) == [
        "a number on two subscribers"
    ]
    assert list(doubles("imsi", {"1": {"number": None}, "2": {"number": None}})) == []
