"""A real osmo-hlr for the tests; a machine without it skips them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector_tools.counterparts.osmo_hlr import OsmoHlr
from connector_tools.program import NotInstalled


@contextmanager
def running(folder: Path) -> Iterator[OsmoHlr]:
    hlr = OsmoHlr(folder)
    try:
        hlr.start()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    with hlr:
        yield hlr
