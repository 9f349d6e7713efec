"""Counts the work of expressions, so that no event can keep the function busy.

Work is counted in steps of about a microsecond (docs/decisions/0023-bounded-expressions.md). All
expressions of an event share one `Meter`. A filter, test or operator pays before it works.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from jinja2.utils import pass_context
from pydantic import BaseModel

from connector.event import Event

MOST_STEPS = 50_000
MOST_ITEMS = 1000  # of a list that something is made of for each item (docs/mapping.md)
_FEW = 100  # characters that Python's functions for text read in a step
_FEW_BITS = 64
_SOME = 5  # steps of a filter for times or digests, besides those for reading
_CALL = 4  # steps of a filter for lists besides those for the items
_SMALL = frozenset((float, bool, type(None)))


class TooMuchWork(ValueError):  # noqa: N818 - a fact about the event, not a bug
    """The expressions need too many steps for this event; the text does not quote the data."""


class Meter:
    """The steps that are `left` for the expressions of one event, or of one reply."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take `steps` away; called before the work is done.

        Raises:
            TooMuchWork: fewer steps are left.
        """
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork(
                f"more than {MOST_STEPS:,} steps of work: a list or a text of the event is too long"
            )

    def read(self, value: Any) -> None:
        """Pay for a value at every depth: a step for each item, field and 100 characters.

        Raises:
            TooMuchWork: fewer steps are left; raised as soon as that is known.
        """
        if isinstance(value, list | tuple) and len(value) <= _FEW:
            try:
                self.spend(1 + len(value) + len("".join(value)) // _FEW)
            except TypeError:
                pass  # not all items are text
            else:
                return
        waiting = [value] if _is_large(value) else []
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                self.spend(len(value) // _FEW)
            elif isinstance(value, int):
                self.spend(value.bit_length() // _FEW)
            else:
                inside = _inside(value)
                self.spend(1 + len(inside))
                waiting += filter(_is_large, inside)


def _is_large(value: Any) -> bool:
    """False for values that cost next to nothing; called for each item of a list."""
    kind = type(value)
    if kind is str:
        return len(value) >= _FEW
    if kind is int:
        return bool(value.bit_length() > _FEW_BITS)
    return kind not in _SMALL


def _inside(value: Any) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, BaseModel):
        return [*value.__dict__.values(), value.__pydantic_extra__]
    return [getattr(value, name) for name in value.__slots__] if isinstance(value, Event) else ()


# Prices. Each takes the meter, and the arguments of the filter or test.

Price = Callable[[Meter, tuple[Any, ...], Mapping[str, Any]], None]


def for_items(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that looks at each item of its input; characters of a text are items.

    An argument can be a path of attributes that is read of each item, or be joined to each.
    """
    path = 1
    for text in (*args[1:], *options.values()):
        if isinstance(text, str):
            path += text.count(".") + text.count(",") + len(text) // _FEW
    meter.spend((_CALL + _items(args[0])) * path)


def for_all_inside(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that reads or compares its items at every depth.

    Raises:
        TypeError: another argument is a list or an object, whose text would be long.
    """
    if any(_inside(value) for value in (*args[1:], *options.values())):
        raise TypeError
    for_items(meter, args, options)
    meter.read(args[0])


def for_order(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that sorts: an item is compared with some twenty others."""
    meter.spend(_items(args[0]) * 3)
    for_all_inside(meter, args, options)


def for_reading(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter or test that reads all its arguments at every depth."""
    for value in args:
        meter.read(value)
    for value in options.values():
        meter.read(value)


def for_search(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a search of one value in another; in a text it takes longer than reading."""
    for value in (*args, *options.values()):
        meter.spend(len(value) // 8 if isinstance(value, str) else 1)
        meter.read(value)


def for_words(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that looks at each word of a text."""
    if _inside(args[0]):
        raise TypeError  # its text would be long
    meter.spend(len(args[0]) // 4 if isinstance(args[0], str) else 1)


def for_each_character(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that looks at each character of a text, as an encoder or a reader does."""
    meter.read(args[0])
    meter.spend(len(args[0]) // 8 if isinstance(args[0], str) else 1)


def for_some_steps(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that takes some steps for any value, and those for reading it."""
    meter.spend(_SOME)
    for_reading(meter, args, options)


def for_two_objects(meter: Meter, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Price of a filter that copies the keys of its input and of its arguments."""
    meter.spend(1 + sum(_items(value) // 8 for value in (*args, *options.values())))


def _items(value: Any) -> int:
    if isinstance(value, BaseModel):
        return len(value.__dict__) + len(value.__pydantic_extra__ or ())
    return len(value) if isinstance(value, list | tuple | dict | str) else 1


# Of the scope, what Jinja gives to a filter as its first argument if the filter asks for it.
_OF_SCOPE: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "": lambda _: (),
    "context": lambda scope: (scope,),
    "eval_context": lambda scope: (scope.eval_ctx,),
    "environment": lambda scope: (scope.environment,),
}


def paid(work: Callable[..., Any], price: Price) -> Callable[..., Any]:
    """Wrap a filter or test so that the scope's meter is paid before it works."""
    asks = getattr(work, "jinja_pass_arg", None)
    first = _OF_SCOPE[asks.name if asks else ""]

    @pass_context
    @wraps(work)
    def wrapped(scope: Any, *args: Any, **options: Any) -> Any:
        price(scope.meter, args, options)
        return work(*first(scope), *args, **options)

    return wrapped
