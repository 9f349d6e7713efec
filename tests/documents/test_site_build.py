"""The site is built without a warning, needs nothing from outside, and every link has a target."""

import re
from pathlib import Path

import pytest

from connector_tools import site
from connector_tools.documents.site_pages import NAVIGATION
from tests.support import ROOT

pytestmark = pytest.mark.deployment


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("furo", reason="the dependency group `docs` is not installed")
    folder = tmp_path_factory.mktemp("site") / "site"
    assert site.build(folder) == []
    return folder


def test_every_page_is_in_the_navigation(built: Path) -> None:
    start = (built / "docs" / "README.html").read_text(encoding="utf-8")
    for title, pages in NAVIGATION.items():
        assert f'<span class="caption-text">{title}</span>' in start
        for page in pages:
            if (ROOT / f"{page}.md").exists():
                assert re.search(
                    rf'href="(?:\.\./)?{page.removeprefix("docs/")}\.html"', start
                ) or (page == "docs/README"), page


def test_the_search_finds_headings_without_a_server(built: Path) -> None:
    """The index is a script, which a browser loads from a file, too."""
    index = (built / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    for heading in ("Replay dead letters", "Fields of the event", "unguarded-account"):
        assert heading in index


def test_the_search_finds_the_status_of_a_reply(built: Path) -> None:
    """Sphinx leaves numbers out of the index, and out of the query."""
    index = (built / "searchindex.js").read_text(encoding="utf-8")
    titles = index[index.index('"titleterms":') :]
    assert re.search(r'[{,]"409":', titles)
    assert "parsed[1].add(status)" in (built / "_static" / "language_data.js").read_text()


def test_an_assistant_finds_all_that_a_mapping_needs_in_one_file(built: Path) -> None:
    text = (built / "llms-full.txt").read_text(encoding="utf-8")
    for part in ("# The mapping file", "# Fields of the event", "# Lints", "connector test"):
        assert part in text
    assert len(text) / 3.5 < 60_000, "tokens, at 3.5 characters each"
    listed = (built / "llms.txt").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", listed):
        assert (built / target).exists(), target
