"""Tells a number that was given in good faith from one that was given carelessly.

Where a system lets two subscribers have one number, the connector looks who has it before it gives
it. A request that the network delays can be carried out after another subscriber got the number:
nobody can prevent this. Without a look, or against what was found, it is a fault.
"""

from collections.abc import Callable, Sequence

Holders = Callable[[str], set[str]]
"""The IMSIs that have a number now."""


class NumberChecks:
    """Remembers, for a number and the IMSI that shall get it, that nobody else was found with it.

    The SIM that the same event takes the number from may have it: it must have given it up before
    the other one gets it.
    """

    def __init__(self, holders: Holders) -> None:
        self._holders = holders
        self._to_give_up: dict[tuple[str, str], set[str]] = {}

    def looked(self, number: str, imsi: str, but_for: Sequence[str]) -> None:
        """Note that somebody looked who has a number, except for some IMSIs, to give it to one."""
        holders = self._holders(number)
        if imsi not in holders and holders <= set(but_for):
            self._to_give_up[number, imsi] = holders

    def written(self) -> None:
        """Note who has given a number up; called after every write."""
        for (number, _), left in self._to_give_up.items():
            left.intersection_update(self._holders(number))

    def in_good_faith(self, number: str, imsi: str) -> bool:
        """Whether an IMSI that was just given a number was looked at before; each look counts once.

        Called after `written`.
        """
        return self._to_give_up.pop((number, imsi), {imsi}) == set()
