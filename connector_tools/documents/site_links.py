"""Checks the built site: every link and anchor has a target, and nothing comes from outside.

Links to other sites are not followed: only their form is checked.
"""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

_LOADED = {"img": "src", "script": "src", "link": "href", "source": "srcset", "iframe": "src"}
_NOT_LOADED = {"canonical", "next", "prev", "search", "index", "author"}  # `rel` of a link


class _Page(HTMLParser):
    """The targets, links and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the tag links to, loads, or names as an anchor."""
        found = {name: value or "" for name, value in attrs}
        self.anchors.update({found[name] for name in ("id", "name") if name in found})
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif (file := found.get(_LOADED.get(tag, ""))) and found.get("rel") not in _NOT_LOADED:
            self.loaded.append(file)


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each link without a target, and each file that comes from outside."""
    for file in sorted(site.rglob("*.html")):
        for problem in (*_of_loaded(file), *_of_links(file)):
            yield f"{file.relative_to(site)}: {problem}"


@cache
def _read(file: Path) -> _Page:
    return _Page(file.read_text(encoding="utf-8"))


def _of_loaded(file: Path) -> Iterator[str]:
    """Yield what is wrong with the pictures, scripts and styles of a page."""
    for link in _read(file).loaded:
        parts = urlsplit(link)
        if parts.netloc or parts.scheme not in ("", "data"):
            yield f"loads {link} from outside"
        elif not parts.scheme and not _file(file, link).exists():
            yield f"loads {link}, which does not exist"


def _of_links(file: Path) -> Iterator[str]:
    """Yield what is wrong with the links of a page."""
    for link in _read(file).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if not (parts.path if parts.scheme == "mailto" else _names_a_host(parts)):
                yield f"{link} is no link to another site"
            continue
        target = _file(file, link)
        if not target.exists():
            yield f"{link} does not exist"
        elif target.suffix == ".html" and not _has(_read(target), parts.fragment):
            yield f"{link} has no such anchor"


def _names_a_host(parts: SplitResult) -> bool:
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _has(page: _Page, anchor: str) -> bool:
    return not anchor or unquote(anchor) in page.anchors


def _file(page: Path, link: str) -> Path:
    path = unquote(urlsplit(link).path)
    return (page.parent / path).resolve() if path else page
