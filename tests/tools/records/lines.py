"""Records as a connector writes them, for the tests of this folder."""

from datetime import UTC, datetime, timedelta
from typing import Any

from connector_tools.records.record import LogRecord, record_of

BEGIN = datetime(2026, 11, 29, 22, tzinfo=UTC)


def line(second: float, message: str = "event settled", **fields: Any) -> dict[str, Any]:
    time = (BEGIN + timedelta(seconds=second)).isoformat()
    usual = {"connector": "c"} if message.startswith("event") else {}
    return {"time": time, "severity": "INFO", "message": message, **usual, **fields}


def settled(second: float, outcome: str, event_id: str = "e", **fields: Any) -> LogRecord:
    return record(second, "event settled", outcome=outcome, event_id=event_id, **fields)


def record(second: float, message: str, **fields: Any) -> LogRecord:
    found = record_of(line(second, message, **fields))
    assert found
    return found


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)
