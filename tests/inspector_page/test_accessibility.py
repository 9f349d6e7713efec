"""Each state of the page, at both widths and in both themes: axe finds nothing serious.

Each test also takes a picture of its state into `build/inspector`, to be looked at.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.inspector_page.conftest import sit
from tests.inspector_page.seat import Seat
from tests.inspector_page.test_states import hold
from tests.support.inspector_process import Inspector
from tests.support.npm import installed

_SERIOUS = ("serious", "critical")
_AXE = Path(__file__).parent / "axe"


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    return (installed(_AXE, "axe-core") / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture(scope="module")
def told(inspector: Inspector) -> Inspector:
    """An inspector that has seen something of everything."""
    inspector.press("create", "assign", "block", "duplicate", "stale", "unblock", "swap")
    inspector.press("outage", "product")
    inspector.newer(bill_status=None)
    inspector.press("recover")
    inspector.newer()
    return inspector


BOTH = [(1440, "light"), (390, "dark")]
ALL = [*BOTH, (1440, "dark"), (390, "light")]


@pytest.fixture(
    params=BOTH,
    ids=lambda given: f"{given[0]}-{given[1]}",
)
def seated(request: pytest.FixtureRequest, browser: Browser, told: Inspector) -> Iterator[Seat]:
    yield from sit(browser, told, *request.param)


def findings(seat: Seat, axe: str) -> list[Any]:
    """What axe has found serious or critical: rule and element."""
    seat.page.evaluate(axe)  # not as a script of the page, which the page's own policy refuses
    found = seat.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (one["id"], node["html"][:120], node["failureSummary"][:200])
        for one in found["violations"]
        if one["impact"] in _SERIOUS
        for node in one["nodes"]
    ]


def events(seat: Seat) -> None:
    seat.view("Events")
    seat.page.get_by_text("Failures by reason").click()


def searched_in_vain(seat: Seat) -> None:
    seat.view("Events")
    seat.page.get_by_label("Search events").fill("no event has this")
    expect(seat.page.get_by_text("No event matches.")).to_be_visible()


def event(seat: Seat) -> None:
    seat.view("Event")
    seat.field("pb_data.account_info.bill_status").click()


def revealed(seat: Seat) -> None:
    seat.page.keyboard.press("v")
    seat.view("Event")
    expect(seat.page.locator(".tree")).to_contain_text("001010000000001")


def event_as_text(seat: Seat) -> None:
    seat.page.keyboard.press("e")
    expect(seat.page.get_by_label("Event as JSON text")).to_be_visible()


def mapping(seat: Seat) -> None:
    seat.view("Mapping")
    seat.point_at("account.bill_status == 'open'")
    expect(seat.readout).to_contain_text("true")


def edited(seat: Seat) -> None:
    seat.edit("pb_data.account_info.blocked", "true")
    seat.view("Why")
    seat.page.get_by_role("tab", name="Planned calls").click()
    expect(seat.page.locator(".planned .added").first).to_be_visible()


def problems(seat: Seat) -> None:
    seat.view("Mapping")
    seat.replace("account.bill_status ==", "account.bill_statu ==")
    expect(seat.page.locator("button.tag.bad")).to_be_visible()
    seat.scroll_to(seat.line("account.bill_statu"))


def problems_listed(seat: Seat) -> None:
    problems(seat)
    seat.page.locator("button.tag.bad").click()
    expect(seat.page.locator(".problems li").first).to_be_visible()


def rules(seat: Seat) -> None:
    seat.view("Why")
    expect(seat.page.locator(".rules .chosen")).to_be_visible()


def values(seat: Seat) -> None:
    seat.view("Why")
    seat.page.get_by_role("tab", name="Values").click()


def calls(seat: Seat) -> None:
    seat.view("Calls")


def pin_menu(seat: Seat) -> None:
    seat.page.keyboard.press("p")
    expect(seat.page.get_by_role("menu")).to_be_visible()


def pin_of_ones_own(seat: Seat) -> None:
    pin_menu(seat)
    seat.page.get_by_role("menuitem", name="text of yours").click()


def name_of_a_test(seat: Seat) -> None:
    seat.page.keyboard.press("t")
    expect(seat.page.get_by_role("dialog")).to_be_visible()


def keys(seat: Seat) -> None:
    seat.page.keyboard.press("?")
    expect(seat.page.get_by_role("dialog")).to_be_visible()


def life(seat: Seat) -> None:
    seat.view("Life")
    expect(seat.page.locator(".counterpart")).to_be_visible()


STATES = (
    events,
    searched_in_vain,
    event,
    revealed,
    event_as_text,
    mapping,
    edited,
    problems,
    problems_listed,
    rules,
    values,
    calls,
    pin_menu,
    pin_of_ones_own,
    name_of_a_test,
    keys,
    life,
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_state_is_accessible(seated: Seat, axe: str, state: Callable[[Seat], None]) -> None:
    seated.open()
    state(seated)

    seated.picture(state.__name__)
    seated.no_sideways()
    assert findings(seated, axe) == []


@pytest.mark.parametrize("seated", ALL[2:], ids=["1440-dark", "390-light"], indirect=True)
@pytest.mark.parametrize("state", [events, edited, problems, calls], ids=lambda one: one.__name__)
def test_the_richest_states_are_accessible_in_the_other_theme(
    seated: Seat, axe: str, state: Callable[[Seat], None]
) -> None:
    seated.open()
    state(seated)

    seated.picture(state.__name__)
    assert findings(seated, axe) == []


def test_a_failed_event_is_accessible(seated: Seat, axe: str) -> None:
    list_of = seated.inspector.get("/api/events")["events"]
    failed = next(one["n"] for one in list_of if one["outcome"] == "unavailable")
    seated.open(failed)
    seated.view("Calls")

    seated.picture("failed")
    assert findings(seated, axe) == []


def test_a_page_that_loads_or_has_failed_is_accessible(seated: Seat, axe: str) -> None:
    held: list[Route] = []
    seated.page.route("**/api/state", hold(held), times=1)
    seated.page.goto(seated.inspector.url)
    expect(seated.page.get_by_text("Loading the inspector…")).to_be_visible()
    seated.picture("loading")
    assert findings(seated, axe) == []
    held[0].fulfill(status=500, json={"error": "the disk is full"})
    expect(seated.page.get_by_role("alert")).to_be_visible()
    seated.picture("no-state")
    assert findings(seated, axe) == []


def test_a_page_without_its_server_is_accessible(seated: Seat, axe: str) -> None:
    seated.page.route("**/api/stream", lambda route: route.abort())
    seated.page.goto(seated.inspector.url)
    expect(seated.page.locator(".banner.bad")).to_be_visible()
    seated.picture("disconnected")
    assert findings(seated, axe) == []


def test_a_page_without_events_is_accessible(
    browser: Browser, mapping_file: Path, axe: str, request: pytest.FixtureRequest
) -> None:
    with Inspector(mapping_file) as empty:
        for width, theme in BOTH:
            for seat in sit(browser, empty, width, theme):
                seat.open()
                seat.picture("empty")
                assert findings(seat, axe) == []
