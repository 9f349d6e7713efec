"""Values that are not known: every value at once.

Where code needs to know more of an `Unknown`, `Choices` answers, and `explored` runs the code again
with the other answer. So all ways through the code are seen, up to a `Budget` of runs.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from connector.event import PARTS
from connector.mapping.lints.missing import Missing, is_boolean
from connector.mapping.meter import TooMuchWork

Key = tuple[Any, ...]
Result = TypeVar("Result")
_MOST_INSIDE = 10_000


class Budget:
    """How many expressions may still be evaluated; `short` tells that it was not enough.

    `numbers` are short names of the keys of computed values: keys would contain each other.
    """

    def __init__(self, evaluations: int) -> None:
        self.left = evaluations
        self.short = False
        self.numbers: dict[Key, int] = {}


class Choices:
    """Answers to the questions that unknown values ask; the same question has one answer."""

    def __init__(self, given: dict[Key, bool], budget: Budget) -> None:
        self.made = dict(given)
        self.budget = budget
        self._new: list[Key] = []

    def ask(self, key: Key) -> bool:
        """The answer: the one that was given before, or true."""
        if key not in self.made:
            self.made[key] = True
            self._new.append(key)
        return self.made[key]

    def others(self) -> Iterator[dict[Key, bool]]:
        """Yield the answers up to each new question, with the other answer to this one."""
        given = {key: found for key, found in self.made.items() if key not in self._new}
        for key in self._new:
            yield {**given, key: False}
            given[key] = True

    def short_key(self, key: Key) -> Key:
        """A key of one number in place of a long one."""
        numbers = self.budget.numbers
        return ("computed", numbers.setdefault(key, len(numbers)))


def explored(
    run: Callable[[Choices], Result], given: dict[Key, bool], budget: Budget
) -> Iterator[Result]:
    """Yield the results of `run` for all answers to what it asks, beside the `given` ones."""
    waiting = [given]
    while waiting:
        if budget.left <= 0:
            budget.short = True
            return
        budget.left -= 1
        choices = Choices(waiting.pop(), budget)
        yield run(choices)
        waiting += choices.others()


class Unknown(str):
    """Any value; `key` says where it comes from. Equal keys have equal values.

    As a text it is `0`, which every place of a call takes.
    """

    __slots__ = ("choices", "key")
    choices: Choices
    key: Key

    def __new__(cls, key: Key, choices: Choices) -> "Unknown":
        """The value of this origin."""
        made = super().__new__(cls, "0")
        made.key, made.choices = key, choices
        return made

    def made(self, *key: Any) -> "Unknown":
        """A value that is computed from this one."""
        return Unknown(self.choices.short_key((self.key, *key)), self.choices)

    def ask(self, *key: Any) -> bool:
        """The answer to a question about this value."""
        return self.choices.ask((self.key, *key))

    def is_none(self) -> bool:
        """Whether it is none; a value that equals a constant is not, and what is inside of it."""
        made = self.choices.made
        if made.get((self.key, "none")) is None:
            asked = [key for key, answer in made.items() if answer and key[0] == self.key]
            if any(key[1] in ("eq", "true") for key in asked):
                return False
        return self.ask("none")

    def __bool__(self) -> bool:
        if is_boolean(self.key) or not _is_field(self.key):
            return self.ask("true")
        return not self.is_none()

    def __eq__(self, other: object) -> bool:
        if other is None:
            return self.is_none()
        if isinstance(other, Missing):
            return other == self
        equal = [key for key, answer in self.choices.made.items() if answer and key[0] == self.key]
        for key in equal:
            if key[1] == "eq" and not isinstance(other, Unknown):
                return bool(key[2] == key_of(other))  # it cannot equal two constants
            if key[1] == "none":
                return False
        return self.key == key_of(other) or self.ask("eq", key_of(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self.ask("lt", key_of(other))

    def __ge__(self, other: object) -> bool:
        return not self < other

    def __gt__(self, other: object) -> bool:
        return self.ask("gt", key_of(other))

    def __le__(self, other: object) -> bool:
        return not self > other

    def __contains__(self, other: object) -> bool:
        return self.ask("has", key_of(other))

    __hash__ = str.__hash__

    def __getitem__(self, other: object) -> "Unknown":
        return self.made("item", repr(other))

    def __neg__(self) -> "Unknown":
        return self.made("negative")

    def __pos__(self) -> "Unknown":
        return self

    def computed(self, other: object) -> "Unknown":
        """The result of a calculation with another value."""
        if isinstance(other, Missing):
            other.used()
            raise TypeError
        return self.made("computed", key_of(other))

    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = computed
    __floordiv__ = __rfloordiv__ = computed


def _is_field(key: Key) -> bool:
    """True for a part of the event and its fields: they count as false only if they are null."""
    return key[:1] != () and key[0] in PARTS and all(isinstance(step, str) for step in key)


def key_of(value: object) -> Key:
    """A key that two values share only if they are equal.

    Raises:
        TooMuchWork: the value is very large.
    """
    sum(1 for _ in found_in(value, Unknown))  # raises if it is
    return _key_of(value)


def _key_of(value: object) -> Key:
    if isinstance(value, Unknown):
        return value.key
    if isinstance(value, Missing):
        return ("missing", *value.chain)
    if isinstance(value, list | tuple):
        return ("list", *map(_key_of, value))
    if isinstance(value, dict):
        return ("object", *((str(name), _key_of(item)) for name, item in value.items()))
    return (type(value).__name__, repr(value)[:200])


def found_in(value: object, kind: type[Result]) -> Iterator[Result]:
    """Yield each value of this kind in a value, at any depth.

    Raises:
        TooMuchWork: the value is very large.
    """
    waiting, left = [value], _MOST_INSIDE
    while waiting:
        found = waiting.pop()
        left -= 1
        if left < 0:
            raise TooMuchWork("a value of the file is too large")
        if isinstance(found, kind):
            yield found
        elif isinstance(found, list | tuple):
            waiting += found
        elif isinstance(found, dict):
            waiting += found.values()
