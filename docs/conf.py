"""How Sphinx builds the site from the pages of this repository: `make docs`.

The pages are plain Markdown that GitHub shows as well: their links are relative paths of files.
connector_tools/documents/site_pages.py adds what only the site needs.
"""

from pathlib import Path

from pygments.lexers.data import YamlLexer
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

from connector_tools.documents.site_pages import ROOT_PAGE, for_site

project = "NSPS connector"
html_title = "NSPS connector"
root_doc = ROOT_PAGE
extensions = ["myst_parser"]
include_patterns = [
    "docs/**.md",
    "mappings/*.md",
    "connector/systems/**/README.md",
    "terraform/**README.md",
    "benchmarks/RESULTS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [
    ".*",
    "**/.terraform",
    "**/node_modules",
    "build",
    "connector_tools",
    "dist",
    "tests",
]
nitpicky = True
suppress_warnings = [
    "misc.highlighting_failure",  # a block in a language of ours is shown without colours
    "myst.header",  # the pages of protocols use the levels of docs/mapping.md
]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 6  # the anchors of GitHub
html_theme = "furo"
html_static_path = ["theme"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

_STATUS = 3  # digits
_YAML = ("auth", "auth-test", "pages", "sequence", "story")  # blocks that tests find by these names


class _English(SearchEnglish):
    """English, with numbers of three digits: readers search for the status of a reply."""

    def word_filter(self, word: str) -> bool:
        """See `SearchLanguage`."""
        return super().word_filter(word) or (len(word) == _STATUS and word.isdigit())


def setup(app: Sphinx) -> None:
    """Register what Sphinx calls while it reads the pages; Sphinx calls this at start."""
    for name in _YAML:
        app.add_lexer(name, YamlLexer)
    app.add_search_language(_English)
    app.connect("source-read", _read)


def _read(_: Sphinx, page: str, source: list[str]) -> None:
    source[0] = for_site(page, source[0])
