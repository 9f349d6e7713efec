"""The entries `blocks`: calls with parameters that rules use, so that nothing is written twice."""

from typing import Annotated

from pydantic import Field

from connector.mapping.entry import AnyText, Entry, Name
from connector.mapping.protocol import AnyBlockEntry


class Block(Entry):
    """Calls about one subject, with parameters. A block does not use another block."""

    of: tuple[Name, ...] = Field((), description="The names of its parameters.")
    subject: AnyText | None = Field(None, description="The subject of its calls.")
    releases: bool = Field(
        False, description="Its calls take the subject away from the account, see `calls`."
    )
    calls: Annotated[tuple[AnyBlockEntry, ...], Field(min_length=1)]
