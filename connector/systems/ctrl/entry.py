"""The entry `system.ctrl` of a mapping file."""

from pydantic import Field

from connector.mapping.expression import Constant
from connector.mapping.system_entry import HostText, Limits, Port, SystemEntry


class Ctrl(Limits):
    """An external system that speaks Osmocom's control interface, such as osmo-hlr."""

    host: HostText
    port: Port = Field(default_factory=lambda: Constant(4259))


class CtrlSystemEntry(SystemEntry):
    """An external system over the control interface, and what its replies mean."""

    protocol = "ctrl"

    ctrl: Ctrl
