"""The mapping file as a whole: one external system, which events matter, and what to send.

The models are the file's schema, which `connector schema` prints. An instance is a compiled
mapping: its expressions are compiled. `connector.mapping.load` reads a file.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, PrivateAttr

from connector.mapping.block import Block
from connector.mapping.call_entry import CallEntry
from connector.mapping.case import Case, Story
from connector.mapping.document import Document, Loc
from connector.mapping.entry import AnyValue, Entry, Name, used
from connector.mapping.expression import Expression
from connector.mapping.protocol import AnyProtocol, AnySystem, protocol, protocol_of
from connector.mapping.resource import Resource
from connector.mapping.rule import Rule
from connector.mapping.setting import Setting
from connector.mapping.table_entry import TableEntry
from connector.mapping.tables import Tables

FILE_NAME = r"^[a-z][a-z0-9-]*$"


class PlacedCall(NamedTuple):
    """A call, its path in the file, and the rule or block that it belongs to."""

    loc: Loc
    entry: CallEntry
    holder: Rule | Block


class MappingFile(Entry):
    """One external system: which events matter to it, and what to send."""

    model_config = ConfigDict(title="Mapping")

    name: Annotated[str, Field(pattern=FILE_NAME)]
    summary: str
    settings: dict[Name, Setting] = {}
    system: AnySystem
    tables: dict[Name, TableEntry] = {}
    values: dict[Name, AnyValue] = {}
    resources: dict[Name, Resource] = {}
    blocks: dict[Name, Block] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    tests: tuple[Case, ...] = ()
    stories: tuple[Story, ...] = ()
    _document: Document = PrivateAttr()

    @property
    def document(self) -> Document:
        """The document that the mapping was read from."""
        return self._document

    @property
    def protocol(self) -> AnyProtocol:
        """The protocol that the external system speaks."""
        return protocol(self.system.protocol)

    @cached_property
    def look_ups(self) -> Tables:
        """The tables as expressions read them."""
        return Tables({name: entry.table for name, entry in self.tables.items()})

    @cached_property
    def expressions(self) -> tuple[tuple[Loc, Expression], ...]:
        """Every expression with its path in the file; `tests` and `stories` have none."""
        parts = {"system": self.system, **self.own}
        return tuple(found for name, part in parts.items() for found in used(part, (name,)))

    @property
    def own(self) -> dict[str, Any]:
        """The sections that read the event, by name."""
        return {
            "values": self.values,
            "resources": self.resources,
            "blocks": self.blocks,
            "rules": self.rules,
        }

    @property
    def holders(self) -> Iterator[tuple[Loc, Rule | Block]]:
        """What has `calls`: the rules and the blocks, with their paths in the file."""
        yield from ((("rules", index), rule) for index, rule in enumerate(self.rules))
        yield from ((("blocks", name), block) for name, block in self.blocks.items())

    @cached_property
    def calls(self) -> tuple[PlacedCall, ...]:
        """Every call of the rules and of the blocks."""
        return tuple(
            PlacedCall((*loc, "calls", index), entry, holder)
            for loc, holder in self.holders
            for index, entry in enumerate(holder.calls)
            if isinstance(entry, CallEntry)
        )

    def holder(self, loc: Loc) -> Rule | Block:
        """The rule or the block that has `loc` below it."""
        return self.rules[int(loc[1])] if loc[0] == "rules" else self.blocks[str(loc[1])]

    def of(self, document: Document) -> "MappingFile":
        """Keep `document`, which the mapping was read from, and prepare the rules for events.

        Returns the mapping.
        """
        self._document = document
        parts: list[Resource | Rule | Block] = [*self.resources.values()]
        parts += [holder for _, holder in self.holders]
        for part in parts:
            for entry in (part, *part.calls):
                entry.prepare()
        return self

    def held(self, parameters: Mapping[str, Any]) -> tuple[tuple[str, Resource], ...]:
        """Name and entry of each resource whose parameters are all given, in the file's order."""
        given = parameters.keys()
        return tuple((name, one) for name, one in self.resources.items() if given >= set(one.of))


def validate(data: object) -> MappingFile:
    """Validate the data of a mapping file, with the entries of the protocol that it names.

    Raises:
        pydantic.ValidationError: the data does not match the schema.
    """
    return MappingFile.model_validate(data, context=protocol_of(data))


def schema() -> dict[str, Any]:
    """The JSON Schema of the mapping file, for editors."""
    found = MappingFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def directory(mapping: MappingFile) -> Path:
    """The directory of the mapping file; its tests name their events relative to it."""
    return mapping.document.path.parent
