"""Where the keys and values of a YAML file begin and end, and where a part of a value stands.

A lint needs it, and nothing else does: so the file is read a second time, when the first lint is
made, instead of keeping all this for each file that serves.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from connector.mapping.lint import VALUE, Loc, Mark, Place
from connector.mapping.scalar import Loader


class Span(NamedTuple):
    """From `start` to before `end`; not `exact` if it is more than was asked for."""

    start: Place
    end: Place
    exact: bool = True


_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML takes as the end of a line
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+\s+")
_FOLD = re.compile(rf"[ \t]*(?:{_BREAK.pattern})(?:[ \t]|{_BREAK.pattern})*")
_ESCAPE = re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|[^\r\n])")
_JOINED = re.compile(rf"\\(?:{_BREAK.pattern})[ \t]*")


class Lines:
    """The lines of a text, as YAML counts them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]

    def offset(self, place: Place) -> int:
        """The number of characters before a place."""
        line = min(place.line, len(self._starts))
        return min(self._starts[line - 1] + place.column - 1, len(self.text))

    def place(self, offset: int) -> Place:
        """The place of a character."""
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)

    def rest(self, offset: int) -> int:
        """The end of the line that has a character, without comment and blanks."""
        found = _BREAK.search(self.text, offset)
        line = self.text[offset : found.start() if found else None]
        return offset + len(re.sub(r"\s+(#.*)?$", "", line))


class Spans:
    """The keys and values of a YAML text by their paths."""

    def __init__(self, text: str) -> None:
        self.lines = Lines(text)
        self._root = yaml.compose(text, Loader=Loader)

    def key(self, loc: Loc) -> Span:
        """The key at a path, or the first line of the item; else of the nearest parent."""
        while loc:
            found = next(filter(None, self._nodes(loc)), None)
            if found:
                return self._first_line(found)
            loc = loc[:-1]
        return self._first_line(self._root) if self._root else Span(Place(1, 1), Place(1, 1))

    def span(self, loc: Loc, mark: Mark | None) -> Span:
        """What a lint marks: the key (None), the whole value, or a part of the value."""
        if mark is None:
            return self.key(loc)
        return self.value(loc) if mark == VALUE else self.part(loc, mark)

    def value(self, loc: Loc) -> Span:
        """The value at a path; its first line if it is a list or an object of several lines."""
        _, value = self._nodes(loc)
        return self._first_line(value) if value else self.key(loc)._replace(exact=False)

    def part(self, loc: Loc, mark: Mark) -> Span:
        """A part of the value at a path; the whole value if it cannot be found."""
        _, node = self._nodes(loc)
        if not isinstance(node, yaml.ScalarNode) or node.value != mark.source:
            return self.value(loc)._replace(exact=False)
        start, end = self._bounds(node)
        steps = list(_steps(self.lines.text[start:end], node))
        if len(steps) < len(mark.source):
            return self.value(loc)._replace(exact=False)
        last = steps[mark.end - 1][1] if mark.end > mark.start else steps[mark.start][0]
        first = self.lines.place(start + steps[mark.start][0])
        return Span(first, self.lines.place(start + last))

    def written(self, loc: Loc) -> str:
        """The value at a path as it is written, if it has one line."""
        span = self.value(loc)
        return self.lines.text[self.lines.offset(span.start) : self.lines.offset(span.end)]

    def style(self, loc: Loc) -> str | None:
        """How the value at a path is written: its quote, `|`, `>`; None if it is plain."""
        _, node = self._nodes(loc)
        return node.style if isinstance(node, yaml.ScalarNode) else None

    def _bounds(self, node: yaml.Node) -> tuple[int, int]:
        marks = (node.start_mark, node.end_mark)
        start, end = (Place(mark.line + 1, mark.column + 1) for mark in marks)
        first, last = self.lines.offset(start), self.lines.offset(end)
        anchor = _ANCHOR.match(self.lines.text, first, last)
        return anchor.end() if anchor and isinstance(node, yaml.ScalarNode) else first, last

    def _first_line(self, node: yaml.Node) -> Span:
        start, end = self._bounds(node)
        rest = self.lines.rest(start)
        whole = end <= rest
        last = end if whole else max(rest, start)
        return Span(self.lines.place(start), self.lines.place(last), whole)

    def _nodes(self, loc: Loc) -> tuple[yaml.Node | None, yaml.Node | None]:
        """The nodes of the key and of the value at a path; None for what is not there."""
        key, value = None, self._root
        for step in loc:
            key, value = _child(value, step)
        return key, value


def _child(
    node: yaml.Node | None, step: str | int
) -> tuple[yaml.ScalarNode | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        pairs = (pair for pair in node.value if pair[0].value == str(step))
        return next(pairs, (None, node if step == 0 else None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    if step == 0 and node:  # one value in place of a list with one item
        return None, node
    return None, None


def _steps(raw: str, node: yaml.ScalarNode) -> Iterator[tuple[int, int]]:
    """Yield for each character of a scalar's value where it begins and ends in the file's text."""
    if node.style in ("|", ">"):
        yield from _of_block(raw, node.value)
        return
    at = 1 if node.style else 0
    for char in node.value:
        if node.style == '"' and (joined := _JOINED.match(raw, at)):
            at = joined.end()
        end = at + 1
        if char in " \n" and (fold := _FOLD.match(raw, at)):
            end = fold.end()
        elif node.style == "'" and char == "'":
            end = at + 2
        elif node.style == '"' and (escape := _ESCAPE.match(raw, at)):
            end = escape.end()
        yield at, end
        at = end


def _of_block(raw: str, value: str) -> Iterator[tuple[int, int]]:
    """See `_steps`; each line of the block is found after its indentation."""
    header = _BREAK.search(raw)
    at = header.end() if header else len(raw)
    indent = _leading(raw[at:]) - _leading(value)
    fresh = True
    for char in value:
        if fresh:
            at += min(indent, len(raw[at:]) - len(raw[at:].lstrip(" ")))
        if char != raw[at : at + 1] and not (char in " \n" and _BREAK.match(raw, at)):
            return
        yield at, at + 1
        fresh = bool(_BREAK.match(raw, at))
        at += 1


def _leading(text: str) -> int:
    """The blanks before the first line that is not empty."""
    lines = (line for line in _BREAK.split(text) if line.strip(" "))
    first = next(lines, "")
    return len(first) - len(first.lstrip(" "))
