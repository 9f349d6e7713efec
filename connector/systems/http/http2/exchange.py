"""One request over HTTP/2 and its reply."""

import asyncio

import httpx

from connector.systems.guard import Progress
from connector.systems.http.coding import unpacked
from connector.systems.http.faults import Cut, TooLarge, Unreadable
from connector.systems.http.head import Headers


class Exchange:
    """A request whose body may wait for the system to take more, and its reply.

    `unsent` is the rest of the body. `most` limits the bytes of the reply's body, packed and
    unpacked. `progress` learns the status as soon as it is known. `ended` is true if the system
    has nothing more to send.
    """

    def __init__(self, body: bytes, most: int, progress: Progress) -> None:
        self.unsent = memoryview(body)
        self.reply: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        self.ended = False
        self._most = most
        self._progress = progress
        self._headers: Headers = []
        self._body = bytearray()

    def begin(self, fields: Headers) -> None:
        """Note the head of the reply.

        Raises:
            Unreadable: its status is not a number of three digits.
        """
        status = dict(fields)[b":status"]  # h2 refuses a head without it
        if not (status.isdigit() and len(status) == 3):
            raise Unreadable("its status is not a number")
        self._progress.status = int(status)
        self._headers = [field for field in fields if not field[0].startswith(b":")]

    def add(self, data: bytes) -> None:
        """Note a part of the body.

        Raises:
            TooLarge: it is larger than the limit.
        """
        self._body += data
        if len(self._body) > self._most:
            raise TooLarge(self._progress.status)

    def finish(self) -> None:
        """End with the reply.

        Raises:
            Fault: its body cannot be unpacked.
        """
        status = self._progress.status
        assert status is not None  # noqa: S101 - h2 lets no reply end before it began
        body = unpacked(bytes(self._body), self._headers, self._most, status)
        stream = httpx.ByteStream(body)
        self.reply.set_result(httpx.Response(status, headers=self._headers, stream=stream))

    def lose(self, cause: str) -> None:
        """End without a reply, or with a part of one."""
        status = self._progress.status
        lost = httpx.ReadError(f"{cause} before the end of the reply")
        self.fail(lost if status is None else Cut(cause, status))

    def fail(self, error: httpx.RequestError) -> None:
        """End with an error; do nothing if it is over."""
        if not self.reply.done():
            self.reply.set_exception(error)
