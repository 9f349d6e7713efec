"""News for the page, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

_PING = 15.0  # seconds
_WAITING = 500  # messages; a page that reads no more is dropped, and reads all when it comes back


class News:
    """Sends each message to every page that is open."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[tuple[str, str] | None]] = set()

    def tell(self, name: str, text: str) -> None:
        """Send a message: its name, and a JSON text without line breaks."""
        for page in tuple(self._pages):
            try:
                page.put_nowait((name, text))
            except asyncio.QueueFull:
                self._pages.discard(page)
                page.get_nowait()
                page.put_nowait(None)

    def close(self) -> None:
        """End all streams."""
        for page in self._pages:
            if not page.full():
                page.put_nowait(None)

    async def messages(self) -> AsyncIterator[bytes]:
        """The messages from now on, in the form of server-sent events; a ping each 15 s."""
        page: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(_WAITING)
        self._pages.add(page)
        try:
            yield b": welcome\n\n"
            while True:
                try:
                    told = await asyncio.wait_for(page.get(), _PING)
                except TimeoutError:
                    yield b": ping\n\n"
                    continue
                if told is None:
                    return
                name, text = told
                yield f"event: {name}\ndata: {text}\n\n".encode()
        finally:
            self._pages.discard(page)


Message = Mapping[str, Any]
