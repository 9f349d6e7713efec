"""Which client serves a mapping's system; the one place that knows them all.

A client is imported only where a mapping needs it (cold start).
"""

from collections.abc import Mapping
from typing import Any

from connector.mapping.schema import System as SystemEntry
from connector.systems.http.credentials import Renewal
from connector.systems.system import System


def system_of(
    entry: SystemEntry, settings: Mapping[str, Any], renewal: Renewal | None = None
) -> System:
    """The client, to be opened.

    Raises:
        BadSettings: what the mapping says of the system makes no sense with these settings.
    """
    if entry.ctrl:
        from connector.systems.ctrl.client import CtrlSystem  # noqa: PLC0415 - see above

        return CtrlSystem(entry, settings)
    from connector.systems.http.client import HttpSystem  # noqa: PLC0415 - see above

    return HttpSystem(entry, settings, renewal)
