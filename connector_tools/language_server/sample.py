"""The event whose values an editor shows: the one of the file's first test, or a chosen one."""

from pathlib import Path

from connector.event import parse
from connector.mapping.expression import EvaluationError, Expression, Scope, compile_condition
from connector.mapping.schema import MappingFile
from connector.outcome import Refusal
from connector.plan.scope import event_scope
from connector.settings import BadSettings
from connector_tools.deployment import deployment
from connector_tools.explain import as_json
from connector_tools.mapping_tests import event_of

_LONGEST = 400  # characters of a value


def scope_of(mapping: MappingFile, event: Path | None) -> Scope | None:
    """The names that expressions read of the event; None if there is none that can be read.

    Secrets are hidden, and settings have the values that tests use.
    """
    try:
        body = event.read_bytes() if event else _of_first_test(mapping)
        if body is None:
            return None
        return event_scope(parse(body), mapping, deployment(mapping, {}).values)
    except (OSError, ValueError, Refusal, BadSettings):
        return None


def _of_first_test(mapping: MappingFile) -> bytes | None:
    return event_of(mapping, mapping.tests[0]) if mapping.tests else None


def value_of(source: str, scope: Scope) -> str | None:
    """The value of an expression as JSON, or why there is none; None if the event cannot say it."""
    try:
        expression: Expression = compile_condition(source)
        if not all(name in scope or scope.defines(name) for name in expression.names):
            return None
        return _short(as_json(expression.evaluate(scope)))
    except (EvaluationError, Refusal, ValueError) as error:
        return f"cannot be computed: {_why(error)}"


def _why(error: Exception) -> str:
    return error.result.rules if isinstance(error, Refusal) else str(error)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
