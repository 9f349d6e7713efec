"""A scripted system that tells its script when a call begins; retries belong to the call."""

from typing import Self

from connector.call import Call
from connector.mapping.script import Script
from connector.system import Reply, System, Turn


class ScriptedSystem:
    """A scripted `client` of a protocol, with the script that it asks for replies."""

    def __init__(self, client: System, script: Script) -> None:
        self.client = client
        self._script = script

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.client.__aexit__(*exc)

    async def send(self, call: Call, turn: Turn) -> Reply:
        """See `System`."""
        self._script.next_call()
        return await self.client.send(call, turn)

    def leave(self, turn: Turn) -> None:
        """See `System`."""
        self.client.leave(turn)
