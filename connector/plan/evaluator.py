"""Evaluates entries of the mapping for an event; a failure refuses the event, naming the line."""

from typing import Any, NoReturn

from connector.call import Call
from connector.event import Event
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Loc
from connector.mapping.entry import leaves
from connector.mapping.expression import EvaluationError, Scope, Value, as_json, formed
from connector.mapping.meter import TooMuchWork
from connector.mapping.schema import MappingFile
from connector.mapping.text import optional_text
from connector.outcome import Detail, Outcome, Refusal
from connector.plan.scope import EventScope
from connector.unreadable import refuse_unreadable

_NOT_SENT = ("when", "each", "replies", "expect")  # keys of a call
_ENCODED = 50  # bytes of a call that are made in a step of the meter


class Evaluator:
    """Evaluates entries of `mapping` for `event`; `scope` has the names that they read.

    `loc` is always the path of the entry in the mapping file. Every method raises Refusal.
    """

    def __init__(self, event: Event, mapping: MappingFile, scope: EventScope) -> None:
        self.event = event
        self.mapping = mapping
        self.scope = scope

    def request(self, entry: CallEntry, scope: Scope, loc: Loc) -> Call:
        """The call of an entry, with all its expressions computed."""
        try:
            if self.event.unreadable:
                _check_sent(entry, scope)
            call = entry.judged(entry.render(scope), scope)
            scope.meter.spend(call.size // _ENCODED)
            return call
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except ValueError as error:
            told = isinstance(error, EvaluationError | TooMuchWork)
            kind = str(error) if told else type(error).__name__
            self.invalid(kind, loc)

    def text(self, value: Value, loc: Loc, scope: Scope | None = None) -> str | None:
        """The text of a value, None if it is none or empty; for a refusal as `value`."""
        try:
            return formed(value, self.scope if scope is None else scope, optional_text)
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except EvaluationError as error:
            self.invalid(str(error), loc)

    def value(self, value: Value, loc: Loc, scope: Scope | None = None) -> Any:
        """Evaluate a value of the mapping; `loc` is its path in the file, for the refusal."""
        try:
            return value.evaluate(self.scope if scope is None else scope)
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except EvaluationError as error:
            self.invalid(str(error), loc)

    def object(self, value: Value, loc: Loc, scope: Scope) -> dict[str, Any] | None:
        """The object of a value as plain JSON; None if the value is none."""
        try:
            found = as_json(value, scope)
        except Refusal as refusal:
            self.refuse(refusal, loc)
        except ValueError as error:
            self.invalid(str(error), loc)
        if found is not None and not isinstance(found, dict):
            self.invalid("must be an object or none", loc)
        return found

    def invalid(self, rule: str, loc: Loc) -> NoReturn:
        """Refuse the event as invalid: it breaks `rule` at `loc` of the mapping file."""
        document = self.mapping.document
        where = f"{document.path.name}:{document.place(loc).line}"
        self.refuse(Refusal(Outcome.INVALID, details=(Detail(where, rule),)), loc)

    def refuse(self, refusal: Refusal, loc: Loc) -> NoReturn:
        """Refuse the event, because of what `loc` of the mapping file reads."""
        raise refusal from None


def _check_sent(entry: CallEntry, scope: Scope) -> None:
    """Refuse the event if a call sends a whole part with a field that cannot be read.

    Raises:
        Refusal: invalid; names the field.
    """
    left = scope.meter.left  # the call pays when it is rendered
    for (key, *_), value in leaves(entry, inside_lists=False):
        if key not in _NOT_SENT:
            refuse_unreadable(value.evaluate(scope))
    scope.meter.left = left
