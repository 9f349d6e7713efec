"""The entries `tests.replies` and `tests.calls` over SQL, and the connection that replays them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, model_validator

from connector.call import Call
from connector.mapping.entry import Entry
from connector.mapping.script import Different, ExpectedCall, Fault, Script, SentRequest
from connector.systems.sql.call import SqlCall, Values
from connector.systems.sql.connection import Lost, Place, Refused, Result
from connector.systems.sql.outcomes import MEANINGS
from connector.systems.sql.statement import Statement

_FAULTS: Mapping[Fault, Exception] = {
    "timeout": TimeoutError(),  # as when the guard ends an attempt
    "refused": Lost("connection refused"),
    "reset": Lost("connection reset"),
}


class ScriptedSqlReply(Entry):
    """A reply of the database in a test; by default no rows, and one row that was changed."""

    rows: list[dict[str, Any]] = []
    count: int | None = Field(None, description="How many rows were found or changed.")
    error: str | None = Field(None, description="The kind of an error, as in `reply.error`.")
    constraint: str | None = None
    fault: Fault | None = Field(None, description="What happens in place of a reply.")

    @model_validator(mode="after")
    def _one_end(self) -> "ScriptedSqlReply":
        if self.fault and len(self.model_fields_set) > 1:
            raise ValueError("has a `fault`, so it has no other key")
        if self.error is not None and self.error not in MEANINGS:
            raise ValueError(f"`error` must be one of {', '.join(MEANINGS)}")
        return self


class ExpectedSqlCall(ExpectedCall):
    """A call that a test expects; keys that are left out are not compared."""

    sql: str | None = Field(None, description="The statement; `*` stands for any text.")
    params: dict[str, Any] | None = None

    @property
    def names_method(self) -> bool:
        """See `ExpectedCall`."""
        return self.sql is not None

    def compares(self, call: Call) -> Mapping[str, bool]:
        """See `ExpectedCall`."""
        if isinstance(call, SqlCall) and call.values and not call.read_only:
            return {"params": self.params is not None}
        return {}


class ScriptedConnection:
    """A `Connection` that answers statements from a script."""

    reusable = True

    def __init__(self, script: Script) -> None:
        self._script = script

    async def connect(self, _: Place) -> "ScriptedConnection":
        """Return itself; the client calls it in place of a driver."""
        return self

    async def begin(self, *, read_only: bool) -> None:
        """Do nothing: a script has no transactions."""

    async def mark(self) -> None:
        """See `begin`."""

    async def back(self) -> None:
        """See `begin`."""

    async def commit(self) -> None:
        """See `begin`."""

    async def run(self, statement: Statement, values: Values) -> Result:
        """The scripted reply to a statement."""
        reply: ScriptedSqlReply = self._script.reply_to(_SentStatement(statement, values))
        if reply.fault:
            raise _FAULTS[reply.fault]
        if reply.error:
            raise Refused("HY000", constraint=reply.constraint, kind=reply.error)
        count = len(reply.rows) if statement.reads else max(1, len(reply.rows))
        return Result(reply.rows, count if reply.count is None else reply.count)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class _SentStatement(SentRequest):
    wild = r".*"

    def __init__(self, statement: Statement, values: Values) -> None:
        self._text = _plain(statement.text(lambda name: f":{name}"))
        self.name = f"{statement.verb} {statement.table}".rstrip()
        self._values = values

    @property
    def lines(self) -> tuple[str, ...]:
        """See `SentRequest`."""
        return self.name, self._text

    def differences(self, expected: ExpectedSqlCall) -> Iterator[str | Different]:
        """See `SentRequest`."""
        if expected.sql is not None and not self._is(_plain(expected.sql)):
            yield f"{self._text} instead of {expected.sql}"
        for name, value in (expected.params or {}).items():
            if name not in self._values:
                yield f"{self.name} has no parameter `{name}`"
            elif value != self._values[name]:
                yield Different(f"params.{name}", self._values[name], value)

    def _is(self, text: str) -> bool:
        pattern = self.wild.join(map(re.escape, text.split("*")))
        return re.fullmatch(pattern, self._text) is not None


def _plain(text: str) -> str:
    """A statement in one line, with single blanks."""
    return " ".join(text.split())
