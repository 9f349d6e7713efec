"""Real functions that are killed while the CRM and the spreadsheet carry their request out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_tools.counterparts.crm_odoo import CrmOdoo
from connector_tools.counterparts.google_sheets import GoogleSheets
from connector_tools.counterparts.stand_in.http import HttpStandIn
from tests.support import ROOT
from tests.support.events import account_event, event
from tests.support.function import Function, environment
from tests.support.watched import watch


def function(counterpart: HttpStandIn, folder: Path, name: str) -> Function:
    """A function for the counterpart's mapping file; its ledger does not survive it."""
    mapping = str(ROOT / "mappings" / f"{counterpart.mapping}.yaml")
    variables = {**counterpart.variables(*counterpart.place), "MAPPING_FILE": mapping}
    return Function(folder / f"{name}.log", environment("http://unused.test", **variables))


@pytest.mark.parametrize(
    ("kind", "path", "made"),
    [
        (CrmOdoo, "/load", lambda: account_event(7)),
        (GoogleSheets, ":append", event),
    ],
    ids=["odoo", "sheets"],
)
def test_an_event_whose_function_was_killed_has_one_record(
    kind: type[HttpStandIn], path: str, made: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    found = made()
    with kind(tmp_path) as counterpart:
        with function(counterpart, tmp_path, "first") as first:
            watch(
                counterpart, after=lambda asked: first.kill() if asked.path.endswith(path) else None
            )
            with pytest.raises(httpx.TransportError):
                first.post(found)
        with function(counterpart, tmp_path, "second") as second:
            assert second.post(found).status_code == 202
        assert (records(counterpart), counterpart.wrong) == (1, [])


def records(counterpart: HttpStandIn) -> int:
    """The contacts of a CRM, or the rows of a sheet."""
    if isinstance(counterpart, CrmOdoo):
        return len(counterpart.contacts.rows)
    assert isinstance(counterpart, GoogleSheets)
    return len(counterpart.sheet.rows)
