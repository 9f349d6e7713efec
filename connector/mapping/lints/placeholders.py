"""Texts that look like something that is computed, and are sent as they are.

Authors know other tools: `${NAME}` of a shell, `{name}` of a template, `/:id` of a router, `yes` of
another YAML. Here only `=` and `{{ }}` compute. docs/lints.md says how to send such a text itself.
"""

import re
from collections.abc import Iterator

from connector.event import EVENT_FIELDS, PARTS
from connector.mapping.document import VALUE, Lint, Loc, Mark, Spot
from connector.mapping.entry import leaves
from connector.mapping.expression import Constant, Text, Value
from connector.mapping.lints.marks import whole
from connector.mapping.lints.mistakes import is_expression
from connector.mapping.schema import MappingFile

_PARTS = "|".join([*PARTS, "event", "variables", "settings", "item", "reply"])
_TEMPLATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"[$#]\{\s*([\w.]+)\s*\}",  # a shell, JavaScript, Ruby
        r"<%=?\s*([\w.]+)\s*%>",
        r"%\((\w+)\)s",
        rf"(?<![{{$#])\{{\s*((?:{_PARTS})\.\w+)\s*\}}(?!\}})",
    )
)
_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]+)")
_SEGMENT = re.compile(r"(?<=/)(?::([a-z_]\w*)|\{([a-z_]\w*)\}|<([a-z_]\w*)>)(?=[/?]|$)")
_PROSE = frozenset(("because", "name", "summary", "on"))
_WORDS = {
    **dict.fromkeys(("yes", "on", "y"), "true"),
    **dict.fromkeys(("no", "off", "n"), "false"),
    **dict.fromkeys(("none", "nil", "undefined"), "=none"),
}


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for placeholders of other tools, and for words that are no value here."""
    for loc, value in leaves({"system": mapping.system, **mapping.own}):
        if not _PROSE.isdisjoint(loc[-1:]):
            continue
        for source, at in _literals(value, loc):
            yield from _placeholders(mapping, at, source)
            yield from _spaced(mapping, at, source)
            yield from _word(mapping, at, source)


def _literals(value: Value, loc: Loc) -> Iterator[tuple[str, Loc]]:
    """Yield each text of the file that is not an expression, with its path."""
    if isinstance(value, Text):
        yield value.source, loc
    elif isinstance(value, Constant):
        yield from _inside(value.value, loc)


def _inside(value: object, loc: Loc) -> Iterator[tuple[str, Loc]]:
    if isinstance(value, str):
        yield value, loc
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _inside(item, (*loc, key))


def _placeholders(mapping: MappingFile, loc: Loc, source: str) -> Iterator[Lint]:
    """Yield a lint for the first placeholder in a text."""
    found = next(filter(None, (known.search(source) for known in _TEMPLATES)), None)
    found = found or _VARIABLE.fullmatch(source)
    if found is None and source.startswith("/"):
        found = _SEGMENT.search(source)
    if found is None:
        return
    named = next(filter(None, found.groups()))
    meant = _meant(mapping, named)
    alone = found[0] == source and not source.startswith("/")
    write = (f"={meant}" if alone else f"{{{{ {meant} }}}}") if meant else None
    mend = f"write `{write}`" if write else _HOW
    at = Spot(loc, Mark(source, *found.span()), write, guess=False)
    reason = f"`{found[0]}` is sent as text: only `=` and {{{{ }}}} compute"
    yield mapping.document.lint("placeholder", at, reason, mend)


_HOW = "read a field of the event (`{{ sim.imsi }}`) or a setting (`=settings.NAME`)"


def _meant(mapping: MappingFile, named: str) -> str | None:
    """The expression that a placeholder may mean; None if nothing has its name."""
    part, _, field = named.partition(".")
    if field:
        return named if _has_field(part, field) or field in mapping.settings else None
    by_variable = {one.variable: name for name, one in mapping.settings.items()}
    if named in by_variable:
        return f"settings.{by_variable[named]}"
    if named in mapping.settings:
        return f"settings.{named}"
    if named in mapping.values:
        return named
    owners = [part for part in ("event", "account", "sim") if _has_field(part, named)]
    return f"{owners[0]}.{named}" if owners[:1] == ["event"] or len(owners) == 1 else None


def _has_field(part: str, field: str) -> bool:
    if part == "event":
        return field in EVENT_FIELDS
    return part in PARTS and field in PARTS[part][1].model_fields


def _spaced(mapping: MappingFile, loc: Loc, source: str) -> Iterator[Lint]:
    """Yield a lint for an expression without `=` under `system`, and for one after a blank."""
    bare = source.strip()
    if bare.startswith("=") and source != bare and "{{" not in source:
        at = Spot(loc, VALUE, f'"{bare}"' if '"' not in bare else None, guess=False)
        reason = "a blank stands before `=`, so this is sent as text"
        yield mapping.document.lint("missing-equals", at, reason, "remove the blank")
    elif loc[0] == "system" and is_expression(mapping, loc, source):
        at = Spot(loc, whole(source), f"={source}", guess=False)
        mend = f"write `={source}`"
        yield mapping.document.lint("missing-equals", at, f"`{source}` is used as text", mend)


def _word(mapping: MappingFile, loc: Loc, source: str) -> Iterator[Lint]:
    """Yield a warning for a word without quotes that other readers of YAML take for a value."""
    meant = _WORDS.get(source.lower())
    if meant is None or loc[0] in ("system", "resources") or mapping.document.spans.style(loc):
        return
    if mapping.document.spans.written(loc) != source:
        return
    mend = f'write {meant}, or put it in quotes if you mean the text: "{source}"'
    found = mapping.document.lint("word", Spot(loc, VALUE), f"`{source}` is text here", mend)
    yield found._replace(level="warning")
