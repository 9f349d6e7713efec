"""The middle column: values of expressions, readers of fields, rules and their conditions."""

import re

from playwright.sync_api import expect

from tests.inspector_page.seat import Seat


def test_pointing_at_an_expression_shows_its_value_and_its_source(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=True))

    seat.view("Mapping")
    seat.point_at("account.bill_status == 'open'")
    expect(seat.readout).to_contain_text("true")
    expect(seat.readout).to_contain_text("account.bill_status")
    expect(seat.page.locator(".line .pointed").first).to_be_visible()
    expect(seat.field("pb_data.account_info.bill_status")).to_have_class(re.compile("source"))
    expect(seat.field("pb_data.account_info.blocked")).not_to_have_class(re.compile("source"))


def test_the_caret_shows_the_value_of_an_expression_too(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Mapping")
    seat.caret("open and not account.blocked")
    seat.page.keyboard.press("ArrowRight")
    expect(seat.readout).to_contain_text("account.blocked")
    seat.page.keyboard.press("Alt+ArrowDown")
    expect(seat.readout).to_contain_text("serviceGranted")
    seat.page.keyboard.press("Escape")
    expect(seat.page.locator("#event-title")).to_be_focused()


def test_the_value_stands_beside_its_line(seat: Seat) -> None:
    seat.open(seat.inspector.newer(blocked=True))

    seat.view("Mapping")
    number = seat.line("served: =open")
    expect(seat.page.locator(f'.line[data-line="{number}"] .after')).to_have_text("false")


def test_pointing_at_a_field_shows_who_reads_it(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Event")
    seat.field("pb_data.account_info.blocked").hover()
    expect(seat.readout).to_contain_text("pb_data.account_info.blocked")
    expect(seat.readout).to_contain_text("served")
    reader = seat.page.locator(".line .reader").first
    expect(reader).to_have_count(1)
    seat.field("pb_data.account_info.blocked").click()
    seat.field("handler_id").hover()  # what was clicked is held
    seat.readout.get_by_role("button", name="line").first.click()
    expect(seat.page.locator("#mapping-text")).to_be_visible()
    expect(seat.page.locator(".line .reader").first).to_be_visible()
    seat.page.keyboard.press("Escape")
    expect(seat.page.locator(".line .reader")).to_have_count(0)


def test_focus_on_a_field_shows_who_reads_it(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Event")
    seat.page.locator('.tree [tabindex="0"]').focus()
    for _ in range(3):
        seat.page.keyboard.press("ArrowDown")
    for _ in range(3):
        seat.page.keyboard.press("ArrowLeft")
    expect(seat.field("data")).to_be_focused()
    expect(seat.field("data")).to_have_attribute("aria-expanded", "false")
    seat.page.keyboard.press("ArrowRight")
    expect(seat.field("data")).to_have_attribute("aria-expanded", "true")
    seat.field("pb_data.account_info.bill_status").focus()
    seat.outlined(seat.field("pb_data.account_info.bill_status"))
    expect(seat.readout).to_contain_text("open")
    expect(seat.readout).to_contain_text(re.compile(r"read by \d+ expressions"))


def test_a_field_that_nothing_reads_says_so(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Event")
    seat.field("handler_id").hover()
    expect(seat.readout).to_contain_text("read by no expression")


def test_the_chosen_rule_is_marked_and_the_others_say_why_not(seat: Seat) -> None:
    seat.open(seat.inspector.newer("sim-replaced.json"))

    seat.view("Why")
    chosen = seat.page.locator(".rules > .chosen")
    expect(chosen).to_contain_text("a SIM was assigned or swapped")
    other = seat.page.locator(".rules > li", has_text="a SIM was only removed")
    expect(other).to_contain_text("not sim or not sim.imsi")
    expect(other.locator(".sides")).to_contain_text("sim.imsi")
    expect(seat.page.locator(".rules > li").first).to_contain_text("and this is SIM/Replaced")
    number = seat.line("name: a SIM was assigned or swapped")
    expect(seat.page.locator(f'.line[data-line="{number}"]')).to_have_class(re.compile("chosen"))


def test_the_condition_that_decides_has_its_values(seat: Seat) -> None:
    seat.open(seat.inspector.newer(bill_status=None))

    seat.view("Why")
    decides = seat.page.locator(".conditions .decides")
    expect(decides).to_contain_text("state_known")
    expect(decides).to_contain_text("decides")


def test_the_values_of_the_rule_are_listed_with_the_fields_they_read(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    seat.view("Why")
    seat.page.get_by_role("tab", name="Rules").focus()
    seat.page.keyboard.press("ArrowRight")
    expect(seat.page.get_by_role("tab", name="Values")).to_be_focused()
    row = seat.page.locator(".values tr", has_text="served").first
    expect(row).to_contain_text("true")
    row.get_by_role("button").click()
    expect(seat.page.locator("#mapping-text")).to_be_visible()
