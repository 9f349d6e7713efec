"""A YAML file with the place of each key and value, and the lints that point to these places.

Only the core types of YAML 1.2 are read: `on` is a key, `no` is text, `12:30` is not a number.
Duplicate keys are refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

Loc = tuple[str | int, ...]
_DEEPEST = 50  # levels; a mapping has a dozen
_MOST_NODES = 100_000  # aliases can make a small file huge; a mapping has some thousand nodes


class Place(NamedTuple):
    """Line and column, counted from 1."""

    line: int
    column: int


class Lint(NamedTuple):
    """A problem in a mapping file: its name, its place, the reason, and what to do (`mend`).

    An `error` stops the deployment, a `warning` does not.
    """

    name: str
    path: Path
    place: Place
    reason: str
    mend: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        at = f"{self.path}:{self.place.line}:{self.place.column}"
        return f"{at}: {self.level}: {self.reason}; {self.mend} [{self.name}]"


class BadMapping(Exception):  # noqa: N818 - the command line prints it unchanged
    """A mapping file has errors; `lints` lists them."""

    def __init__(self, lints: Iterable[Lint]) -> None:
        self.lints = tuple(lints)
        super().__init__("\n".join(str(lint) for lint in self.lints))


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML file. `places` has the place of each key and item, by its path."""

    path: Path
    data: Any
    places: dict[Loc, Place] = field(repr=False)

    def place(self, loc: Loc) -> Place:
        """The place of `loc` in the file, or of the nearest parent that has one."""
        while loc not in self.places and loc:
            loc = loc[:-1]
        return self.places.get(loc, Place(1, 1))

    def lint(self, name: str, loc: Loc, reason: str, mend: str) -> Lint:
        """A lint of level error at `loc`."""
        return Lint(name, self.path, self.place(loc), reason, mend)


class _Loader(yaml.CSafeLoader):
    """Resolves plain scalars as YAML 1.2's core schema does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_CORE: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
)
for _tag, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), [*_first, ""]
    )


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        BadMapping: the file cannot be read, is not UTF-8, is not YAML, is nested too deeply, or
            has a key twice.
    """
    start = Place(1, 1)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        mend = "name a mapping file that can be read"
        raise BadMapping([Lint("file", path, start, f"cannot read: {error}", mend)]) from None
    reader = _Reader(path)
    try:
        _check_depth(path, text)
        node = yaml.compose(text, Loader=_Loader)
        data = reader.build(node, ()) if node else None
    except yaml.YAMLError as error:
        raise BadMapping([_syntax(path, error)]) from None
    except RecursionError:
        mend = "nest less, and let no alias contain itself"
        raise BadMapping([Lint("yaml", path, start, "nested too deeply", mend)]) from None
    if reader.lints:
        raise BadMapping(reader.lints)
    return Document(path, data, reader.places)


def _check_depth(path: Path, text: str) -> None:
    """Refuse deep nesting. `yaml.compose` would recurse without a limit; `yaml.parse` does not."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST and event.start_mark:
            place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            raise BadMapping([Lint("yaml", path, place, "nested too deeply", "use fewer levels")])


def _syntax(path: Path, error: yaml.YAMLError) -> Lint:
    mark = getattr(error, "problem_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    problem = getattr(error, "problem", None) or "unreadable"
    return Lint("yaml", path, place, f"not YAML: {problem}", "check indentation and quotes here")


class _Reader:
    """Turns YAML nodes into data and notes the place of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[Loc, Place] = {}
        self.lints: list[Lint] = []

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.places.setdefault(loc, place)
        if len(self.places) > _MOST_NODES:
            lint = Lint("yaml", self.path, place, "more than 100,000 values", "use fewer aliases")
            raise BadMapping([lint])
        if isinstance(node, yaml.MappingNode):
            return self._object(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, index)) for index, item in enumerate(node.value)]
        try:
            return _scalar(node)
        except ValueError:
            mend = "put it into quotes if it is text"
            lint = Lint("yaml", self.path, place, "a number that cannot be read", mend)
            raise BadMapping([lint]) from None

    def _object(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                mend = "write a name before the colon"
                raise BadMapping([Lint("yaml", self.path, place, "a key that is not text", mend)])
            key = str(key_node.value)
            if key in found:
                mend = "keep one of them"
                self.lints.append(
                    Lint("duplicate-key", self.path, place, f"`{key}` appears twice", mend)
                )
            self.places[(*loc, key)] = place
            found[key] = self.build(value_node, (*loc, key))
        return found


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text
