"""The entry `system.ctrl` of a mapping file."""

from typing import Annotated

from pydantic import Field

from connector.mapping.entry import TEXT, Compiled, text_value
from connector.mapping.expression import Constant, Value, compile_value
from connector.mapping.system_entry import Limits, SystemEntry
from connector.mapping.text import text_of


def host(value: object) -> str:
    """The name or address of the external system.

    Raises:
        ValueError: it is empty or has blanks.
    """
    text = text_of(value)
    if not text or any(char.isspace() for char in text):
        raise ValueError("must be a name or an address")
    return text


def port(value: object) -> int:
    """The port of the external system.

    Raises:
        ValueError: it is not a number of a port.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 65_536:
        raise ValueError("must be a number from 1 to 65535")
    return int(value)


HostText = Annotated[Value, Compiled(text_value, TEXT, host)]
Port = Annotated[Value, Compiled(compile_value, {}, port)]


class Ctrl(Limits):
    """An external system that speaks Osmocom's control interface, such as osmo-hlr."""

    host: HostText
    port: Port = Field(default_factory=lambda: Constant(4259))


class CtrlSystemEntry(SystemEntry):
    """An external system over the control interface, and what its replies mean."""

    protocol = "ctrl"

    ctrl: Ctrl
