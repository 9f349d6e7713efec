"""A mail: its entry in a mapping file, and its parts."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from connector.call import Call
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, AnyText, Compiled, text_value
from connector.mapping.expression import (
    EvaluationError,
    Scope,
    SourceText,
    Value,
    compile_value,
    formed,
)
from connector.mapping.text import BadValue, in_xml, text_of
from connector.systems.smtp.address import address

METHODS = ("mail",)
_LONGEST_LINE = 500  # characters
_LONGEST_TEXT = 100_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class MailCall(Call):
    """A mail to one address.

    `key` is the text that the Message-ID is made from, `thread` that of the thread's first ID.
    """

    to: str = field(default="", repr=False)
    title: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    key: str = ""
    thread: str | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """See `Call`."""
        return len(self.title) + len(self.text) + len(self.html or "")


def line(value: object) -> str:
    """Text for one header, such as the title.

    Raises:
        BadValue: it has a line break or another control character, or is too long.
    """
    text = text_of(value)
    if not text.isprintable():
        raise BadValue("a header takes printable characters on one line only")
    if len(text) > _LONGEST_LINE:
        raise BadValue(f"a header of more than {_LONGEST_LINE} characters")
    return text


def _html(raw: object) -> Value:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw, in_xml)


def _unless_source(accepts: Callable[[object], str]) -> Callable[[object], str]:
    """`accepts` for values; the source of an expression that waits for a reply stays as it is."""
    return lambda value: value if isinstance(value, SourceText) else accepts(value)


LineText = Annotated[Value, Compiled(text_value, TEXT, line)]
AddressText = Annotated[Value, Compiled(text_value, TEXT, address)]
HtmlText = Annotated[Value, Compiled(_html, TEXT)]


class MailCallEntry(CallEntry):
    """One mail to one address. It is never sent twice."""

    protocol = "smtp"
    reply_fields = ("code", "status", "text", "stage")
    reply_numbers = ("code",)
    convention = Convention("reply.text", writing=METHODS)

    mail: AddressText = Field(description="The address to send to, exactly one.")
    title: LineText = Field(description="The header `Subject`.")
    text: AnyText = Field(description="The text of the mail.")
    html: HtmlText | None = Field(None, description="The same in HTML, for programs that show it.")
    thread: AnyText | None = Field(
        None, description="Mails with the same text here are one conversation, such as the account."
    )
    message: AnyText = Field(
        default_factory=lambda: compile_value("=event.event_id"),
        description="What the Message-ID is made from (`=event.event_id`).",
    )

    @property
    def method(self) -> str:
        """`mail`."""
        return "mail"

    @property
    def address(self) -> Value:
        """The address to send to."""
        return self.mail

    @property
    def repeatable(self) -> bool:
        """Never: a person would get the mail twice."""
        return False

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return False

    @property
    def at_most_once(self) -> bool:
        """See `CallEntry`."""
        return True

    def render(self, scope: Scope) -> MailCall:
        """See `CallEntry`."""
        return MailCall(
            id=self.id or "",
            method="MAIL",
            target="{}",  # the address is personal, also if the file has it
            once=True,
            to=formed(self.mail, scope, _unless_source(address)),
            title=formed(self.title, scope, _unless_source(line)),
            text=_body(self.text, scope),
            html=None if self.html is None else _body(self.html, scope),
            key=formed(self.message, scope, text_of),
            thread=None if self.thread is None else formed(self.thread, scope, text_of),
        )


def _body(value: Value, scope: Scope) -> str:
    """The text of a body, with line feeds between its lines.

    Raises:
        EvaluationError: it has control characters, or is too long.
    """
    text = formed(value, scope, text_of).replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        raise EvaluationError("a mail takes no control characters besides tabs and line breaks")
    if len(text) > _LONGEST_TEXT:
        raise EvaluationError(f"a mail of more than {_LONGEST_TEXT:,} characters")
    return text
