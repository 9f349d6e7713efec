"""A part of the event that NSPS sent as null, and a trail of how expressions use it.

To ask whether the part is null is no use of it: then the author has thought of it. To ask whether a
field of it is null is a use that only tests. `connector.mapping.lints.guards` decides what that
means.
"""

from typing import Any, NamedTuple, get_args

from connector.event import PARTS


class Use(NamedTuple):
    """How an expression (`source`) used a missing part.

    `tested` is true if it only asked whether a field of the part is null.
    """

    source: str
    tested: bool


class Trail:
    """The uses of the missing part, each once, in order."""

    def __init__(self) -> None:
        self.uses: dict[Use, None] = {}
        self.sources: list[str] = []  # of the expressions that are being evaluated

    def note(self, chain: tuple[str, ...], *, tested: bool = False) -> None:
        """Note a use by the expression that is being evaluated, or that a call sends the field."""
        self.uses[Use(self.sources[-1] if self.sources else ".".join(chain), tested)] = None


class Missing:
    """A part of the event that is null, or a field of it; `chain` is the path of its name.

    To ask whether the part is null is no use of it: the author thought of it.
    """

    __slots__ = ("chain", "trail")

    def __init__(self, chain: tuple[str, ...], trail: Trail) -> None:
        self.chain = chain
        self.trail = trail

    def is_none(self) -> bool:
        """True; noted if it is a field."""
        if len(self.chain) > 1:
            self.trail.note(self.chain, tested=True)
        return True

    def __bool__(self) -> bool:
        """False; for a boolean that says more than that it is null: unknown is not false."""
        if is_boolean(self.chain):
            self.trail.note(self.chain)
        elif len(self.chain) > 1:
            self.trail.note(self.chain, tested=True)
        return False

    def read(self, name: str) -> "Missing":
        """A field or an item."""
        return Missing((*self.chain, name), self.trail)

    def used(self) -> None:
        """The value itself, which is None; noted."""
        self.trail.note(self.chain)

    def __eq__(self, other: object) -> bool:
        self.used()
        return other is None or isinstance(other, Missing)

    def __contains__(self, _: object) -> bool:
        self.used()
        raise TypeError

    __hash__ = object.__hash__

    def __getitem__(self, _: object) -> None:
        self.used()
        raise TypeError  # as None does

    def __lt__(self, _: object) -> bool:
        self.used()
        raise TypeError

    __le__ = __gt__ = __ge__ = __lt__
    __neg__ = __pos__ = used


def is_boolean(chain: tuple[Any, ...]) -> bool:
    """True for the path of a boolean field of a part: `("account", "blocked")`."""
    if len(chain) != 2 or chain[0] not in PARTS:
        return False
    field = PARTS[chain[0]][1].model_fields.get(chain[1])
    return field is not None and _has_bool(field.annotation)


def _has_bool(annotation: Any) -> bool:
    return annotation is bool or any(map(_has_bool, get_args(annotation)))
