"""The mapping file as a whole: one external system, which events matter, and what to send.

The models are the file's schema (`connector schema` prints it) and, once validated, the compiled
mapping: their expressions are compiled. `connector.mapping.load` reads a file.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr

from connector.mapping.case import Case
from connector.mapping.document import Document, Loc
from connector.mapping.entry import AnyValue, Entry, Name, used
from connector.mapping.expression import Expression
from connector.mapping.protocol import AnyProtocol, AnySystem, protocol, protocol_of
from connector.mapping.rule import Rule
from connector.mapping.setting import Setting


class MappingFile(Entry):
    """One external system: which events matter to it, and what to send."""

    model_config = ConfigDict(title="Mapping")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    summary: str
    settings: dict[Name, Setting] = {}
    system: AnySystem
    values: dict[Name, AnyValue] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    tests: tuple[Case, ...] = ()
    _document: Document = PrivateAttr()

    @property
    def document(self) -> Document:
        """The file that it was read from."""
        return self._document

    @property
    def protocol(self) -> AnyProtocol:
        """The protocol that its system speaks."""
        return protocol(self.system.protocol)

    @cached_property
    def expressions(self) -> tuple[tuple[Loc, Expression], ...]:
        """Every expression with its path in the file; `tests` hold data, no expressions."""
        parts = {"system": self.system, "values": self.values, "rules": self.rules}
        return tuple(found for name, part in parts.items() for found in used(part, (name,)))

    def of(self, document: Document) -> "MappingFile":
        """Note the file that it was read from; returns itself."""
        self._document = document
        return self


def validate(data: object) -> MappingFile:
    """The mapping file of these data, its entries those of the protocol that they name.

    Raises:
        pydantic.ValidationError: the data do not have the shape of a mapping file.
    """
    return MappingFile.model_validate(data, context=protocol_of(data))


def schema() -> dict[str, Any]:
    """The JSON Schema of the mapping file, for editors."""
    found = MappingFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def directory(mapping: MappingFile) -> Path:
    """The directory of the mapping; events of its tests are named relative to it."""
    return mapping.document.path.parent
