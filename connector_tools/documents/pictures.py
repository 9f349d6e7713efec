"""The pictures of the pages, once for a light page and once for a dark one.

A picture `docs/pictures/NAME.svg` has the colours for both: those for dark stand in a block
`@media (prefers-color-scheme: dark)`. A browser follows the system there, but GitHub and the site
let the reader choose. So each picture is written again as `NAME-light.svg` and `NAME-dark.svg`, and
the pages name these two in a `<picture>`.
"""

import re

from connector_tools.program import ROOT

_FOLDER = "docs/pictures"
_DARK = re.compile(r"    @media \(prefers-color-scheme: dark\) \{\n(.*?)\n    \}\n", re.S)


def files() -> dict[str, str]:
    """Path and text of the two forms of each picture."""
    found = {}
    for file in sorted((ROOT / _FOLDER).glob("*.svg")):
        if not file.stem.endswith(("-light", "-dark")):
            light, dark = forms(file.read_text(encoding="utf-8"))
            found[f"{_FOLDER}/{file.stem}-light.svg"] = light
            found[f"{_FOLDER}/{file.stem}-dark.svg"] = dark
    return found


def forms(picture: str) -> tuple[str, str]:
    """The picture with its light colours, and with its dark ones.

    Raises:
        ValueError: it has no colours for a dark page.
    """
    if not _DARK.search(picture):
        raise ValueError("the picture has no @media (prefers-color-scheme: dark)")
    return _DARK.sub("", picture), _DARK.sub(lambda found: f"{found[1]}\n", picture)
