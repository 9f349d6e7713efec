"""A page of the inspector that is open in a browser, as a person sits before it."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Position, expect

from connector_tools.program import ROOT
from tests.support.inspector_process import Inspector

PICTURES = ROOT / "build" / "inspector"
_NARROW = 600  # pixels
_LINE = 18  # pixels, `--row` in style.css
_LEFT = 10  # pixels, `--code-left`


class Seat:
    """An open page. `width` decides whether it shows three columns or one."""

    def __init__(self, page: Page, inspector: Inspector, width: int, theme: str) -> None:
        self.page = page
        self.inspector = inspector
        self.narrow = width < _NARROW
        self.name = f"{width}-{theme}"

    def open(self, n: int | None = None) -> None:
        """Load the page, and select an event as a person does who clicks on it."""
        self.page.goto(self.inspector.url)
        expect(self.page.locator(".columns")).to_be_visible()
        expect(self.page.locator(".skeleton")).to_have_count(0)
        if n is not None:
            self.row(n).click()
            expect(self.page.locator(".heading .facts")).to_contain_text(f"#{n}")
            expect(self.page.locator(".skeleton")).to_have_count(0)

    def view(self, name: str) -> None:
        """Show a column: a narrow page shows one at a time."""
        if self.narrow:
            columns = self.page.get_by_role("navigation", name="Columns")
            columns.get_by_role("button", name=name, exact=True).click()

    def row(self, n: int) -> Locator:
        return self.page.locator(f'.row[data-n="{n}"]')

    def field(self, path: str) -> Locator:
        return self.page.locator(f'.field[data-path="{path}"]')

    def line(self, text: str) -> int:
        """The number of the first line of the mapping with this text."""
        lines = self.page.locator("#mapping-text").input_value().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def point_at(self, text: str) -> None:
        """Move the mouse onto a text of the mapping."""
        lines = self.page.locator("#mapping-text").input_value().splitlines()
        number = self.line(text)
        column = lines[number - 1].index(text) + 1
        wide = self.page.locator(".ruler").evaluate("one => one.getBoundingClientRect().width / 10")
        self.scroll_to(number)
        place: Position = {"x": _LEFT + (column + 0.5) * wide, "y": (number - 0.5) * _LINE}
        self.page.locator("#mapping-text").hover(position=place, force=True)

    def scroll_to(self, number: int) -> None:
        self.page.locator(".source").evaluate(
            "(pane, top) => pane.scrollTo({top})", max(0, (number - 4) * _LINE)
        )

    def caret(self, text: str) -> None:
        """Put the caret before a text of the mapping."""
        self.page.locator("#mapping-text").evaluate(
            """(area, text) => {
                area.focus();
                const at = area.value.indexOf(text);
                area.setSelectionRange(at, at);
            }""",
            text,
        )

    def replace(self, old: str, new: str) -> None:
        """Type `new` over the first `old` in the mapping."""
        self.page.locator("#mapping-text").evaluate(
            """(area, [old]) => {
                area.focus();
                const at = area.value.indexOf(old);
                area.setSelectionRange(at, at + old.length);
            }""",
            [old],
        )
        self.page.keyboard.insert_text(new)

    def edit(self, path: str, value: str) -> None:
        """Change a value of the event in the tree, with the mouse."""
        self.view("Event")
        self.field(path).dblclick()
        typed = self.field(path).get_by_role("textbox")
        typed.fill(value)
        typed.press("Enter")

    def picture(self, state: str) -> Path:
        """Take a picture of the page into `build/inspector`."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{state}-{self.name}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path

    @property
    def summary(self) -> Locator:
        return self.page.locator(".why .summary")

    @property
    def readout(self) -> Locator:
        return self.page.locator(".readout")

    @property
    def notice(self) -> Locator:
        return self.page.locator(".notice")

    def no_sideways(self) -> None:
        """The page itself never scrolls sideways."""
        wide = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1]

    def focused(self) -> Any:
        return self.page.evaluate("document.activeElement.id || document.activeElement.className")

    def outlined(self, one: Locator) -> None:
        """A ring shows where the focus is."""
        expect(one).to_have_css("outline-style", re.compile("solid|auto"))
