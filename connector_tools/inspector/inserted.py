"""Inserts a test into the text of a mapping file, and touches nothing else of it."""

import re
from typing import Any

import yaml

from connector.mapping.scalar import Loader

_INDENT = 2
_WIDTH = 96


class CannotInsert(Exception):  # noqa: N818 - says what happened
    """The file's `tests` are written in a way that a test cannot be added to."""


class _Dumper(yaml.SafeDumper):
    """Writes lists and quotes as mapping files have them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list below its key."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat a value in place of an alias."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text in double quotes if it needs quotes, in a block if it has lines."""
    style = "|" if "\n" in text.rstrip("\n") and not re.search(r"[ \t]\n|\r", text) else None
    if style is None and not _is_plain(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _is_plain(text: str) -> bool:
    """Whether a text without quotes is this text for the connector's reader, and for all others."""
    if not re.fullmatch(r"[A-Za-z/](?:(?!: | #|\{\{)[^\r\n])*", text) or text[-1] in ": ":
        return False
    return all(
        yaml.load(text, Loader=reader) == text  # noqa: S506 - both build plain values only
        for reader in (Loader, yaml.SafeLoader)
    )


def with_test(text: str, test: dict[str, Any]) -> tuple[str, int, str]:
    """The text with one more test; the line where it begins, and what was inserted.

    Raises:
        CannotInsert: `tests` is written on one line with other tests in it.
    """
    root = yaml.compose(text, Loader=Loader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - the file was checked
    found = next(((key, node) for key, node in root.value if key.value == "tests"), None)
    if found is None:
        added = f"\ntests:\n{_item(test, _INDENT)}"
        base = text if text.endswith("\n") or not text else f"{text}\n"
        return base + added, base.count("\n") + 3, added
    key, node = found
    if node.flow_style:
        return _into_empty(text, key, node, test)
    at, column = _end(text, node), node.value[0].start_mark.column - _INDENT
    blank = "\n" if _are_apart(text, node) else ""
    added = blank + _item(test, max(column, 0))
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return before + added + text[at:], before.count("\n") + 1 + len(blank), added


def _into_empty(
    text: str, key: yaml.Node, node: yaml.Node, test: dict[str, Any]
) -> tuple[str, int, str]:
    if node.value:
        raise CannotInsert("write `tests` as a list with one test below the other first")
    added = f"\n{_item(test, _INDENT)}"
    rest = text[node.end_mark.index :].lstrip(" ").removeprefix("\n")
    before = text[: key.end_mark.index]
    return f"{before}:{added}{rest}", before.count("\n") + 2, added


def _item(test: dict[str, Any], column: int) -> str:
    """The test as an item of a list at this column."""
    dumped = yaml.dump(
        [test], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, indent=_INDENT
    )
    lines = dumped.splitlines()
    first = len(lines[0]) - len(lines[0].lstrip())  # the dumper may indent the list itself
    return "".join(f"{' ' * column}{line[first:]}\n" if line else "\n" for line in lines)


def _end(text: str, node: yaml.Node) -> int:
    """Where the last line with content of a node ends."""
    last = node
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        item = last.value[-1]
        last = item[1] if isinstance(item, tuple) else item
    index = last.end_mark.index
    if isinstance(last, yaml.ScalarNode) and last.style in ("|", ">"):
        index = len(text[:index].rstrip())
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _are_apart(text: str, node: yaml.Node) -> bool:
    """Whether an empty line stands between the tests."""
    if len(node.value) < 2:
        return True
    between = text[node.value[-2].start_mark.index : node.value[-1].start_mark.index]
    return "\n\n" in between
