"""A call to a database: its entry in a mapping file, and its request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, AnyValue, Compiled, Name
from connector.mapping.expression import Constant, Scope, Value, formed
from connector.mapping.json_value import json_value
from connector.mapping.text import BadValue, kind_of
from connector.systems.sql.repetition import repeats_harmlessly
from connector.systems.sql.statement import Statement, statement

_LONGEST = 1_000_000  # characters of all parameters of a call
Scalar = str | int | float | bool | None
Values = Mapping[str, Scalar | list[Scalar]]
"""The value of each parameter, by its name."""


@dataclass(frozen=True, slots=True)
class SqlCall(Call):
    """A statement and the values of its parameters.

    `accept` are the errors that count as success, as `reply.error` names them, or SQLSTATEs.
    """

    statement: Statement = field(kw_only=True)
    values: Values = field(default_factory=dict, repr=False)
    accept: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """See `Call`."""
        return sum(_length(value) for value in self.values.values())


def _constant(raw: object) -> Constant:
    if not isinstance(raw, str):
        raise ValueError("must be the text of a statement")
    if raw.lstrip().startswith("=") or "{{" in raw or "{%" in raw:
        raise ValueError(
            "must be constant text, because a value in it could end the statement and begin "
            "another: write `:name` in its place, and the value under `params`"
        )
    statement(raw)
    return Constant(raw)


StatementText = Annotated[Value, Compiled(_constant, TEXT)]


class SqlCallEntry(CallEntry):
    """One statement with its parameters."""

    protocol = "sql"
    reply_fields = ("rows", "row", "count", "verb", "error", "sqlstate", "constraint")
    convention = Convention(
        "reply.row",
        absent="reply.count == 0 and reply.verb not in ['insert', 'delete']",
        exists="reply.error == 'unique' or reply.count == 0 and reply.verb == 'insert'",
        writing=("insert", "update", "delete", "merge", "replace", "call", "into", "share"),
    )

    sql: StatementText = Field(description="One statement; `:name` stands for a parameter.")
    params: dict[Name, AnyValue] = Field({}, description="The value of each parameter, by name.")
    accept: tuple[str, ...] = Field(
        (), description="Errors that count as success: words as in `reply.error`, or SQLSTATEs."
    )

    @model_validator(mode="after")
    def _same_names(self) -> "SqlCallEntry":
        used = self.statement.names
        for name in used:
            if name not in self.params:
                raise ValueError(f"`:{name}` has no value: add `{name}` under `params`")
        for name in self.params:
            if name not in used:
                raise ValueError(
                    f"`params` has `{name}`, which the statement does not use; a name in quotes is "
                    f"text: write `:{name}` without them"
                )
        return self

    @cached_property
    def statement(self) -> Statement:
        """The statement, read once."""
        return statement(str(self.sql.evaluate(Scope())))

    @property
    def method(self) -> str:
        """What the statement does, such as `select` or `insert`."""
        return self.statement.verb

    @property
    def address(self) -> Value:
        """The table."""
        return Constant(self.statement.table or "statement")

    @property
    def repeatable(self) -> bool:
        """Never: the first call of a transaction can be repeated, and the client knows it."""
        return False

    @property
    def replayable(self) -> bool:
        """See `CallEntry`; an `insert` is harmless, too, if the refusal of a second is accepted."""
        refused = not {"unique", "23505"}.isdisjoint(self.accept) and self.method == "insert"
        text = str(self.sql.evaluate(Scope()))
        return self.reads or refused or repeats_harmlessly(text)

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return self.statement.reads

    def render(self, scope: Scope) -> SqlCall:
        """See `CallEntry`."""
        values = {name: formed(value, scope, in_statement) for name, value in self.params.items()}
        return SqlCall(
            id=self.id or "",
            method=self.method.upper(),
            target=self.target,
            read_only=self.reads,
            statement=self.statement,
            values=values,
            accept=frozenset(self.accept),
        )


def in_statement(value: object) -> Any:
    """The value of a parameter: text, a number, a boolean, none, or a list of these.

    Raises:
        BadValue: a parameter cannot be this value.
    """
    found = json_value(value)
    items = found if isinstance(found, list) else [found]
    for item in items:
        if isinstance(item, dict | list):
            raise BadValue(f"a parameter cannot be {kind_of(item)}: use `to_json`")
    if sum(map(_length, items)) > _LONGEST:
        raise BadValue(f"a parameter has at most {_LONGEST:,} characters")
    return found


def _length(value: object) -> int:
    if isinstance(value, list):
        return sum(map(_length, value))
    return len(value) if isinstance(value, str) else 8
