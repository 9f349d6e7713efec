"""The pages in docs/reference that are made from the code, by their paths.

`make reference` writes them, and a test compares the pages in the repository with the code.
"""

from typing import Any

from connector_tools.documents import (
    reference_commands,
    reference_event,
    reference_keys,
    reference_language,
)

_MADE = "<!-- Made from the code by `make reference`; a test compares. -->\n\n"


def pages(group: Any) -> dict[str, str]:
    """Path and text of each page; `group` is the command line, see `reference_commands`."""
    made = {
        reference_keys.PAGE: reference_keys.document(),
        reference_event.PAGE: reference_event.document(),
        reference_event.TYPES_PAGE: reference_event.types_document(),
        "docs/reference/filters.md": reference_language.document(),
        "docs/reference/commands.md": reference_commands.document(group),
    }
    return {path: _MADE + text.rstrip("\n") + "\n" for path, text in made.items()}
