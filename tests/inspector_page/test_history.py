"""An exported history on the page: read-only."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.inspector_page.seat import Seat
from tests.tools.records.lines import line


def exported(folder: Path) -> Path:
    """A log with an event that failed and one that was applied."""
    usual: dict[str, Any] = {
        "event_type": "SIM/Updated",
        "rule": "a subscriber changed",
        "event_id": "e1",
        "subject": ["imsi:***********0001"],
    }
    reason = "API Core: no reply within 2 s"
    lines = (
        line(1, outcome="unavailable", status=503, reason=reason, **usual),
        line(2, outcome="applied", status=202, milliseconds=12.5, **usual),
    )
    file = folder / "history.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_a_history_is_opened_read_and_closed(seat: Seat, tmp_path: Path) -> None:
    seat.inspector.newer()
    seat.open()

    seat.page.locator('input[type="file"]').set_input_files(exported(tmp_path))
    banner = seat.page.locator(".banner")
    expect(banner).to_contain_text("An exported history, read-only.")
    expect(seat.page.locator(".row")).to_have_count(2)
    seat.row(1).click()
    expect(seat.page.locator(".heading")).to_contain_text("API Core: no reply within 2 s")
    seat.view("Event")
    expect(seat.field("event_id")).to_contain_text("e1")
    for name in ("Send again", "Make a test", "Reveal", "Edit as text"):
        expect(seat.page.get_by_role("button", name=name)).to_have_count(0)
    seat.page.keyboard.press("s")
    seat.page.keyboard.press("t")
    expect(seat.page.get_by_role("dialog")).to_have_count(0)
    seat.view("Mapping")
    expect(seat.page.locator("#mapping-text")).to_have_js_property("readOnly", True)
    seat.picture("history")
    seat.no_sideways()
    banner.get_by_role("button", name="Close the history").click()
    expect(banner).to_have_count(0)
    expect(seat.page.get_by_role("button", name="Send again")).to_be_attached()


def test_a_file_that_is_no_log_is_refused(seat: Seat, tmp_path: Path) -> None:
    seat.open()
    file = tmp_path / "other.jsonl"
    file.write_text('{"a": 1}\n')

    seat.page.locator('input[type="file"]').set_input_files(file)
    expect(seat.notice).to_contain_text("No record of a connector is in it")
    expect(seat.page.locator(".banner")).to_have_count(0)
