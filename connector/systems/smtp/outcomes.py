"""The table from the replies of a mail server to outcomes."""

from typing import Literal, NamedTuple

from connector.outcome import Outcome

Stage = Literal["connection", "EHLO", "STARTTLS", "AUTH", "MAIL FROM", "RCPT TO", "DATA", "message"]
"""What a reply answers. Only a mail whose stage is `message` can have been accepted."""

_BUSY = (450, 452)  # a mailbox that is busy or full, greylisting, too many mails
_SYNTAX = range(500, 505)  # the server does not know the command
_NO_LOGIN = (530, 534, 535, 538)


class Answer(NamedTuple):
    """A reply of the server, and the stage that it answers; `code` is 0 if it cannot be read."""

    stage: Stage
    code: int
    text: str = ""

    @property
    def status(self) -> str | None:
        """The enhanced status code such as `5.1.1` (RFC 3463); None if there is none."""
        first = self.text.partition(" ")[0]
        parts = first.split(".")
        numbers = len(parts) == 3 and all(part.isascii() and part.isdecimal() for part in parts)
        return first if numbers and len(first) <= 11 else None

    @property
    def refuses_login(self) -> bool:
        """True if the server does not accept the connector's credentials."""
        return self.code in _NO_LOGIN or (self.stage == "AUTH" and self.code >= 500)

    @property
    def outcome(self) -> Outcome:
        """The outcome by the protocol's own rule; the mapping's `replies` can override it."""
        if 200 <= self.code < 300:
            return Outcome.APPLIED
        if 400 <= self.code < 500:
            busy = self.code in _BUSY or (self.stage == "RCPT TO" and self.code != 421)
            return Outcome.THROTTLED if busy else Outcome.UNAVAILABLE
        return Outcome.REJECTED if self._about_the_mail else Outcome.FAILED

    @property
    def _about_the_mail(self) -> bool:
        """True if the server refuses for good this address or text, not the connector."""
        if self.stage not in ("RCPT TO", "message") or not 500 <= self.code < 600:
            return False
        policy = (self.status or "").startswith("5.7.")  # such as "relaying denied"
        return not (policy or self.code in _SYNTAX or self.refuses_login)

    def __str__(self) -> str:
        """The reply for people, without its text: that may have the address."""
        said = " ".join(filter(None, (str(self.code), self.status))) if self.code else "no SMTP"
        return f"{said} in reply to {self.stage}"
