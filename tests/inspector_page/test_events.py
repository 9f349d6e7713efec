"""The left column: events as they arrive, search, filters, groups, reveal."""

import re

from playwright.sync_api import expect

from tests.inspector_page.seat import Seat
from tests.support.inspector_process import Inspector


def test_an_event_appears_when_it_arrives_and_is_selected(seat: Seat) -> None:
    seat.open()
    number = seat.inspector.newer()

    row = seat.row(number)
    expect(row).to_be_visible()
    expect(row).to_have_attribute("aria-selected", "true")
    expect(row).to_contain_text("applied")
    expect(row).to_contain_text("SIM/Updated")
    expect(row).to_contain_text(re.compile(r"\d ms"))
    expect(seat.page.locator("[aria-live=polite]").last).to_have_text(
        f"Event {number}: SIM/Updated, applied"
    )


def test_a_row_shows_its_outcome_by_a_shape_and_a_word(seat: Seat) -> None:
    applied = seat.inspector.newer()
    invalid = seat.inspector.newer(bill_status=None)
    seat.open()

    shapes = [seat.row(n).locator(".shape").first.inner_html() for n in (applied, invalid)]
    assert shapes[0] != shapes[1]
    expect(seat.row(invalid).locator(".outcome")).to_have_text("invalid")


def test_the_subject_is_masked_until_it_is_revealed_with_the_mouse(seat: Seat) -> None:
    number = seat.inspector.newer()
    seat.open()

    for part in (".rows", ".event-pane", ".exchange", ".why"):
        expect(seat.page.locator(part)).not_to_contain_text("001010000000001")
    seat.row(number).get_by_role("button").click()
    expect(seat.row(number)).to_contain_text("001010000000001")
    expect(seat.page.locator(".event-pane")).to_contain_text("001010000000001")
    seat.row(number).get_by_role("button").click()
    for part in (".rows", ".event-pane", ".exchange", ".why"):
        expect(seat.page.locator(part)).not_to_contain_text("001010000000001")


def test_the_subject_is_revealed_with_the_keyboard(seat: Seat) -> None:
    number = seat.inspector.newer()
    seat.open()
    seat.view("Events")

    seat.row(number).focus()
    seat.page.keyboard.press("ArrowRight")
    seat.page.keyboard.press("Enter")
    expect(seat.row(number)).to_contain_text("001010000000001")
    seat.page.keyboard.press("v")
    expect(seat.row(number)).not_to_contain_text("001010000000001")


def test_search_finds_a_reason_and_a_masked_number(seat: Seat) -> None:
    seat.inspector.newer()
    invalid = seat.inspector.newer(bill_status=None)
    seat.open()

    seat.page.keyboard.press("/")
    assert seat.focused() == "search"
    seat.page.keyboard.type("neither served")
    expect(seat.page.locator(".row")).to_have_count(
        len([one for one in seat.inspector.get("/api/events")["events"] if one["status"] == 422])
    )
    expect(seat.row(invalid)).to_be_visible()
    seat.page.get_by_label("Search events").fill("420700000001")
    expect(seat.row(invalid)).to_be_visible()
    seat.page.get_by_label("Search events").fill("no event has this")
    expect(seat.page.get_by_text("No event matches.")).to_be_visible()
    seat.page.get_by_role("button", name="Show all events").click()
    expect(seat.row(invalid)).to_be_visible()


def test_a_filter_shows_the_events_of_an_outcome(seat: Seat) -> None:
    applied = seat.inspector.newer()
    invalid = seat.inspector.newer(bill_status=None)
    seat.open()

    chip = seat.page.locator(".chip", has_text="invalid")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(seat.row(invalid)).to_be_visible()
    expect(seat.row(applied)).to_have_count(0)
    chip.press("Enter")
    expect(seat.row(applied)).to_be_visible()


def test_failures_are_grouped_by_reason(seat: Seat) -> None:
    applied = seat.inspector.newer()
    failed = [seat.inspector.newer(bill_status=None) for _ in range(2)]
    seat.open()

    seat.page.get_by_text("Failures by reason").click()
    group = seat.page.locator(".group", has_text="neither served nor barred")
    expect(group.locator(".count")).to_have_text(
        str(
            len(
                [one for one in seat.inspector.get("/api/events")["events"] if one["status"] == 422]
            )
        )
    )
    group.click()
    for number in failed:
        expect(seat.row(number)).to_be_visible()
    expect(seat.row(applied)).to_have_count(0)


def test_j_k_and_the_arrows_go_through_the_events(seat: Seat) -> None:
    older, newest = seat.inspector.newer(), seat.inspector.newer()
    seat.open()

    expect(seat.row(newest)).to_have_attribute("aria-selected", "true")
    seat.page.keyboard.press("j")
    expect(seat.row(older)).to_have_attribute("aria-selected", "true")
    expect(seat.row(older)).to_be_focused()
    seat.outlined(seat.row(older))
    seat.page.keyboard.press("ArrowUp")
    expect(seat.row(newest)).to_be_focused()
    seat.page.keyboard.press("ArrowDown")
    seat.page.keyboard.press("k")
    expect(seat.row(newest)).to_have_attribute("aria-selected", "true")
    seat.page.keyboard.press("Enter")
    expect(seat.page.locator("#event-title")).to_be_focused()


def test_only_one_row_takes_part_in_the_tab_order(seat: Seat) -> None:
    seat.inspector.newer()
    seat.inspector.newer()
    seat.open()

    expect(seat.page.locator('.row[tabindex="0"]')).to_have_count(1)


def test_an_older_event_stays_selected_when_others_arrive(seat: Seat) -> None:
    older = seat.inspector.newer()
    seat.inspector.newer()
    seat.open(older)

    arrived = seat.inspector.newer()
    seat.view("Events")
    expect(seat.row(arrived)).to_be_visible()
    expect(seat.row(older)).to_have_attribute("aria-selected", "true")
    seat.page.keyboard.press("f")
    expect(seat.row(arrived)).to_have_attribute("aria-selected", "true")


def test_a_refused_request_is_in_the_list(seat: Seat, inspector: Inspector) -> None:
    number = inspector.deliver({"data": {}})
    seat.open(number)

    seat.view("Events")
    expect(seat.row(number)).to_contain_text("invalid")
