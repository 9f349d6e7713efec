"""Where a name of a mapping file is defined."""

from pathlib import Path
from typing import Any, NamedTuple

from connector.mapping.document import Loc
from connector_tools.language_server.cursor import Cursor
from connector_tools.language_server.hover import word_at


class Target(NamedTuple):
    """A path in the same file, or another file."""

    loc: Loc = ()
    file: Path | None = None


def definition(cursor: Cursor, path: Path) -> Target | None:
    """What defines the name at the cursor; `path` is the mapping file. None if nothing does."""
    if not cursor.is_key and cursor.loc[-1:] == ("block",):
        return _in_section(cursor.data, "blocks", cursor.text)
    if not cursor.is_key and cursor.loc[-1:] == ("event",) and cursor.loc[0] != "values":
        file = path.parent / cursor.text
        return Target(file=file) if file.is_file() else None
    word = word_at(cursor)
    return _of_chain(cursor, word.chain) if word and not word.function else None


def _of_chain(cursor: Cursor, chain: tuple[str, ...]) -> Target | None:
    if not chain:
        return None
    first, *rest = chain
    if first in ("settings", "tables") and rest:
        return _in_section(cursor.data, first, rest[0])
    for section in ("values", "resources", "settings", "tables"):
        if found := _in_section(cursor.data, section, first):
            return found
    return _of_call(cursor.data, cursor.loc, first)


def _in_section(data: Any, section: str, name: str) -> Target | None:
    found = data.get(section) if isinstance(data, dict) else None
    return Target((section, name)) if isinstance(found, dict) and name in found else None


def _of_call(data: Any, loc: Loc, name: str) -> Target | None:
    """The call with this id, or the `let` with this name, in the same list of calls."""
    calls = data
    for step in (*loc[:2], "calls"):
        try:
            calls = calls[step]
        except (KeyError, IndexError, TypeError):
            return None
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and call.get("id") == name:
            return Target((*loc[:2], "calls", index, "id"))
        if isinstance(call, dict) and name in (call.get("let") or {}):
            return Target((*loc[:2], "calls", index, "let", name))
    return None
