"""The fields that entries of a mapping file read, directly or through values of the file."""

from collections.abc import Iterable, Mapping

from connector.mapping.entry import used
from connector.mapping.expression import Value
from connector.mapping.schema import MappingFile

Path = tuple[str, ...]


class Fields:
    """The fields that entries of a mapping read, directly or through values of the mapping."""

    def __init__(self, mapping: MappingFile) -> None:
        self._of: dict[str, set[Path]] = {}
        for name, value in mapping.values.items():
            self._of[name] = self.of(value)

    def with_values(self, values: Mapping[str, Value]) -> "Fields":
        """A copy that knows more values: parameters of a block, and those of `let`."""
        copy = Fields.__new__(Fields)
        copy._of = dict(self._of)
        for name, value in values.items():
            copy._of[name] = self.of(value)
        return copy

    def of(self, entry: object) -> set[Path]:
        """The fields that an entry reads: `("account", "bill_status")`."""
        paths = {path for _, found in used(entry) for path in found.paths}
        return paths.union(*(self._of.get(path[0], ()) for path in paths))

    def reads(self, entry: object, names: Iterable[str]) -> bool:
        """True if an entry reads one of these names."""
        return not {path[0] for path in self.of(entry)}.isdisjoint(names)

    def beside(self, mapping: MappingFile, part: str) -> set[Path]:
        """The fields that stand in one expression with the part, and the part's own."""
        found = [self.of(expression) for _, expression in used(mapping.own)]
        return set().union(*(paths for paths in found if any(p[0] == part for p in paths)))


def overlap(one: Path, other: Path) -> bool:
    """True if one of two fields is the other one, or a part of it."""
    return one[: len(other)] == other[: len(one)]
