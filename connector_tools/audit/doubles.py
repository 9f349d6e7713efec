"""Finds one value of a unique field, such as a phone number, with two subjects."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector_tools.audit.finding import Finding, Kind
from connector_tools.audit.look import Look


@dataclass(slots=True)
class Holders:
    """Who has a value, by hash, each with whether the value is wanted there and found there."""

    wanted: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)


class Doubles:
    """Collects the values of unique fields while subjects are read."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, str, str], Holders] = {}
        self._values: dict[str, list[tuple[str, str, str]]] = {}

    def note(self, hash_: str, look: Look) -> None:
        """Note what a subject has; what was noted of it before is forgotten."""
        self.forget(hash_)
        for *place, is_wanted in look.unique:
            value = place[0], place[1], place[2]
            holders = self._holders.setdefault(value, Holders())
            (holders.wanted if is_wanted else holders.found).add(hash_)
            self._values.setdefault(hash_, []).append(value)

    def forget(self, hash_: str) -> None:
        """Forget a subject, because it is not known what it has now."""
        for value in self._values.pop(hash_, ()):
            self._holders[value].wanted.discard(hash_)
            self._holders[value].found.discard(hash_)

    def suspects(self) -> set[str]:
        """The subjects that have a value together with another one; they are read again."""
        return {hash_ for _, double, right in self._doubles() for hash_ in (double, right)}

    def findings(self, names: dict[str, str]) -> Iterator[Finding]:
        """Yield the doubles; `names` has the subject of each hash that was read twice."""
        for (resource, name, value), double, right in self._doubles():
            if double in names and right in names:
                yield Finding(
                    kind=Kind.DOUBLE,
                    subject=names[double],
                    hash=double,
                    resource=resource,
                    field=name,
                    found=value,
                    other=names[right],
                )

    def _doubles(self) -> Iterator[tuple[tuple[str, str, str], str, str]]:
        """Yield each value with a subject that should not have it, and one that has it, too.

        If two should have it, the one with the lower hash counts as right.
        """
        for value, holders in self._holders.items():
            for group in (holders.found, holders.wanted):
                if len(group) > 1:
                    right = min(group & holders.wanted or group)
                    yield from ((value, one, right) for one in sorted(group - {right}))
                    break
