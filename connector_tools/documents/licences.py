"""Lists the packages that the function is deployed with, and copies in the page; their licences.

python -m connector_tools.documents.licences > docs/licences.md
"""

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from connector_tools.program import ROOT

LOCK = ROOT / "requirements.txt"
EXTRAS = sorted((ROOT / "requirements").glob("*.txt"))
_HEAD = """\
# Licences

Every package that the function is deployed with (`requirements.txt`), and its licence as its
authors state it. Made by `python -m connector_tools.documents.licences`; a test compares.

"""
_MORE = """
## Beside these, for `{extra}`

{who} is deployed with `requirements/{extra}.txt`.

"""
_PAGE = """
## In the page of the inspector

The page has copies of these, so that it works offline and without a build step
(`connector_tools/inspector/page`). No function has them.

| File | Version | Licence |
|---|---|---|
"""
PAGE = ROOT / "connector_tools" / "inspector" / "page"
_COPIED = re.compile(r"/\* (\S+) ([0-9.]+), (\S+) licence")
_WHO = {"cli": "The job of the audit"}
_FUNCTION = "A function that needs this extra"
_TABLE = """\
| Package | Version | Licence |
|---|---|---|
"""


def pinned(lock: Path = LOCK) -> dict[str, str]:
    """The packages of a lock file by name, with their versions; without those for Windows only."""
    text = re.sub(r"(?m)^.*sys_platform == 'win32'.*$", "", lock.read_text())
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ \\;]+)", text))


def licence(name: str) -> str:
    """The licence of an installed package: its SPDX expression, or else its own words."""
    said = distribution(name).metadata.json
    expression = said.get("license_expression")
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in said.get("classifier", ())
        if line.startswith("License :: ")
    ]
    short = str(said.get("license", "")).strip()
    found = expression or (short if 0 < len(short) < 40 else "") or ", ".join(classifiers)
    return str(found or "unknown")


def added(lock: Path) -> dict[str, str]:
    """The packages that an extra adds to those of every function, with their versions."""
    usual = pinned()
    return {name: version for name, version in pinned(lock).items() if name not in usual}


def document() -> str:
    """The page as Markdown."""
    text = _HEAD + _rows(pinned())
    for lock in EXTRAS:
        if packages := added(lock):
            text += _MORE.format(extra=lock.stem, who=_WHO.get(lock.stem, _FUNCTION)) + _rows(
                packages
            )
    return text + _PAGE + "".join(_copies())


def _copies() -> Iterator[str]:
    """Yield a row for each file of another project in the page; its first line says which."""
    for file in sorted(PAGE.glob("*.js")):
        with file.open(encoding="utf-8") as lines:
            if said := _COPIED.match(lines.readline()):
                yield f"| {file.name}: {said[1]} | {said[2]} | {said[3]} |\n"


def _rows(packages: dict[str, str]) -> str:
    rows = (f"| {name} | {version} | {licence(name)} |\n" for name, version in packages.items())
    return _TABLE + "".join(rows)


if __name__ == "__main__":
    print(document(), end="")
