"""A browser, a running inspector, and a page at both widths and in both themes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from connector_tools.program import ROOT
from tests.inspector_page.seat import Seat
from tests.support.inspector_process import Inspector

CHROMIUM = Path("/usr/bin/chromium")
COUNTERPART = ("--counterpart", str(ROOT / "connector_tools/counterparts/wtl_hlr_hss.py"))
_SECONDS = 30_000  # milliseconds; the machine may be busy with other tests
_HEIGHTS = {1440: 900, 390: 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; one for each module, whose event loop other tests do not meet."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def mapping_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a mapping file that the tests may change, with its events beside it."""
    folder = tmp_path_factory.mktemp("mappings")
    shutil.copytree(ROOT / "mappings" / "events", folder / "events")
    return Path(shutil.copy(ROOT / "mappings" / "wtl-hlr-hss.yaml", folder))


@pytest.fixture(scope="module")
def inspector(mapping_file: Path) -> Iterator[Inspector]:
    """An inspector of the mapping of the WTL HLR/HSS, whose stand-in holds a subscriber."""
    with Inspector(mapping_file, more=COUNTERPART) as running:
        yield running


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def seat(request: pytest.FixtureRequest, browser: Browser, inspector: Inspector) -> Iterator[Seat]:
    """A page that is not loaded yet; at its end no script has failed and nothing was blocked."""
    width, theme = request.param
    yield from sit(browser, inspector, width, theme)


def sit(browser: Browser, inspector: Inspector, width: int, theme: str) -> Iterator[Seat]:
    """A page of this width and theme."""
    context = browser.new_context(
        viewport={"width": width, "height": _HEIGHTS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(_SECONDS)
    expect.set_options(timeout=_SECONDS)
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda line: failed.append(line.text) if "Policy" in line.text else None)
    yield Seat(page, inspector, width, theme)
    context.close()
    assert not failed
