"""The pages of the site: their order, and what the site needs beside the text that GitHub shows.

`docs/conf.py` gives these to Sphinx. A page is named by its path without `.md`.
"""

import re

from connector_tools.program import ROOT

ROOT_PAGE = "docs/README"
NAVIGATION = {
    "Begin": ["docs/start", "docs/concepts", "docs/cookbook/README", "mappings/README"],
    "Write a mapping": [
        "docs/mapping",
        "docs/resources",
        "docs/inspector",
        "docs/editors",
        "docs/shadow",
        "docs/counterparts",
        "docs/limits",
    ],
    "Reference": [
        "docs/reference/README",
        "docs/reference/keys",
        "docs/reference/event",
        "docs/reference/event-types",
        "docs/reference/filters",
        "docs/settings",
        "docs/outcomes",
        "docs/lints",
        "docs/reference/commands",
        "connector/systems/http/README",
        "connector/systems/soap/README",
        "connector/systems/sql/README",
        "connector/systems/ldap/README",
        "connector/systems/smtp/README",
        "connector/systems/line/README",
        "connector/systems/ctrl/README",
    ],
    "Deploy": [
        "docs/deploy",
        "docs/outside-google",
        "terraform/README",
        "terraform/bootstrap/README",
        "terraform/modules/connector/README",
        "terraform/modules/source/README",
        "docs/scaling",
        "benchmarks/RESULTS",
    ],
    "Operate": ["docs/operate", "docs/audit", "docs/recovery", "docs/reliability"],
    "Background": [
        "docs/contract",
        "docs/glossary",
        "docs/architecture",
        "docs/decisions/README",
        "docs/licences",
        "CONTRIBUTING",
        "CHANGELOG",
        "SECURITY",
    ],
}
"""The sections of the navigation; pages that do not exist are left out."""
_LISTED = {page for pages in NAVIGATION.values() for page in pages}
_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\s*'
    r'<img (?:width="\d+" )?(?:src="([^"]+)" alt="([^"]+)"|alt="([^"]+)" src="([^"]+)")[^>]*>\s*'
    r"</picture>"
)
_ANCHOR = re.compile(r'(<a name="[^"]+"></a>) \[([^\]]+)\]\(#[^)]+\)')  # terraform-docs makes them
_TO_FOLDER = re.compile(r"\[([^\]]+)\]\(((?:\.\./)*[\w./-]+)\)")


def for_site(page: str, text: str) -> str:
    """The text of a page as Sphinx gets it.

    A picture for light and one for dark become two, of which the theme shows one. A link to a
    folder leads to its README. The start page gets the navigation, the first page of a folder the
    other pages of the folder, and a page of the catalogue its mapping file.
    """
    text = _ANCHOR.sub(r"\1\2", _PICTURE.sub(_both, text))
    text = _TO_FOLDER.sub(lambda found: _to_page(page, found), text)
    if page == ROOT_PAGE:
        return text + "".join(_tree(names, title) for title, names in NAVIGATION.items())
    mapping = ROOT / f"{page}.yaml"
    if mapping.exists():
        text += f"\n## The file\n\n```{{literalinclude}} {mapping.name}\n:language: yaml\n```\n"
    return text + _tree(_children(page))


def title(page: str) -> str:
    """The title of a page: its first heading, as plain text."""
    found = re.search(r"(?m)^# (.+)$", (ROOT / f"{page}.md").read_text(encoding="utf-8"))
    return found[1].replace("`", "") if found else page


def _both(found: re.Match[str]) -> str:
    light, alt = found[2] or found[5], found[3] or found[4]
    both = "\n\n".join(
        f"```{{image}} {file}\n:alt: {alt}\n:class: only-{which}\n```"
        for file, which in ((light, "light"), (found[1], "dark"))
    )
    return f"````{{container}} picture\n{both}\n````"


def _to_page(page: str, found: re.Match[str]) -> str:
    """A link to a folder leads to its README, if it has one; else it is only text."""
    folder = (ROOT / page).parent / found[2]
    if not folder.is_dir():
        return found[0]
    readme = f"{found[2].rstrip('/')}/README.md"
    return f"[{found[1]}]({readme})" if (folder / "README.md").exists() else found[1]


def _children(page: str) -> list[str]:
    """The pages below a page: of its folder if it is a README, else of the folder of its name."""
    path = ROOT / page
    folder = path.parent if path.name == "README" else path
    found = sorted(
        file.relative_to(ROOT).with_suffix("").as_posix() for file in folder.glob("*.md")
    )
    return [name for name in found if name != page and name not in _LISTED]


def _tree(pages: list[str], title: str = "") -> str:
    """A part of the navigation, which only Sphinx reads."""
    there = [page for page in pages if (ROOT / f"{page}.md").exists()]
    if not there:
        return ""
    caption = f":caption: {title}\n" if title else ""
    lines = "".join(f"/{page}\n" for page in there)
    return f"\n\n```{{toctree}}\n:hidden:\n:titlesonly:\n{caption}\n{lines}```\n"
