"""The entry `system.line` of a mapping file."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from connector.mapping.document import Loc
from connector.mapping.entry import Condition, Entry
from connector.mapping.groups import pieces
from connector.mapping.pattern import compiled
from connector.mapping.system_entry import (
    Duration,
    HostText,
    Limits,
    Port,
    SystemEntry,
    Tls,
)
from connector.systems.line.call import REPLY_FIELDS, CommandText
from connector.systems.line.status import status_of


def _pattern(source: str) -> str:
    compiled(source)
    return source


def _with_one_group(source: str) -> str:
    if sum(piece.is_group for piece in pieces(source)) != 1:
        raise ValueError("needs exactly one group in parentheses")
    return source


Pattern = Annotated[str, AfterValidator(_pattern)]
PatternWithGroup = Annotated[str, AfterValidator(_with_one_group)]


class LoginStep(Entry):
    """A command of the login. Its values are settings."""

    send: CommandText
    until: Pattern | None = Field(
        None, description="Pattern of the last line of the reply, also without an end of the line."
    )


class KeepAlive(Entry):
    """A command that keeps an idle connection open."""

    every: Duration
    send: CommandText


class ReplyFormat(Entry):
    """How a reply ends, and what is read from its lines."""

    ends: Pattern | None = Field(None, description="Pattern of the last line.")
    prompt: Pattern | None = Field(
        None, description="Pattern of the text after the last line, such as `> `."
    )
    status: PatternWithGroup | None = Field(
        None, description="Pattern of the line with the status; the group is the status."
    )
    success: tuple[str, ...] = Field((), description="The statuses that mean success.")
    example: str | None = Field(
        None, description="A reply that means success; tests of the file get it by default."
    )
    fields: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="What stands between name and value in lines with both, such as `=`."
    )
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.ends is None and self.prompt is None:
            raise ValueError("needs `ends` or `prompt`: how else does a reply end?")
        if bool(self.status) != bool(self.success):
            raise ValueError("needs both `status` and `success`, or none of them")
        if (
            self.status
            and status_of((self.example or "").splitlines(), self.status) not in self.success
        ):
            raise ValueError("needs an `example`: a reply whose status means success")
        return self


class Line(Limits):
    """An external system that answers commands of one line, on a connection with a login."""

    concurrency: Annotated[int, Field(ge=1, strict=True)] = Field(
        1, description="Connections at once per instance; each is a session at the system."
    )
    host: HostText
    port: Port
    tls: Tls | bool = Field(False, description="`true`, or the entries for TLS.")
    telnet: bool = Field(False, description="Refuse the options of Telnet, and remove its codes.")
    terminator: Literal["\r\n", "\n", "\r"] = Field(
        "\r\n", description="What ends the line of a command."
    )
    greeting: Pattern | None = Field(
        None, description="The last line that the system sends before the first command."
    )
    login: tuple[LoginStep, ...] = ()
    logout: CommandText | None = None
    keep_alive: KeepAlive | None = None
    reply: ReplyFormat
    expired_when: Condition | None = Field(
        None, description="A `reply` to a command that says that the session has ended."
    )
    sessions: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="Sessions that the system allows this user; one for each connection."
    )

    @model_validator(mode="after")
    def _within_the_sessions(self) -> Self:
        if self.sessions is not None and self.concurrency > self.sessions:
            raise ValueError("`concurrency` is more than `sessions`")
        return self


class LineSystemEntry(SystemEntry):
    """An external system that answers commands of one line, and what its replies mean."""

    protocol = "line"

    line: Line

    def names_at(self, loc: Loc) -> dict[str, tuple[str, ...]]:
        """See `SystemEntry`."""
        return {"reply": REPLY_FIELDS} if loc == ("system", "line", "expired_when") else {}
