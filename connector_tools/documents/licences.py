"""Lists the packages that the function is deployed with, and their licences.

python -m connector_tools.documents.licences > docs/licences.md
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from connector_tools.program import ROOT

LOCK = ROOT / "requirements.txt"
_HEAD = """\
# Licences

Every package that the function is deployed with (`requirements.txt`), and its licence as its
authors state it. Made by `python -m connector_tools.documents.licences`; a test compares.

| Package | Version | Licence |
|---|---|---|
"""


def pinned(lock: Path = LOCK) -> dict[str, str]:
    """The packages of a lock file by name, with their versions."""
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ \\;]+)", lock.read_text()))


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


def document() -> str:
    """The page as Markdown."""
    rows = (f"| {name} | {version} | {licence(name)} |" for name, version in pinned().items())
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(document(), end="")
