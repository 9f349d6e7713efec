"""What all clients do when their system refuses the credentials."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from connector.system import Renewal, Reply


async def send_renewed(
    send: Callable[[], Awaitable[Reply]],
    renewal: Renewal | None,
    deadline: float,
    forget: Callable[[], object] = lambda: None,
) -> Reply:
    """Send a call. If the system refuses the credentials, and newer exist, send it once more.

    It is not sent again if an earlier attempt may have been carried out: then the event comes
    again. `deadline` is that of the turn. `forget` is called before the call is sent again; it
    closes the connections that were made with the old credentials.
    """
    used = renewal.generation if renewal else 0
    reply = await send()
    if reply.refused and renewal and await _renewed(renewal, used, deadline) and not reply.unknown:
        forget()
        reply = await send()
    return reply


async def _renewed(renewal: Renewal, used: int, deadline: float) -> bool:
    """Whether there are newer secrets; the wait for them is no time of the system's."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            return await renewal.renewed(used)
    return False
