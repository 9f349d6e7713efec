"""Billing's phone numbers: which are free, and who has or had each.

A number is unique at many systems. If two subscribers exchange their numbers, each waits there for
the other's (docs/reliability.md#what-is-not-promised). So a number is given only if no such ring
can come of it, however late the system is.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

_FEW = 3  # free numbers that are kept back, so that a number is free for a while
Holder = tuple[Literal["sim", "account"], int]
"""A SIM card or an account, with its id: systems keep the number of the one or of the other."""


class Numbers:
    """The numbers of one billing; ids begin at `first`, numbers at 9990 and this id."""

    def __init__(self, first: int) -> None:
        self._free: list[str] = []  # the longest free first
        self._last = first
        self._wanted: dict[Holder, str | None] = {}
        self._holders: defaultdict[str, set[Holder]] = defaultdict(set)  # also former ones

    def take(self, holders: Iterable[Holder] = ()) -> str:
        """Give these holders a number that was free for a while, or a new one."""
        holders = list(holders)
        for number in self._free[: max(0, len(self._free) - _FEW)]:
            if not self.closes_ring(number, holders):
                self._free.remove(number)
                return number
        self._last += 1
        return f"9990{self._last % 10**8:08d}"

    def free(self, number: str) -> None:
        """Let others have a number."""
        self._free.append(number)

    def note(self, holder: Holder, number: str | None) -> None:
        """Note which number a holder has now."""
        self._wanted[holder] = number
        if number:
            self._holders[number].add(holder)

    def closes_ring(self, number: str, holders: Iterable[Holder]) -> bool:
        """Whether one of these holders, with this number, may have to wait for itself.

        A system that is late can still hold any number that somebody ever had.
        """
        return any(holder in self._may_wait_for(holder, number) for holder in holders)

    def _may_wait_for(self, holder: Holder, number: str) -> set[Holder]:
        """Those of its kind for whom a holder with this number may have to wait, at once or later.

        Whoever has the number until now gives it up in the same change, and wants none.
        """
        found: set[Holder] = set()
        left = self._of_kind(holder, number) - {holder}
        while left:
            other = left.pop()
            found.add(other)
            wanted = self._wanted[other]
            if wanted and wanted != number:
                left |= self._of_kind(holder, wanted) - found
        return found

    def _of_kind(self, holder: Holder, number: str) -> set[Holder]:
        return {other for other in self._holders[number] if other[0] == holder[0]}
