"""A call of one command: its entry in a mapping file, and its request."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from pydantic import Field

from connector.call import Call
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, Compiled
from connector.mapping.expression import Scope, Value
from connector.systems.line.command import command, compile_command

METHODS = ("line",)
REPLY_FIELDS = ("status", "fields", "lines", "text")


@dataclass(frozen=True, slots=True)
class LineCall(Call):
    """A command, without its terminator. `accept` are statuses that count as success."""

    command: str = field(default="", repr=False)
    accept: frozenset[str] = frozenset()


CommandText = Annotated[Value, Compiled(compile_command, TEXT)]


class LineCallEntry(CallEntry):
    """One command; the system answers with one or several lines."""

    protocol = "line"
    reply_fields = REPLY_FIELDS
    convention = Convention("reply.fields")

    line: CommandText = Field(description="The command, without the end of the line.")
    read_only: bool = Field(False, description="The command changes nothing at the system.")
    idempotent: bool | None = Field(
        None,
        description="True if sending it twice has the same effect as sending it once.",
    )
    accept: tuple[str, ...] = Field((), description="Statuses that count as success.")

    @property
    def method(self) -> str:
        """`line`."""
        return "line"

    @property
    def address(self) -> Value:
        """The command."""
        return self.line

    @cached_property
    def repeatable(self) -> bool:
        """See `CallEntry`; only the mapping knows what a command does."""
        return self.read_only or bool(self.idempotent)

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return self.read_only

    @property
    def undeclared(self) -> bool:
        """See `CallEntry`."""
        return not self.read_only and self.idempotent is None

    def render(self, scope: Scope) -> LineCall:
        """See `CallEntry`."""
        return LineCall(
            id=self.id or "",
            method="LINE",
            target=self.target,
            idempotent=self.repeatable,
            read_only=self.reads,
            command=command(self.line, scope),
            accept=frozenset(self.accept),
        )
