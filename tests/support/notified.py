"""A function that sends messages through a real server, and the events of its subscribers."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support import ROOT
from tests.support.events import event
from tests.support.function import Function, environment


def change(kind: str, **account: Any) -> dict[str, Any]:
    """An event of a new change; `account` are other values of fields of its account."""
    changes = {f"pb_data.account_info.{name}": value for name, value in account.items()}
    name = "sim-replaced" if kind == "SIM/Replaced" else "account-product-changed"
    return event(name, change={"event_id": str(uuid4()), "data.event_type": kind, **changes})


@contextmanager
def notifying(
    mapping: str, variables: Mapping[str, str], folder: Path, **more: str
) -> Iterator[Function]:
    """The function with this mapping of the catalogue; its ledger outlives it in `folder`.

    No log line has a secret or personal data.
    """
    folder.mkdir(exist_ok=True)
    file = str(ROOT / "mappings" / f"{mapping}.yaml")
    ledger = f"sqlite:///{folder / 'ledger'}"
    own = {**variables, "MAPPING_FILE": file, "LEDGER_URL": ledger, "HASH_KEY": "k" * 32, **more}
    env = environment("http://127.0.0.1:1", **own)
    with Function(folder / "function.log", env) as function:
        yield function
    text = function.log_file.read_text()
    secrets = [value for name, value in variables.items() if "PASSWORD" in name]
    for hidden in (*secrets, "subscriber@example.com", "420700000001", "Ada"):
        assert hidden not in text


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """True as soon as `holds` returns true; false if it does not in this time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def causes(function: Function) -> list[str]:
    """The causes of the events in the function's log."""
    return [line["cause"] for line in function.lines() if "cause" in line]
