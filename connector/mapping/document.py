"""A YAML file with the place of each key and value, and the lints that point to these places.

Only the core types of YAML 1.2 are read: `on` is a key, `no` is text. Refused is what readers of
YAML understand differently: numbers that JSON would write otherwise, merge keys, tags, duplicate
keys.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from connector.mapping import scalar

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
        BadMapping: the file cannot be read, is not UTF-8, is not YAML, is nested too deeply, has
            a key twice, or has a value that readers of YAML understand differently.
    """
    start = Place(1, 1)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        reason, mend = "the file is not in UTF-8", "save it as UTF-8 in your editor"
        raise BadMapping([Lint("file", path, place, reason, mend)]) from None
    except OSError as error:
        mend = "name a mapping file that can be read"
        raise BadMapping([Lint("file", path, start, f"cannot read: {error}", mend)]) from None
    reader = _Reader(path)
    try:
        _check_events(path, text)
        node = yaml.compose(text, Loader=_Loader)
        data = reader.build(node, ()) if node else None
    except yaml.YAMLError as error:
        raise BadMapping([_syntax(path, text, error)]) from None
    except RecursionError:
        mend = "nest less, and let no alias contain itself"
        raise BadMapping([Lint("yaml", path, start, "nested too deeply", mend)]) from None
    if reader.lints:
        raise BadMapping(reader.lints)
    return Document(path, data, reader.places)


def _check_events(path: Path, text: str) -> None:
    """Refuse tags and deep nesting.

    The nodes of `yaml.compose` do not show whether a tag was written. It would also recurse without
    a limit; `yaml.parse` does not.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        tag = getattr(event, "tag", None)
        if tag:
            reason = f"a tag: `{tag.replace('tag:yaml.org,2002:', '!!')}`"
            mend = "remove the tag; put the value in quotes if it is text"
            raise BadMapping([Lint("tag", path, _place(event), reason, mend)])
        if depth > _DEEPEST:
            mend = "use fewer levels"
            raise BadMapping([Lint("yaml", path, _place(event), "nested too deeply", mend)])


def _place(found: yaml.Node | yaml.Event) -> Place:
    mark = found.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _syntax(path: Path, text: str, error: yaml.YAMLError) -> Lint:
    mark = getattr(error, "problem_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    problem = getattr(error, "problem", None) or "unreadable"
    reason, mend = f"not YAML: {problem}", "check indentation and quotes here"
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        reason, mend = "not YAML: a control character", "remove it"
    for known, said, advice in _PROBLEMS:
        if known in problem:
            reason, mend = f"not YAML: {said}", advice
    line = [*text.splitlines(), ""][place.line - 1 : place.line]
    if "cannot start any token" in problem and line:
        sign = line[0][place.column - 1 : place.column]
        reason, mend = f"not YAML: nothing can begin with `{sign}`", "put the text in quotes"
        if sign == "\t":
            reason, mend = "not YAML: a tab", "indent with spaces"
    for number in (place.line, place.line - 1, place.line - 2):
        if "\u00a0" in "".join(text.splitlines()[max(number - 1, 0) : number]):
            mend = f"line {number} has a no-break space: type its blanks again"
    return Lint("yaml", path, place, reason, mend)


# The parser's words, plainer ones, and the mend.
_PROBLEMS = (
    (
        "mapping values are not allowed",
        "a colon with a space after it, in text without quotes or at a wrong indentation",
        "put the text in quotes, or correct the indentation",
    ),
    ("tab character", "a tab", "indent with spaces"),
    ("unexpected end of stream", "a quote is not closed", "close it; it can begin far above"),
    (
        "could not find expected ':'",
        "a line without `key: value`",
        "check this line and those above it",
    ),
    (
        "did not find expected key",
        "something follows a value or a key, or the indentation is wrong",
        "check indentation and quotes; in single quotes write '' for '",
    ),
    ("undefined alias", "an alias without its anchor", "put text that begins with * in quotes"),
    ("block sequence entries", "a list begins behind a key", "begin the list in the next line"),
    ("another document", "a second document after ---", "remove the line --- and what follows"),
)


class _Reader:
    """Turns YAML nodes into data and notes the place of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[Loc, Place] = {}
        self.lints: list[Lint] = []

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        self.places.setdefault(loc, _place(node))
        if len(self.places) > _MOST_NODES:
            reason, mend = "more than 100,000 values", "use fewer aliases"
            raise BadMapping([Lint("yaml", self.path, _place(node), reason, mend)])
        if isinstance(node, yaml.MappingNode):
            return self._object(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - there is no fourth kind
        try:
            return scalar.read(node)
        except scalar.NotPlain as error:
            self.lints.append(Lint("number", self.path, _place(node), str(error), error.mend))
            return None

    def _object(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                mend = "write a name before the colon; put text that begins with {{ in quotes"
                raise BadMapping([Lint("yaml", self.path, place, "a key that is not text", mend)])
            key = str(key_node.value)
            self.lints += self._key(key, key_node, place, known=key in found)
            self.places[(*loc, key)] = place
            found[key] = self.build(value_node, (*loc, key))
        return found

    def _key(self, key: str, node: yaml.ScalarNode, place: Place, *, known: bool) -> Iterator[Lint]:
        """Yield the lints of a key; `known` is true if the object has the key already."""
        if key == "<<" and not node.style:
            reason = "a merge key: it would be sent as a key of the name `<<`"
            mend = "write the keys out here, or put the whole object under `values`"
            yield Lint("merge-key", self.path, place, reason, mend)
        elif known:
            reason, mend = f"`{key}` appears twice", "keep one of them"
            yield Lint("duplicate-key", self.path, place, reason, mend)
