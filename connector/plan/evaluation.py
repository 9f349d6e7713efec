"""Evaluates values of the mapping for an event, and refuses the event where that fails."""

from typing import Any, NoReturn

from connector.event import PARTS, Event
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Expression, Scope, Value, formed
from connector.mapping.schema import MappingFile
from connector.mapping.text import optional_text
from connector.outcome import Detail, Outcome, Refusal
from connector.plan.scope import EventScope


class Evaluation:
    """The base of the planner; `connector.plan.trace` overrides methods to note things."""

    def __init__(self, event: Event, mapping: MappingFile, scope: EventScope) -> None:
        self.event = event
        self.mapping = mapping
        self.scope = scope

    def subject(self, subject: Value | None, loc: Loc, scope: Scope) -> str | None:
        """The subject of a call. An empty one would make unrelated events wait for each other."""
        if subject is None:
            return None
        name = self.text(subject, loc, scope)
        if name is None:
            self.invalid("the subject has no value", loc)
        return name

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

    def invalid(self, rule: str, loc: Loc) -> NoReturn:
        """Refuse the event as invalid: it breaks `rule` at `loc` of the mapping file."""
        document = self.mapping.document
        where = f"{document.path.name}:{document.place(loc).line}"
        self.refuse(Refusal(Outcome.INVALID, details=(Detail(where, rule),)), loc)

    def refuse(self, refusal: Refusal, loc: Loc) -> NoReturn:
        """Refuse the event, because of what `loc` of the mapping file reads."""
        raise refusal from None


def field_of(condition: Expression) -> str:
    """The field of the event that a condition is about, as NSPS names it."""
    for path in sorted(condition.paths):
        if path[0] in PARTS:
            return ".".join((PARTS[path[0]][0], *path[1:]))
    return ""
