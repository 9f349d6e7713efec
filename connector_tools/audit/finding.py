"""The kinds of differences between what a system holds and what it should hold."""

import dataclasses
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What is wrong with something that the system holds, or does not hold."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    DOUBLE = "double"
    UNREADABLE = "unreadable"


MEANINGS: dict[Kind, str] = {
    Kind.MISSING: "the system lacks it",
    Kind.EXTRA: "the system holds it, and should not",
    Kind.DIFFERENT: "a field has another value than wanted",
    Kind.DOUBLE: "two subjects have one value of a unique field",
    Kind.UNREADABLE: "it cannot be read",
}
"""What each kind means, for the report."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A difference.

    `subject` is its name, such as `imsi:...`, and `hash` its hash in the ledger. `field` is empty
    if it is about the whole resource. `wanted` and `found` are values of the field. `reason` is
    for people; it may quote the system. `other` is the second subject of a double.
    """

    kind: Kind
    subject: str = dataclasses.field(repr=False)
    hash: str
    resource: str
    field: str = ""
    wanted: Any = dataclasses.field(default=None, repr=False)
    found: Any = dataclasses.field(default=None, repr=False)
    reason: str = dataclasses.field(default="", repr=False)
    other: str = dataclasses.field(default="", repr=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Two readings with the same key show the same difference."""
        return self.kind, self.hash, self.resource, self.field

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is: a double is reported in place of another difference there."""
        return self.hash, self.resource, self.field
