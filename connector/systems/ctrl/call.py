"""A call over Osmocom's control interface: its entry in a mapping file, and its request."""

import re
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, AnyValue, Compiled
from connector.mapping.expression import (
    EvaluationError,
    Scope,
    SourceText,
    Value,
    compile_value,
    formed,
)
from connector.mapping.text import BadValue, text_of

METHODS = ("ctrl_get", "ctrl_set")
# A message has at most 65,535 bytes: its length is two bytes on the wire. It also has a number.
_LONGEST = 65_000


@dataclass(frozen=True, slots=True)
class CtrlCall(Call):
    """A GET or SET of a variable; `value` is None for a GET.

    `accept` are texts of errors that count as success.
    """

    variable: str = field(default="", repr=False)
    value: str | None = field(default=None, repr=False)
    accept: frozenset[str] = frozenset()


def in_variable(text: str) -> str:
    """Check text that goes into a variable's name, so that it cannot end the name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise BadValue("a variable takes letters, digits, - and _ only")
    return text


def _variable(raw: object) -> Value:
    if not isinstance(raw, str) or raw.startswith("="):
        raise ValueError("must be the name of a variable")
    return compile_value(raw, in_variable)


VariableText = Annotated[Value, Compiled(_variable, TEXT)]


class CtrlCallEntry(CallEntry):
    """One request over the control interface: read or set a variable."""

    protocol = "ctrl"
    reply_fields = ("value", "fields", "error")
    convention = Convention("reply.fields", writing=("ctrl_set",))

    ctrl_get: VariableText | None = Field(None, description="Variable to read.")
    ctrl_set: VariableText | None = Field(None, description="Variable to set to `value`.")
    value: AnyValue | None = Field(None, description="The new value of the variable.")
    accept: tuple[str, ...] = Field((), description="Texts of errors that count as success.")

    @model_validator(mode="after")
    def _one_method(self) -> "CtrlCallEntry":
        if (self.ctrl_get is None) == (self.ctrl_set is None):
            raise ValueError(f"needs exactly one of {', '.join(METHODS)}")
        if (self.ctrl_set is None) != (self.value is None):
            raise ValueError("needs a `value` with `ctrl_set`, and none with `ctrl_get`")
        return self

    @property
    def method(self) -> str:
        """`ctrl_get` or `ctrl_set`."""
        return "ctrl_get" if self.ctrl_get is not None else "ctrl_set"

    @property
    def address(self) -> Value:
        """The name of the variable."""
        variable: Value = getattr(self, self.method)
        return variable

    @property
    def repeatable(self) -> bool:
        """Always: a SET gives a variable its value, so a second one changes nothing."""
        return True

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return self.ctrl_get is not None

    def render(self, scope: Scope) -> CtrlCall:
        """See `CallEntry`."""
        variable = formed(self.address, scope, text_of)
        value = None if self.value is None else formed(self.value, scope, _value)
        if len(variable) + len(value or "") > _LONGEST:
            raise EvaluationError(f"variable and value have more than {_LONGEST:,} characters")
        return CtrlCall(
            id=self.id or "",
            method="GET" if value is None else "SET",
            target=self.target,
            idempotent=True,
            read_only=self.reads,
            variable=variable,
            value=value,
            accept=frozenset(self.accept),
        )


def _value(value: object) -> str:
    """The text of a value on the wire. Spaces and newlines are refused: they would end it.

    A boolean is `1` or `0`, as Osmocom's variables are.
    """
    if isinstance(value, SourceText):
        return value
    text = text_of(int(value) if isinstance(value, bool) else value)
    if not re.fullmatch(r"[!-~]+", text):
        raise BadValue("a value takes printable ASCII without spaces only")
    return text
