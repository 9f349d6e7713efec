"""Empty, loading, failed, disconnected, read-only; themes, help and layout."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.inspector_page.conftest import COUNTERPART, sit
from tests.inspector_page.seat import Seat
from tests.support.inspector_process import Inspector


@pytest.fixture
def alone(mapping_file: Path) -> Iterator[Inspector]:
    """An inspector for one test: no event has come yet, and it may be stopped."""
    with Inspector(mapping_file, more=COUNTERPART) as running:
        yield running


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def lonely(request: pytest.FixtureRequest, browser: Browser, alone: Inspector) -> Iterator[Seat]:
    yield from sit(browser, alone, *request.param)


def hold(held: list[Route]) -> Callable[[Route], None]:
    """A handler that answers nothing yet, and keeps the request."""

    def keep(route: Route) -> None:
        held.append(route)

    return keep


def test_without_events_an_example_can_be_changed_and_sent(lonely: Seat) -> None:
    lonely.open()

    expect(lonely.page.get_by_text("No events yet.")).to_be_visible()
    expect(lonely.page.locator(".events code")).to_have_text(
        f"{lonely.inspector.url}/process-event"
    )
    lonely.view("Event")
    expect(lonely.page.locator("#event-title")).to_contain_text("Example event")
    lonely.view("Why")
    expect(lonely.page.locator(".rules .chosen")).to_contain_text("a subscriber changed")
    lonely.edit("pb_data.account_info.blocked", "true")
    lonely.page.locator("#event-title").focus()
    lonely.page.keyboard.press("s")
    lonely.view("Events")
    expect(lonely.row(1)).to_contain_text("applied")
    detail = lonely.inspector.get("/api/events/1")
    assert detail["event"]["pb_data"]["account_info"]["blocked"] is True


def test_an_applied_event_is_sent_as_new_to_see_a_pinned_reply(lonely: Seat) -> None:
    lonely.open(lonely.inspector.newer())
    lonely.inspector.post("/api/pins", {"kind": "status", "status": 500, "times": None})

    lonely.page.get_by_role("button", name="Send as new").click()
    expect(lonely.page.locator("#event-title")).to_contain_text("failed")


def test_a_server_that_stopped_is_missed_and_found_again(lonely: Seat, mapping_file: Path) -> None:
    lonely.inspector.newer()
    lonely.open()

    lonely.inspector.stop()
    banner = lonely.page.locator(".banner.bad")
    expect(banner).to_contain_text("does not answer")
    expect(lonely.page.locator(".live")).to_have_text("not connected")
    lonely.inspector.start()  # with another key
    expect(banner).to_have_count(0)
    number = lonely.inspector.newer()
    expect(lonely.row(number)).to_be_attached()
    lonely.open(number)
    lonely.page.get_by_role("button", name=re.compile("^Send again")).click()
    lonely.view("Events")
    expect(lonely.row(number + 1)).to_be_visible()


def test_while_the_state_loads_the_page_says_so(seat: Seat) -> None:
    held: list[Route] = []
    seat.page.route("**/api/state", hold(held), times=1)
    seat.page.goto(seat.inspector.url)
    expect(seat.page.get_by_text("Loading the inspector…")).to_be_visible()
    held[0].continue_()
    expect(seat.page.locator(".columns")).to_be_visible()


def test_a_state_that_fails_can_be_tried_again(seat: Seat) -> None:
    seat.page.route(
        "**/api/state", lambda route: route.fulfill(status=500, json={"error": "the disk is full"})
    )
    seat.page.goto(seat.inspector.url)
    expect(seat.page.get_by_role("alert")).to_contain_text("the disk is full")
    seat.page.unroute("**/api/state")
    seat.page.get_by_role("button", name="Try again").click()
    expect(seat.page.locator(".columns")).to_be_visible()


def test_while_an_event_loads_its_place_is_held(seat: Seat) -> None:
    number = seat.inspector.newer()
    held: list[Route] = []
    seat.page.route(f"**/api/events/{number}", hold(held), times=1)
    seat.page.goto(seat.inspector.url)
    seat.view("Calls")
    expect(seat.page.locator(".exchange .skeleton")).to_be_visible()
    held[0].continue_()
    expect(seat.page.locator(".call")).to_be_visible()


def test_an_event_that_cannot_be_read_says_why(seat: Seat) -> None:
    number = seat.inspector.newer()
    seat.page.route(
        f"**/api/events/{number}",
        lambda route: route.fulfill(status=404, json={"error": "there is no such event"}),
    )
    seat.page.goto(seat.inspector.url)
    seat.view("Event")
    expect(seat.page.locator(".event-pane .failure")).to_have_text("there is no such event")


def test_the_theme_follows_the_system_until_it_is_chosen(seat: Seat) -> None:
    seat.open()
    body = seat.page.locator("body")
    button = seat.page.get_by_role("button", name=re.compile("^Theme"))

    button.click()
    expect(body).to_have_css("background-color", "rgb(244, 244, 241)")
    button.click()
    expect(body).to_have_css("background-color", "rgb(17, 19, 21)")
    seat.page.reload()
    expect(body).to_have_css("background-color", "rgb(17, 19, 21)")
    expect(button).to_have_attribute("aria-label", re.compile("dark"))


def test_the_keys_are_listed_and_the_dialog_gives_the_focus_back(seat: Seat) -> None:
    seat.open()
    help_button = seat.page.get_by_role("button", name="Keys")
    help_button.focus()

    seat.page.keyboard.press("?")
    dialog = seat.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("make a masked test")
    seat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(help_button).to_be_focused()


def test_keys_do_nothing_while_a_text_is_typed(seat: Seat) -> None:
    number = seat.inspector.newer()
    seat.open(number)

    seat.view("Events")
    seat.page.get_by_label("Search events").click()
    seat.page.keyboard.type("stjk?")
    expect(seat.page.get_by_label("Search events")).to_have_value("stjk?")
    expect(seat.page.get_by_role("dialog")).to_have_count(0)
    assert max(one["n"] for one in seat.inspector.get("/api/events")["events"]) == number


def test_a_wide_page_shows_three_columns_and_a_narrow_one_a_single_column(seat: Seat) -> None:
    seat.open(seat.inspector.newer())

    shown = seat.page.locator(".columns .panel:visible")
    if seat.narrow:
        expect(shown).to_have_count(1)
        for name in ("Events", "Event", "Mapping", "Why", "Calls", "Life"):
            seat.view(name)
            expect(shown).to_have_count(1)
            seat.no_sideways()
    else:
        expect(shown).to_have_count(6)
        expect(seat.page.get_by_role("navigation", name="Columns")).to_be_hidden()
    seat.no_sideways()


def test_a_long_value_wraps_inside_its_column(seat: Seat) -> None:
    seat.open(seat.inspector.newer(product_name="x" * 3000))

    for name in ("Event", "Mapping", "Why", "Calls"):
        seat.view(name)
        seat.no_sideways()
    pane = seat.page.locator(".tree")
    seat.view("Event")
    assert pane.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_without_motion_nothing_moves(seat: Seat) -> None:
    seat.page.emulate_media(reduced_motion="reduce")
    seat.open(seat.inspector.newer())

    moves = seat.page.evaluate(
        "[...document.querySelectorAll('*')]"
        ".filter(one => getComputedStyle(one).animationName !== 'none').length"
    )
    assert moves == 0
