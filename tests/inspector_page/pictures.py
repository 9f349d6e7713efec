"""Makes the pictures of the inspector for the README from a real run.

python -m tests.inspector_page.pictures     (needs Chromium, and the fonts Inter and JetBrains Mono)
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from connector_tools.program import ROOT
from tests.inspector_page.conftest import CHROMIUM, COUNTERPART, sit
from tests.support.inspector_process import Inspector

_PICTURES = ROOT / "docs" / "pictures"
_MOST = 250_000  # bytes of a picture
_WIDTH = 1440
_LIFE = (
    "create",
    "assign",
    "block",
    "unblock",
    "duplicate",
    "outage",
    "product",
    "recover",
    "swap",
)


def main() -> int:
    """Make both pictures; 1 if one is too large for a page."""
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "mappings" / "events", Path(folder) / "events")
        file = Path(shutil.copy(ROOT / "mappings" / "wtl-hlr-hss.yaml", folder))
        with Inspector(file, more=COUNTERPART) as inspector:
            inspector.press(*_LIFE)
            inspector.newer(bill_status=None)
            inspector.press("block")
            sizes = [_picture(inspector, theme).stat().st_size for theme in ("light", "dark")]
    return int(max(sizes) > _MOST)


def _picture(inspector: Inspector, theme: str) -> Path:
    path = _PICTURES / f"inspector-{theme}.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for seat in sit(browser, inspector, _WIDTH, theme):
            events = inspector.get("/api/events")["events"]
            seat.open(next(one["n"] for one in events if one["outcome"] == "unavailable"))
            seat.point_at("open and not account.blocked")
            expect(seat.readout).to_contain_text("account.blocked")
            seat.page.screenshot(path=path, animations="disabled")
            _compress(path)
        browser.close()
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes\n")
    return path


def _compress(path: Path) -> None:
    """Give the picture a palette: it has few colours, and becomes a third as large."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
