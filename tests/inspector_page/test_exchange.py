"""The right column: requests, replies, retries, the answer, the ledger, pins, tests, the life."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.inspector_page.seat import Seat
from tests.support.inspector_process import Inspector


@pytest.fixture(autouse=True)
def _no_pins(inspector: Inspector) -> Iterator[None]:
    yield
    inspector.unpin()


def test_a_call_has_its_request_its_reply_and_its_time(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    call = seat.page.locator(".call")
    expect(call).to_contain_text("POST /")
    expect(call).to_contain_text(re.compile(r"status 200\s*\d"))
    expect(call.locator(".bar")).to_have_count(1)
    expect(call.locator(".message").first).to_contain_text("serviceGranted")
    expect(call.locator(".message").last).to_contain_text("result")
    expect(call.locator(".judged")).to_contain_text("applied")


def test_a_call_opens_and_closes_with_the_keyboard(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    title = seat.page.locator(".call-title")
    title.focus()
    seat.page.keyboard.press("Enter")
    expect(title).to_have_attribute("aria-expanded", "false")
    expect(seat.page.locator(".attempt")).to_have_count(0)
    seat.page.keyboard.press("Enter")
    expect(seat.page.locator(".attempt")).to_have_count(1)


def test_the_answer_and_the_ledger_are_shown(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    expect(seat.page.locator(".answer")).to_contain_text("HTTP 202")
    expect(seat.page.locator(".answer")).to_contain_text("Event accepted for processing")
    expect(seat.page.locator(".ledger")).to_contain_text("imsi:…0001")
    expect(seat.page.locator(".ledger")).to_contain_text("277147")


def test_a_call_is_copied_as_curl_without_its_secret(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    seat.page.get_by_role("button", name=re.compile("as curl")).first.click()
    expect(seat.notice).to_contain_text("Copied as a curl command.")
    copied = seat.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl ")
    assert "$WTL_API_TOKEN" in copied


def test_a_pinned_reply_is_given_until_it_is_removed(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    seat.page.get_by_role("button", name="Pin a reply to this call").first.click()
    seat.page.get_by_role("menuitem", name="answers 500").click()
    expect(seat.page.locator(".pins")).to_contain_text("answers 500")
    number = seat.inspector.newer()
    seat.view("Events")
    seat.row(number).click()
    expect(seat.page.locator(".heading")).to_contain_text("failed")
    seat.view("Calls")
    expect(seat.page.locator(".call")).to_contain_text("pinned reply")
    expect(seat.page.locator(".answer")).to_contain_text("HTTP 500")
    seat.page.get_by_role("button", name="Remove the pin").click()
    expect(seat.page.locator(".pins")).to_have_count(0)
    assert seat.inspector.get("/api/state")["pins"] == []


def test_a_reply_is_pinned_with_the_keyboard_alone(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.page.keyboard.press("p")
    expect(seat.page.get_by_role("menuitem").first).to_be_focused()
    seat.page.keyboard.press("End")
    expect(seat.page.get_by_role("menuitemcheckbox")).to_be_focused()
    seat.page.keyboard.press("Enter")
    expect(seat.page.get_by_role("menuitemcheckbox")).to_have_attribute("aria-checked", "true")
    seat.page.keyboard.press("Home")
    for _ in range(4):
        seat.page.keyboard.press("ArrowDown")
    seat.page.keyboard.press("Enter")
    expect(seat.page.get_by_role("menu")).to_have_count(0)
    expect(seat.page.locator(".pins")).to_contain_text("closes the connection, once")


def test_the_menu_closes_with_escape_and_gives_the_focus_back(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    button = seat.page.locator('.exchange [aria-haspopup="menu"]').first
    button.click()
    seat.page.keyboard.press("Escape")
    expect(seat.page.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()


def test_a_reply_of_ones_own_is_pinned(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Calls")
    seat.page.get_by_role("button", name="Pin a reply to this call").first.click()
    seat.page.get_by_role("menuitem", name="text of yours").click()
    dialog = seat.page.get_by_role("dialog")
    dialog.get_by_label("Body").fill('{"result": false, "error": "the licence has expired"}')
    dialog.get_by_role("button", name="Pin", exact=True).click()
    expect(seat.page.locator(".pins")).to_contain_text("answers 200 with your text")
    number = seat.inspector.newer()
    seat.view("Events")
    seat.row(number).click()
    expect(seat.page.locator(".heading")).to_contain_text("the licence has expired")


def test_retries_stand_below_each_other(seat: Seat, inspector: Inspector) -> None:
    inspector.post("/api/pins", {"line": None, "kind": "close", "times": 2})
    seat.open(inspector.newer())

    seat.view("Calls")
    expect(seat.page.locator(".call")).to_contain_text("3 attempts")
    expect(seat.page.locator(".bar")).to_have_count(3)
    expect(seat.page.locator(".bar-row").first).to_have_attribute(
        "aria-label", re.compile("Attempt 1 of 3: from .* took .*")
    )


def test_one_key_makes_a_masked_test(seat: Seat, mapping_file: Path) -> None:
    before = mapping_file.read_text()
    seat.open(seat.inspector.newer())

    seat.page.keyboard.press("t")
    name = seat.page.get_by_label("Name of the test")
    expect(name).to_be_focused()
    name.fill("a subscriber that was seen")
    seat.page.keyboard.press("Enter")
    dialog = seat.page.get_by_role("dialog", name="The test is in the file")
    expect(dialog.locator("pre")).to_contain_text("name: a subscriber that was seen")
    text = mapping_file.read_text()
    try:
        assert "a subscriber that was seen" in text
        assert "# the same variables as in the public reference connector" in text
        assert "001010000000001" not in dialog.locator("pre").inner_text()
        dialog.get_by_role("button", name="Show in the file").click()
        expect(seat.page.locator("#mapping-text")).to_have_value(re.compile("that was seen"))
    finally:
        seat.inspector.rewrite(before)


def test_a_refused_test_says_why(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.page.get_by_role("button", name="Make a test").click()
    seat.page.get_by_label("Name of the test").fill("an open account is served")  # taken
    seat.page.get_by_role("button", name="Write the test").click()
    expect(seat.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    seat.page.get_by_role("button", name="Cancel").click()
    expect(seat.page.get_by_role("dialog")).to_have_count(0)


def test_the_life_of_a_subscriber_changes_the_counterparts_table(seat: Seat) -> None:
    seat.open()

    seat.view("Life")
    life = seat.page.locator(".life")
    life.get_by_role("button", name="Create a SIM").click()
    expect(life.get_by_role("button", name="Assign it to the account")).to_be_enabled()
    life.get_by_role("button", name="Assign it to the account").click()
    expect(life.locator("tr.changed")).to_contain_text("true")
    life.get_by_role("button", name="Block the account").press("Enter")
    expect(life.locator("tr.changed")).to_contain_text("false")
    seat.view("Events")
    expect(seat.page.locator('.row[aria-selected="true"]')).to_contain_text("SIM/Updated")


def test_an_outage_and_its_end(seat: Seat) -> None:
    seat.inspector.press("create", "assign")
    seat.open()

    seat.view("Life")
    life = seat.page.locator(".life")
    life.get_by_role("button", name="Cut the system off").click()
    expect(seat.notice).to_contain_text("cut off")
    life.get_by_role("button", name="Change the product").click()
    seat.view("Events")
    newest = seat.page.locator(".row").first
    expect(newest).to_contain_text("unavailable")
    seat.view("Life")
    life.get_by_role("button", name="End the outage and retry").click()
    seat.view("Events")
    expect(newest).to_contain_text("applied")
