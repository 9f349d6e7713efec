"""The values of a mapping file once they are compiled: expressions, text, lists, constants.

`connector.mapping.expression` compiles them. Each is evaluated in a `Scope`, which has the names
that expressions read.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from jinja2.nodes import EvalContext

from connector.mapping import omit
from connector.mapping.chain import ITEM, Chain, whole_chain
from connector.mapping.json_value import json_value
from connector.mapping.language import LANGUAGE
from connector.mapping.meter import MOST_ITEMS, Meter, TooMuchWork
from connector.mapping.pattern import BadPattern
from connector.mapping.text import BadValue, kind_of, text_of
from connector.outcome import Refusal

Encode = Callable[[str], str]
Form = TypeVar("Form")


class EvaluationError(ValueError):
    """An expression fails for the data of this event; the text does not quote the data."""


WHY: dict[type[Exception], str] = {
    TypeError: "the types of its values do not fit",
    ZeroDivisionError: "it divides by zero",
    OverflowError: "the result is too large",
}
"""Plain words for what operators raise."""


class Scope(dict[str, Any]):
    """The names that expressions read.

    It also serves as the context of Jinja's compiled code: creating Jinja's own context takes
    longer than running the code. `meter` counts the work of all expressions that read the scope.
    """

    environment = LANGUAGE
    eval_ctx = EvalContext(LANGUAGE)
    resolve_or_missing = dict.__getitem__

    def __init__(self, *names: Mapping[str, Any], **more: Any) -> None:
        super().__init__(*names, **more)
        self.meter = Meter()

    def defines(self, name: str) -> bool:
        """True if the file gives this name a meaning of its own."""
        return name in self

    def with_names(self, names: Mapping[str, Any]) -> "Scope":
        """A copy with more names: an `item`, the replies to earlier calls; with the same meter."""
        scope = Scope(self, **names)
        scope.meter = self.meter
        return scope


class Expression(NamedTuple):
    """A compiled expression.

    `names` are the names that it reads. `paths` are the dotted fields that it reads, such as
    `("account", "bill_status")`. `chains` have the items of lists, too, as in
    `("account", "assigned_addons", "[]", "name")`. `patterns` are the regular expressions of its
    tests `matching`, each an expression, too. `item` is the chain of the list that its `item` is
    of, if it stands in an `Each`. The checks use them before any event comes.
    """

    source: str
    names: frozenset[str]
    paths: frozenset[tuple[str, ...]]
    code: Callable[[Scope], Any]
    patterns: tuple["Expression", ...] = ()
    chains: frozenset[Chain] = frozenset()
    item: Chain = ()

    def evaluate(self, scope: Scope) -> Any:
        """The value, with its type.

        Raises:
            EvaluationError: the expression fails for the data, e.g. a sum with None.
            Refusal: invalid; it reads a part that is absent, or a field that is unreadable.
        """
        try:
            return self.code(scope)
        except (EvaluationError, Refusal):
            raise  # of a value of the mapping that this expression reads, or of the event
        except (TooMuchWork, BadPattern, BadValue) as error:
            raise EvaluationError(f"`{self.source}`: {error}") from error
        except Exception as error:
            # An operator or filter can raise any exception. Its text may quote the data, so only
            # the type of the exception is shown.
            why = WHY.get(type(error), type(error).__name__)
            raise EvaluationError(f"`{self.source}`: {why}") from error


class Text(NamedTuple):
    """Text with expressions in it; `encode` encodes each value for the place of the text."""

    source: str
    parts: tuple[str | Expression, ...]
    encode: Encode

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @property
    def outline(self) -> str:
        """The text with its data left out: `/subscribers/{}`."""
        return "".join(part if isinstance(part, str) else "{}" for part in self.parts)

    def evaluate(self, scope: Scope) -> str:
        """The text with the values of its expressions.

        Raises:
            EvaluationError: an expression fails, or its value has no text.
        """
        return "".join(
            part if isinstance(part, str) else formed(part, scope, self._encoded)
            for part in self.parts
        )

    def _encoded(self, value: Any) -> str:
        return self.encode(text_of(value))


class SourceText(str):
    """The source text of an expression; a call shows it while the value is still unknown."""

    __slots__ = ()


class Constant(NamedTuple):
    """A value of the file that is not an expression."""

    value: Any
    expressions: tuple[Expression, ...] = ()

    def evaluate(self, scope: Scope) -> Any:
        """The value."""
        return self.value


class Tree(NamedTuple):
    """A list or an object with values inside."""

    items: tuple["Value", ...]
    keys: tuple[str, ...] | None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions at any depth, in order."""
        return tuple(found for item in self.items for found in expressions(item))

    def evaluate(self, scope: Scope) -> Any:
        """The list or object with all its values computed."""
        values = [item.evaluate(scope) for item in self.items]
        return values if self.keys is None else dict(zip(self.keys, values, strict=True))


class Each(NamedTuple):
    """A list with `give` for each `item` of another list, or only for those with `when`.

    `size` is how many steps of the meter an item takes besides its expressions.
    """

    items: "Value"
    when: Expression | None
    give: "Value"
    size: int

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Its expressions as they are seen from outside, see `outside`."""
        condition = expressions(self.outside(self.when, filtered=False)) if self.when else ()
        given = (self._lifted(found, True) for found in expressions(self.give))
        return (*expressions(self.items), *condition, *given)

    def evaluate(self, scope: Scope) -> Any:
        """The new list; None if the other list is None.

        Raises:
            EvaluationError: there is no list, it is too long, or an expression fails.
        """
        return self.values(self.give, scope, filtered=True)

    def outside(self, inner: "Value", *, filtered: bool) -> "Value":
        """A value of `when` or (`filtered`) of `give` as the checks and the trace see it.

        An expression that reads `item` becomes one for the list of its values; its names and fields
        are those of the list instead of `item`. Text becomes a list of its expressions.
        """
        if isinstance(inner, Tree):
            return inner._replace(
                items=tuple(self.outside(item, filtered=filtered) for item in inner.items)
            )
        if isinstance(inner, Text) and any("item" in found.names for found in inner.expressions):
            return self.outside(Tree(inner.expressions, None), filtered=filtered)
        return self._lifted(inner, filtered) if isinstance(inner, Expression) else inner

    def _lifted(self, found: Expression, filtered: bool) -> Expression:
        """`found` with its values for the items."""
        if "item" not in found.names:
            return found
        lists = expressions(self.items)
        # The other fields that the list reads are checked and shown with the list itself.
        paths = frozenset(path for one in lists for path in one.paths if path[0] == "settings")
        chain = whole_chain(lists[0].source) if isinstance(self.items, Expression) else ()
        return found._replace(
            names=(found.names - {"item"}).union(*(one.names for one in lists)),
            paths=paths.union(path for path in found.paths if path[0] != "item"),
            code=ForItems(self, found, filtered),
            patterns=tuple(self._lifted(one, filtered) for one in found.patterns),
            chains=frozenset(_of_item(found.chains, chain)),
            item=next(_of_item(frozenset([found.item or ("item",)]), chain), ()),
        )

    def values(self, value: "Value", scope: Scope, filtered: bool) -> list[Any] | None:
        """The values of `value` for all items, or (`filtered`) for those that `when` lets pass."""
        items = formed(self.items, scope, _listed)
        if items is None:
            return None
        when = self.when if filtered else None
        outer = scope.get("item", _NO_ITEM)
        found = []
        try:
            scope.meter.spend(len(items) * self.size)
            for item in items:
                scope["item"] = item
                if when is None or when.evaluate(scope):
                    found.append(value.evaluate(scope))
        except TooMuchWork as error:
            raise EvaluationError(f"`{getattr(self.items, 'source', 'each')}`: {error}") from None
        finally:
            scope.pop("item", None)
            if outer is not _NO_ITEM:
                scope["item"] = outer
        return found


@dataclass(frozen=True, slots=True)
class ForItems:
    """The code of an expression inside an `Each`, as it is seen from outside: a value per item."""

    each: Each
    inner: Expression
    filtered: bool

    def __call__(self, scope: Scope) -> list[Any] | None:
        """The values, see `Each.values`."""
        return self.each.values(self.inner, scope, self.filtered)


_NO_ITEM = object()


def _of_item(chains: frozenset[Chain], of: Chain) -> Iterator[Chain]:
    """Yield the chains with the items of the list `of` in place of `item`."""
    for chain in chains:
        if chain[0] != "item":
            yield chain
        elif of:
            yield (*of, ITEM, *chain[1:])


def _listed(value: Any) -> list[Any] | tuple[Any, ...] | None:
    if not isinstance(value, list | tuple | None):
        raise BadValue(f"`each` needs a list, not {kind_of(value)}")
    if value and len(value) > MOST_ITEMS:
        raise BadValue(f"`each` takes at most {MOST_ITEMS} items")
    return value


Value = Expression | Text | Constant | Tree | Each


def expressions(value: Value) -> tuple[Expression, ...]:
    """All expressions of a value, itself included."""
    return (value,) if isinstance(value, Expression) else value.expressions


def formed(value: Value, scope: Scope, form: Callable[[Any], Form]) -> Form:
    """Compute a value and give it the form of its place, such as `text_of`.

    Raises:
        EvaluationError: an expression fails, or the place does not take its value; the text names
            the expression.
    """
    found = value.evaluate(scope)
    try:
        return form(found)
    except BadValue as error:
        source = ", ".join(dict.fromkeys(part.source for part in expressions(value)))
        raise EvaluationError(f"`{source or 'a constant'}`: {error}") from None


def as_json(value: Value, scope: Scope) -> Any:
    """Compute a value as plain JSON.

    Raises:
        EvaluationError: as `formed`.
    """
    if not isinstance(value, Tree):
        return formed(value, scope, json_value)
    found = value.evaluate(scope)
    try:
        return json_value(found)
    except BadValue:
        pass  # find out which expression of the tree it is
    items = zip(value.keys or range(len(value.items)), value.items, strict=True)
    kept = {key: as_json(one, scope) for key, one in items if one.evaluate(scope) is not omit.OMIT}
    return list(kept.values()) if value.keys is None else kept
