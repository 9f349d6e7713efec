"""Event and file are edited in place: the plan follows at once, and nothing is sent before Send."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.inspector_page.seat import Seat
from tests.support.inspector_process import event

BLOCKED = "pb_data.account_info.blocked"


@pytest.fixture(autouse=True)
def _same_file(mapping_file: Path) -> Iterator[None]:
    """The file has its text again after a test that has saved it."""
    text = mapping_file.read_text()
    yield
    if mapping_file.read_text() != text:
        mapping_file.write_text(text)


def test_an_edited_value_changes_the_plan_and_sends_nothing(seat: Seat) -> None:
    number = seat.inspector.newer(blocked=False)
    seat.open(number)

    seat.edit(BLOCKED, "true")
    expect(seat.field(BLOCKED)).to_have_class(re.compile("changed"))
    seat.view("Why")
    seat.page.get_by_role("tab", name="Planned calls").click()
    expect(seat.page.locator(".planned .added")).to_contain_text(["operatorDeterminedBarring"])
    expect(seat.page.locator(".planned .removed")).to_contain_text(["serviceGranted"])
    expect(seat.summary).to_contain_text("Nothing is sent until you press Send.")
    assert max(one["n"] for one in seat.inspector.get("/api/events")["events"]) == number


def test_masked_values_stay_masked_in_the_plan_of_an_edited_event(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.edit(BLOCKED, "true")
    seat.view("Why")
    seat.page.get_by_role("tab", name="Planned calls").click()
    expect(seat.page.locator(".planned .added")).to_have_count(1)
    expect(seat.page.locator(".why")).not_to_contain_text("001010000000001")


def test_a_value_is_edited_with_the_keyboard(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.view("Event")
    seat.field(BLOCKED).focus()
    seat.page.keyboard.press("F2")
    typed = seat.field(BLOCKED).get_by_role("textbox")
    expect(typed).to_have_value("false")
    expect(typed).to_be_focused()
    seat.page.keyboard.type("true")
    seat.page.keyboard.press("Enter")
    expect(seat.field(BLOCKED)).to_be_focused()
    expect(seat.field(BLOCKED)).to_contain_text("true")
    seat.page.keyboard.press("Enter")
    expect(typed).to_be_focused()
    seat.page.keyboard.type("17")
    seat.page.keyboard.press("Escape")
    expect(seat.field(BLOCKED)).to_contain_text("true")


def test_the_edited_event_is_sent_with_its_real_values(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.edit("event_id", f'"{uuid4()}"')
    stamp = seat.inspector.stamp()
    seat.edit("updated_at", f'"{stamp}"')
    seat.page.get_by_role("button", name="Send edited").click()
    expect(seat.page.get_by_role("button", name="Send again")).to_be_visible()
    sent = seat.inspector.get("/api/events")["events"]
    newest = max(sent, key=lambda one: one["n"])
    assert newest["outcome"] == "applied"
    detail = seat.inspector.get(f"/api/events/{newest['n']}?reveal=1")
    assert detail["event"]["pb_data"]["sim_info"]["imsi"] == "001010000000001"
    assert detail["event"]["updated_at"] == stamp


def test_an_edited_event_keeps_numbers_that_a_browser_would_round(seat: Seat) -> None:
    stamp = {"created_at": seat.inspector.stamp(), "updated_at": seat.inspector.stamp()}
    body = event(blocked=False, i_long=9007199254740993123) | stamp
    seat.open(seat.inspector.deliver(body))

    seat.edit(BLOCKED, "true")
    seat.page.get_by_role("button", name="Send edited").click()
    expect(seat.page.get_by_role("button", name="Send again")).to_be_visible()
    newest = max(one["n"] for one in seat.inspector.get("/api/events")["events"])
    sent = seat.inspector.get(f"/api/events/{newest}?reveal=1")["event"]["pb_data"]
    assert sent["account_info"]["blocked"] is True
    assert sent["account_info"]["i_long"] == 9007199254740993123


def test_edits_can_be_undone(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.edit(BLOCKED, "true")
    seat.page.get_by_role("button", name="Undo edits").click()
    expect(seat.field(BLOCKED)).to_contain_text("false")
    expect(seat.page.locator(".tag.edited", has_text="edited")).to_have_count(0)


def test_the_event_can_be_edited_as_text(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.page.keyboard.press("e")
    area = seat.page.get_by_label("Event as JSON text")
    expect(area).to_be_focused()
    area.fill(area.input_value().replace('"blocked": false', '"blocked": true'))
    seat.page.keyboard.press("Escape")
    expect(seat.field(BLOCKED)).to_contain_text("true")
    expect(seat.page.locator(".tree")).not_to_contain_text("001010000000001")


def test_text_that_is_no_event_says_what_is_wrong(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.page.keyboard.press("e")
    seat.page.get_by_label("Event as JSON text").fill('{"data": ')
    seat.page.keyboard.press("Escape")
    expect(seat.page.get_by_text("The text is not JSON.")).to_be_visible()
    seat.view("Why")
    expect(seat.page.locator(".why .failure")).to_be_visible()


def test_an_edited_mapping_changes_the_plan_before_it_is_saved(
    seat: Seat, mapping_file: Path
) -> None:
    seat.open(seat.inspector.newer(blocked=False))
    before = mapping_file.read_text()

    seat.view("Mapping")
    seat.replace("'serviceGranted' if served", "'barredByMe' if served")
    expect(seat.page.locator(".mapping-pane .tag.edited")).to_be_visible()
    seat.view("Why")
    seat.page.get_by_role("tab", name="Planned calls").click()
    expect(seat.page.locator(".planned .added")).to_contain_text(["barredByMe"])
    assert mapping_file.read_text() == before


def test_a_problem_stands_at_its_line(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Mapping")
    number = seat.line("open: =account.bill_status")
    seat.replace("account.bill_status ==", "account.bill_statu ==")
    line = seat.page.locator(f'.line[data-line="{number}"]')
    expect(line).to_have_class(re.compile("error"))
    expect(line.locator(".after.error")).to_contain_text("bill_statu")
    expect(line.locator(".text .error").first).to_be_attached()
    seat.page.locator("button.tag.bad").click()
    expect(seat.page.locator(".problems li").first).to_contain_text("bill_status")
    expect(seat.page.get_by_role("tab", name="Problems")).to_have_attribute("aria-selected", "true")


def test_the_file_is_saved_with_the_keyboard_and_serves_at_once(
    seat: Seat, mapping_file: Path
) -> None:
    seat.open(seat.inspector.newer(blocked=False))

    seat.view("Mapping")
    seat.replace("'serviceGranted' if served", "'savedByMe' if served")
    seat.page.keyboard.press("Control+s")
    expect(seat.notice).to_contain_text("Saved.")
    assert "savedByMe" in mapping_file.read_text()
    expect(seat.page.locator(".mapping-pane .tag.edited")).to_have_count(0)
    number = seat.inspector.newer(blocked=False)
    request = seat.inspector.get(f"/api/events/{number}")["calls"][0]["attempts"][0]["request"]
    assert "savedByMe" in request["body"]


def test_a_file_with_errors_is_not_saved(seat: Seat, mapping_file: Path) -> None:
    seat.open(seat.inspector.newer())
    before = mapping_file.read_text()

    seat.view("Mapping")
    seat.replace("account.bill_status ==", "account.bill_statu ==")
    seat.page.get_by_role("button", name="Save file").click()
    expect(seat.notice).to_contain_text("Not saved")
    assert mapping_file.read_text() == before


def test_a_file_that_changed_on_disk_is_read_again(seat: Seat, mapping_file: Path) -> None:
    seat.open(seat.inspector.newer())

    mapping_file.write_text(mapping_file.read_text() + "\n# written by an editor\n")
    expect(seat.notice).to_contain_text("The file was read again.")
    expect(seat.page.locator("#mapping-text")).to_have_value(re.compile("written by an editor"))


def test_the_mapping_does_not_jump_if_it_is_focused_or_changes_on_disk(
    seat: Seat, mapping_file: Path
) -> None:
    seat.open(seat.inspector.newer())
    seat.view("Mapping")
    source = seat.page.locator(".source")
    expect(seat.page.locator(".line.rule.chosen")).to_be_in_viewport()
    top = source.evaluate("one => one.scrollTop")

    seat.page.keyboard.press("m")
    expect(seat.page.locator("#mapping-text")).to_be_focused()
    assert source.evaluate("one => one.scrollTop") == top
    mapping_file.write_text(mapping_file.read_text() + "\n# written by an editor\n")
    expect(seat.page.locator("#mapping-text")).to_have_value(re.compile("written by an editor"))
    assert source.evaluate("one => one.scrollTop") == top


def test_a_file_that_was_broken_on_disk_is_named_as_such(seat: Seat, mapping_file: Path) -> None:
    seat.open(seat.inspector.newer())

    mapping_file.write_text(mapping_file.read_text().replace("\nrules:", "\nrulez:", 1))
    expect(seat.notice).to_contain_text("The file on disk has 1 error: the text before it goes on")


@pytest.mark.parametrize("keep", [True, False], ids=["mine", "theirs"])
def test_edits_on_a_file_that_changed_meanwhile_are_not_lost(
    seat: Seat, mapping_file: Path, keep: bool
) -> None:
    seat.open(seat.inspector.newer())
    seat.view("Mapping")
    seat.replace("summary: Keeps", "summary: I keep")

    mapping_file.write_text(mapping_file.read_text().replace("summary: Keeps", "summary: It keeps"))
    expect(seat.page.get_by_text("The file changed on disk while you edited it.")).to_be_visible()
    seat.page.get_by_role("button", name="Save file").click()
    choice = "Keep mine" if keep else "Take the file"
    seat.page.get_by_role("dialog").get_by_role("button", name=re.compile(choice)).click()
    expect(seat.page.get_by_role("dialog")).to_have_count(0)
    expected = "summary: I keep" if keep else "summary: It keeps"
    expect(seat.page.locator("#mapping-text")).to_have_value(re.compile(expected))
    assert expected in mapping_file.read_text()
