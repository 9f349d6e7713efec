"""A YAML file with the place of each key and value, and the lints that point to these places.

Only the core types of YAML 1.2 are read: `on` is a key, `no` is text. Refused is what readers of
YAML understand differently: numbers that JSON would write otherwise, merge keys, tags, duplicate
keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from connector.mapping import scalar
from connector.mapping.lint import VALUE, BadMapping, Edit, Lint, Loc, Mark, Place, Spot

if TYPE_CHECKING:
    from connector.mapping.spans import Spans

__all__ = [
    "VALUE",
    "BadMapping",
    "Document",
    "Edit",
    "Lint",
    "Loc",
    "Mark",
    "Place",
    "Spot",
    "parse",
    "read",
    "text_of",
]

_DEEPEST = 50  # levels; a mapping has a dozen
_MOST_NODES = 100_000  # aliases can make a small file huge; a mapping has some thousand nodes


@dataclass(frozen=True)
class Document:
    """The data of a YAML file. `places` has the place of each key and item, by its path."""

    path: Path
    data: Any
    places: dict[Loc, Place] = field(repr=False)
    text: str = field(default="", repr=False)

    @cached_property
    def spans(self) -> "Spans":
        """Where keys and values begin and end; only a file with a lint needs it."""
        from connector.mapping.spans import Spans  # noqa: PLC0415 - see above

        return Spans(self.text)

    def place(self, loc: Loc) -> Place:
        """The place of `loc` in the file, or of the nearest parent that has one."""
        while loc not in self.places and loc:
            loc = loc[:-1]
        return self.places.get(loc, Place(1, 1))

    def lint(self, name: str, at: Loc | Spot, reason: str, mend: str) -> Lint:
        """A lint of level error at a path, or at what a `Spot` marks."""
        spot = at if isinstance(at, Spot) else Spot(at)
        span = self.spans.span(spot.loc, spot.mark)
        edits = (Edit(span.start, span.end, spot.write or ""),)
        fix = () if spot.write is None or not span.exact else edits
        lint = Lint(name, self.path, span.start, reason, mend, end=span.end)
        return lint._replace(fix=fix, guess=bool(fix) and spot.guess)


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        BadMapping: the file cannot be read, or is not UTF-8.
    """
    start = Place(1, 1)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        place = Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        reason, mend = "the file is not in UTF-8", "save it as UTF-8 in your editor"
        raise BadMapping([Lint("file", path, place, reason, mend, end=place)]) from None
    except OSError as error:
        mend = "name a mapping file that can be read"
        reason = f"cannot read: {error.strerror or error}"
        raise BadMapping([Lint("file", path, start, reason, mend)]) from None


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        BadMapping: see `text_of` and `parse`.
    """
    return parse(text_of(path), path)


def parse(text: str, path: Path) -> Document:
    """Read the text of a YAML file; `path` is for messages.

    Raises:
        BadMapping: the text is not YAML, is nested too deeply, has a key twice, or has a value that
            readers of YAML understand differently.
    """
    text = text.removeprefix("\ufeff")
    start = Place(1, 1)
    reader = _Reader(path, text)
    try:
        _check_events(path, text)
        node = yaml.compose(text, Loader=scalar.Loader)
        data = reader.build(node, ()) if node else None
    except yaml.YAMLError as error:
        from connector.mapping.syntax import syntax_lint  # noqa: PLC0415 - only then it is needed

        raise BadMapping([syntax_lint(path, text, error)]) from None
    except RecursionError:
        mend = "nest less, and let no alias contain itself"
        raise BadMapping([Lint("yaml", path, start, "nested too deeply", mend)]) from None
    if reader.lints:  # an alias is read each time that it stands somewhere
        raise BadMapping(list(dict.fromkeys(reader.lints)))
    return Document(path, data, reader.places, text)


def _check_events(path: Path, text: str) -> None:
    """Refuse tags and deep nesting.

    The nodes of `yaml.compose` do not show whether a tag was written. It would also recurse without
    a limit; `yaml.parse` does not.
    """
    depth = 0
    for event in yaml.parse(text, Loader=scalar.Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        tag = getattr(event, "tag", None)
        if tag:
            reason = f"a tag: `{tag.replace('tag:yaml.org,2002:', '!!')}`"
            mend = "remove the tag; put the value in quotes if it is text"
            raise BadMapping([lint("tag", path, event, reason, mend)])
        if depth > _DEEPEST:
            mend = "use fewer levels"
            raise BadMapping([lint("yaml", path, event, "nested too deeply", mend)])


def _place(found: yaml.Node | yaml.Event) -> Place:
    mark = found.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def lint(name: str, path: Path, found: yaml.Node | yaml.Event, reason: str, mend: str) -> Lint:
    """A lint of what stands at a node; of its first character if it has several lines."""
    start, mark = _place(found), found.end_mark
    end = Place(mark.line + 1, mark.column + 1) if mark else start
    if end.line != start.line:
        end = start._replace(column=start.column + 1)
    return Lint(name, path, start, reason, mend, end=end)


class _Reader:
    """Turns YAML nodes into data and notes the place of each."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.places: dict[Loc, Place] = {}
        self.lints: list[Lint] = []

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        self.places.setdefault(loc, _place(node))
        if len(self.places) > _MOST_NODES:
            reason, mend = "more than 100,000 values", "use fewer aliases"
            raise BadMapping([lint("yaml", self.path, node, reason, mend)])
        if isinstance(node, yaml.MappingNode):
            return self._object(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - there is no fourth kind
        try:
            return scalar.read(node)
        except scalar.NotPlain as error:
            self.lints.append(lint("number", self.path, node, str(error), error.mend))
            return None

    def _object(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise BadMapping([self._no_key(key_node)])
            key = str(key_node.value)
            self.lints += self._key(key, key_node, known=key in found)
            self.lints += self._joined(key_node, value_node)
            self.places[(*loc, key)] = _place(key_node)
            found[key] = self.build(value_node, (*loc, key))
        return found

    def _no_key(self, node: yaml.Node) -> Lint:
        """The lint of a key that is a list or an object, such as that of `a: {{ b }}`."""
        from connector.mapping.syntax import unquoted  # noqa: PLC0415 - only then it is needed

        mend = "write a name before the colon; put text that begins with {{ in quotes"
        said = lint("yaml", self.path, node, "a key that is not text", mend)
        return unquoted(self.path, self.text, said.place) or said

    def _joined(self, key: yaml.ScalarNode, value: yaml.Node) -> Iterator[Lint]:
        """Yield the lint of `{a:1}`, which is the key `a:1` without a value."""
        name, colon, rest = str(key.value).partition(":")
        empty = isinstance(value, yaml.ScalarNode) and not (value.value or value.style)
        if colon and rest and not key.style and empty:
            reason = f"`{key.value}` is a key without a value"
            mend = f"write a blank after the colon: {name}: {rest}"
            yield lint("yaml", self.path, key, reason, mend)

    def _key(self, key: str, node: yaml.ScalarNode, *, known: bool) -> Iterator[Lint]:
        """Yield the lints of a key; `known` is true if the object has the key already."""
        if key == "<<" and not node.style:
            reason = "a merge key: it would be sent as a key of the name `<<`"
            mend = "write the keys out here, or put the whole object under `values`"
            yield lint("merge-key", self.path, node, reason, mend)
        elif known:
            reason, mend = f"`{key}` appears twice", "keep one of them"
            yield lint("duplicate-key", self.path, node, reason, mend)
