"""Events for tests: the ones beside the WTL mapping, each a new one of its own subscriber."""

import copy
import itertools
import json
from functools import cache
from typing import Any
from uuid import uuid4

from tests.support import ROOT

FOLDER = ROOT / "mappings" / "events"
_NUMBERS = itertools.count(2_000_001)


@cache
def _read(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def event(
    name: str = "sim-updated",
    *,
    imsi: str | None = None,
    change: dict[str, Any] | None = None,
    remove: tuple[str, ...] = (),
) -> dict[str, Any]:
    """An event of that file with ids of its own, changed and cut at dotted paths."""
    found: dict[str, Any] = copy.deepcopy(json.loads(_read(name)))
    found["event_id"] = str(uuid4())
    found["data"]["variables"]["i_event"] = next(_NUMBERS)
    if imsi:
        found["pb_data"]["sim_info"]["imsi"] = imsi
    for dotted, value in (change or {}).items():
        parent, key = _parent(found, dotted)
        parent[key] = value
    for dotted in remove:
        parent, key = _parent(found, dotted)
        parent.pop(key, None)
    return found


def _parent(found: dict[str, Any], dotted: str) -> tuple[dict[str, Any], str]:
    *way, key = dotted.split(".")
    for step in way:
        found = found.setdefault(step, {})
    return found, key


def subscriber(number: int) -> str:
    """A 15-digit IMSI of the test network."""
    return f"00101{number:010d}"


def account_event(
    i_account: int, name: str = "subscriber-updated", **account: Any
) -> dict[str, Any]:
    """A new event of an account, whose fields can be given."""
    number = f"4207{i_account:08d}"
    fields = {"i_account": i_account, "id": f"{number}@msisdn", **account}
    changes = {f"pb_data.account_info.{key}": value for key, value in fields.items()}
    return event(name, change={"data.variables.i_account": i_account, **changes})
