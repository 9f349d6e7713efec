"""A mail server and a connection to it, and how a connection fails; without the library."""

from ssl import SSLContext
from typing import NamedTuple, Protocol

from connector.systems.guard import Progress
from connector.systems.smtp.call import MailCall
from connector.systems.smtp.outcomes import Answer


class Refused(Exception):  # noqa: N818 - an answer of the server, not a bug
    """The server did not accept a step before the mail."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


class NotOffered(Exception):  # noqa: N818 - an answer of the server, not a bug
    """The server does not offer what the mapping file asks for."""


class Lost(Exception):  # noqa: N818 - a failure of the network, not a bug
    """The connection was lost; `sent` is true if the server may have the whole mail."""

    def __init__(self, text: str, *, sent: bool = False) -> None:
        super().__init__(text)
        self.sent = sent


class Login(NamedTuple):
    """User name and password."""

    username: str
    password: str


class Server(NamedTuple):
    """Where a mail server is and how to talk to it; `within` are seconds for the connection.

    `tls` is None without encryption; `at_once` is true if TLS begins before the first byte.
    """

    host: str
    port: int
    hello: str
    within: float
    tls: SSLContext | None
    at_once: bool
    login: Login | None


class Connection(Protocol):
    """A connection for one mail at a time; `connector.systems.smtp.wire` has the real one."""

    @property
    def reusable(self) -> bool:
        """True if another mail may be sent."""

    async def deliver(
        self, sender: str, call: MailCall, content: bytes, progress: Progress
    ) -> Answer:
        """Send a mail; returns the reply to its end, or the first that refused a step.

        `progress.end` becomes `PENDING` as soon as the server may have the whole mail.

        Raises:
            Refused, Lost: see there.
        """

    def close(self) -> None:
        """Close the connection at once."""
