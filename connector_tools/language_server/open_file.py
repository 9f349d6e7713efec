"""A mapping file as it stands in an editor."""

from functools import cached_property
from pathlib import Path

import yaml

from connector.mapping.document import Lint, Loc
from connector.mapping.load import check_text
from connector.mapping.schema import MappingFile
from connector.mapping.spans import Span, Spans


class OpenFile:
    """A file that is open; `path` is where it is saved, for its events and for messages.

    While it is written, it can rarely be read. So `mapping` is the last one that could.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""
        self.mapping: MappingFile | None = None
        self.lints: list[Lint] = []

    def update(self, text: str) -> None:
        """Take a text, and check it."""
        self.text = text
        self.__dict__.pop("spans", None)
        found, self.lints = check_text(text, self.path)
        self.mapping = found or self.mapping

    @cached_property
    def spans(self) -> Spans | None:
        """Where keys and values stand in the text; None while it is not YAML."""
        try:
            return Spans(self.text)
        except (yaml.YAMLError, RecursionError):
            return None

    def key(self, loc: Loc) -> Span | None:
        """Where a key stands."""
        return self.spans.key(loc) if self.spans else None
