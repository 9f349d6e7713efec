"""Evaluates expressions without an event: one part is null, all else is unknown.

The compiled code of an expression runs unchanged, with functions that also take `Unknown` and
`Missing` values: so its meaning is defined in one place, `connector.mapping.language`.
"""

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

from connector.event import SECTIONS
from connector.mapping.expression import Each, Expression, Scope, Text, Tree, Value
from connector.mapping.language import LANGUAGE, functions
from connector.mapping.lints.missing import Missing, Trail, Use
from connector.mapping.lints.unknown import Choices, Unknown, found_in, key_of
from connector.mapping.value import ForItems


class Searched:
    """The right side of `in`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __contains__(self, item: object) -> bool:
        if isinstance(self.value, Missing):
            return item in self.value
        if isinstance(item, Unknown) and not isinstance(self.value, list | tuple):
            return item.ask("in", key_of(self.value))
        return item in self.value


class Parts:
    """`event.parts` of an event that has the missing part, as null."""

    def __init__(self, event: Unknown, part: str) -> None:
        self.event = event
        self.part = part

    def __contains__(self, item: object) -> bool:
        return item == self.part or self.event.ask("part", key_of(item))


class _Environment:
    """What compiled code asks of Jinja's environment."""

    def getattr(self, found: Any, name: str) -> Any:
        if isinstance(found, Missing):
            return found.read(name)
        if isinstance(found, Unknown):
            part = getattr(found, "missing", None)
            return Parts(found, part) if part and name == "parts" else _field(found, name)
        return LANGUAGE.getattr(found, name)

    def getitem(self, found: Any, argument: Any) -> Any:
        if isinstance(argument, Missing):
            argument.used()
            return None
        if isinstance(found, Missing):
            return found.read(str(argument))
        if isinstance(argument, Unknown):
            return argument.made("of", key_of(found))
        if isinstance(found, Unknown):
            return _field(found, argument) if isinstance(argument, str) else found[argument]
        return LANGUAGE.getitem(found, argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        for value in (left, right):
            if isinstance(value, Missing):
                value.used()
                raise TypeError
        for value, other in ((left, right), (right, left)):
            if isinstance(value, Unknown):
                return value.made(operator, key_of(other))
        return LANGUAGE.call_binop(context, operator, left, right)


def _field(found: Unknown, name: str) -> Unknown:
    """A field; the key of a part's field is its path."""
    if len(found.key) < _DEEPEST and found.key[0] != "computed":
        return Unknown((*found.key, name), found.choices)
    return found.made("field", name)


class Happening(Unknown):
    """The event itself; `missing` is the part that it has as null."""

    __slots__ = ("missing",)
    missing: str


_ENVIRONMENT: Any = _Environment()


def _filter(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def filtered(*args: Any, **options: Any) -> Any:
        values = [arg for arg in args if not isinstance(arg, Scope | _Environment)]
        if name in ("filter_default", "filter__searched", "filter__read", "filter__copied"):
            return _OWN[name](*values, **options)
        for lost in found_in([values, options], Missing):
            lost.used()
        unknown = next(found_in([values, options], Unknown), None)
        if unknown is not None:
            return unknown.made(name, key_of(values), key_of(options))
        return real(*map(_known, args), **{key: _known(item) for key, item in options.items()})

    return filtered


def _test(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    filtered = _filter(name, real)

    def tested(*args: Any, **options: Any) -> bool:
        subject = next(arg for arg in args if not isinstance(arg, Scope | _Environment))
        if name == "test_none" and isinstance(subject, Unknown | Missing):
            return subject.is_none()
        if name in _OF_TEXT and isinstance(subject, Missing):
            return not subject.is_none()  # null passes none of them
        return bool(filtered(*args, **options))

    return tested


def _known(value: Any) -> Any:
    """The value without missing parts, as the real functions take it."""
    if isinstance(value, Missing):
        return None
    if isinstance(value, _Environment):
        return LANGUAGE
    if isinstance(value, list):
        return [_known(item) for item in value]
    return value


def _default(value: Any, default: Any = None, boolean: Any = False) -> Any:
    """`default` asks whether there is a value; that is no use of a missing one."""
    none = value.is_none() if isinstance(value, Unknown | Missing) else value is None
    return default if none or (boolean and not value) else value


_OF_TEXT = frozenset(f"test_{name}" for name in ("imsi", "digits", "matching", "lower", "upper"))
_OWN: dict[str, Callable[..., Any]] = {
    "filter_default": _default,
    "filter__searched": Searched,
    "filter__read": lambda value: value,
    "filter__copied": lambda value: value,
}


def _table() -> dict[str, Any]:
    table = functions()
    for name, real in table.items():
        if name.startswith("filter_"):
            table[name] = _filter(name, real)
        elif name.startswith("test_"):
            table[name] = _test(name, real)
    return {**table, "environment": _ENVIRONMENT}


_TABLE = _table()
_DEEPEST = 9  # fields


def without_event(value: Value) -> Value:
    """The value with code that takes unknown values, in an `UnknownScope`."""
    if isinstance(value, Expression):
        return condition_without_event(value)
    if isinstance(value, Text):
        parts = (_part(part) for part in value.parts)
        return value._replace(parts=tuple(parts), encode=str)
    if isinstance(value, Tree):
        return value._replace(items=tuple(map(without_event, value.items)))
    if isinstance(value, Each):
        inside: list[Value] = [value.items, value.give]
        inside += [value.when] if value.when else []
        return Tree(tuple(map(without_event, inside)), None)
    return value


def condition_without_event(expression: Expression) -> Expression:
    """As `without_event`, for an expression."""
    run = _run(expression.code)
    source = " ".join(expression.source.removeprefix("=").split())

    def code(scope: Any) -> Any:
        scope.choices.budget.left -= 1
        scope.trail.sources.append(source)
        try:
            return run(scope)
        finally:
            scope.trail.sources.pop()

    return expression._replace(code=code)


def _run(code: Any) -> Callable[[Any], Any]:
    """The code with functions that take unknown values; `item` of a list is unknown, too."""
    if not isinstance(code, ForItems):
        return FunctionType(code.__code__, _TABLE)
    items, inner = without_event(code.each.items), condition_without_event(code.inner)

    def for_an_item(scope: Any) -> Any:
        items.evaluate(scope)
        return inner.evaluate(scope)

    return for_an_item


def _part(part: str | Expression) -> str | Expression:
    return part if isinstance(part, str) else condition_without_event(part)


class UnknownScope(Scope):
    """The names of a mapping's expressions: `part` is null, everything else is unknown.

    `values` are the mapping's, as `without_event` made them. Names in `suspect` are replies to
    calls that were made with the missing part: to read one is a use of it.
    """

    def __init__(
        self, part: str, values: Mapping[str, Value], choices: Choices, suspect: Iterable[str] = ()
    ) -> None:
        super().__init__()
        self.trail = Trail()
        self.choices = choices
        self.part = part
        self.suspect = frozenset(suspect)
        self._values = values
        self._computed: dict[str, tuple[Any, dict[Use, None]]] = {}

    def resolve_or_missing(self, name: str) -> Any:
        """The value of a name."""
        if name in self._values:
            return self._value(name)
        if name == self.part:
            return Missing((name,), self.trail)
        if name in self.suspect:
            self.trail.note((name,))
        if name == "event":
            event = Happening((name,), self.choices)
            event.missing = SECTIONS[self.part]
            return event
        return Unknown((name,), self.choices)

    def _value(self, name: str) -> Any:
        """A value of the mapping; each expression that reads it uses what it uses."""
        if name not in self._computed:
            before, self.trail.uses = self.trail.uses, {}
            try:
                self._computed[name] = self._values[name].evaluate(self), self.trail.uses
            finally:
                self.trail.uses = before | self.trail.uses
        found, uses = self._computed[name]
        self.trail.uses |= uses
        return found
