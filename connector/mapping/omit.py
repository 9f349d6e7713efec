"""`omit`: the value that leaves a key out of an object, or an item out of a list.

None is sent as JSON's null, so a key that shall not be there needs a value of its own:
`msisdn: =account.msisdn or omit`.
"""

from typing import Final


class Omit:
    """The type of `OMIT`; it counts as false, as None does."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "omit"


OMIT: Final = Omit()
NAME = "omit"
"""How an expression writes it."""
