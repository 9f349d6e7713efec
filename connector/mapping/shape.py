"""The lints of a file that does not match the schema.

`connector.mapping.load` asks for them. They say what is allowed at a place: the models know it.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector.mapping.document import VALUE, Document, Lint, Loc, Mark, Spot
from connector.mapping.entry import NAME, Entry
from connector.mapping.keys import entry_at, homes, keys_of
from connector.mapping.protocol import PROTOCOLS, installed, protocol
from connector.mapping.quoting import Bare, balanced, bare_values
from connector.mapping.rule import EVENT_TYPE
from connector.mapping.schema import FILE_NAME
from connector.mapping.spelling import closest
from connector.mapping.syntax import unquoted_lint

_KEY = "key: "  # before the type of an error that is about a key, not about its value


class _Mend(NamedTuple):
    """Why a value is wrong, what to write, and the text that can stand in its place."""

    reason: str
    mend: str
    write: str | None = None
    guess: bool = True


def shape_lints(document: Document, error: ValidationError) -> Iterator[Lint]:
    """Yield the lints of a file that does not match the schema."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        if item["loc"][-1:] == ("[key]",):
            item["loc"], item["type"] = item["loc"][:-1], f"{_KEY}{item['type']}"
        item["loc"] += getattr(item.get("ctx", {}).get("error"), "at", ())
        if item["loc"][-1:] == (0,) and not isinstance(_data(document, item["loc"][:-1]), list):
            item["loc"] = item["loc"][:-1]  # one value in place of a list with one item
    meant = {(*item["loc"][:-1], near) for item in found if (near := _meant_key(document, item))}
    for item in found:
        loc: Loc = item["loc"]
        if any(other["loc"][: len(loc)] == loc != other["loc"] for other in found):
            continue  # an outer error: the inner says more
        if item["type"] != "missing" or loc not in meant:  # its name is only misspelt
            yield _lint(document, item)


def _lint(document: Document, item: ErrorDetails) -> Lint:
    loc: Loc = item["loc"]
    if item["type"] == "extra_forbidden":
        return _unknown_key(document, item)
    if item["type"] == "foreign_call":
        mend = f"change the call, or name `{item['ctx']['other']}` under `system`"
        return document.lint("foreign-call", loc, item["msg"], mend)
    if item["type"] == "missing":
        return document.lint("missing-key", loc, f"{shown(loc)} is missing", f"add `{loc[-1]}`")
    cut = _cut_short(document, loc)
    if cut:
        return cut
    found = _value(document, item)
    mark = None if item["type"].startswith(_KEY) else _mark(document, item)
    spot = Spot(loc, mark, found.write, found.guess)
    said = f" {found.reason}" if found.reason.startswith(_VERBS) else f": {found.reason}"
    return document.lint("value", spot, f"{shown(loc)}{said}", found.mend)


_VERBS = ("must", "needs", "has", "is ", "cannot")


def shown(loc: Loc) -> str:
    """A path as people say it: from the last item of a list on, or the whole path.

    It is in backticks: `` `json.status` ``, `` an item of `calls` ``.
    """
    steps: list[str] = []
    for step in reversed(loc):
        if isinstance(step, int) and steps:
            break
        if not isinstance(step, int):
            steps.insert(0, step)
    path = f"`{'.'.join(steps)}`" if steps else "the file"
    return f"an item of {path}" if loc and isinstance(loc[-1], int) else path


def _data(document: Document, loc: Loc) -> Any:
    found = document.data
    for step in loc:
        try:
            found = found[step]
        except (LookupError, TypeError):
            return None
    return found


def _meant_key(document: Document, item: ErrorDetails) -> str | None:
    """The key that an unknown one may mean: one that is allowed there and not used yet."""
    if item["type"] != "extra_forbidden":
        return None
    *before, key = item["loc"]
    entry, taken = entry_at(document.data, tuple(before)), _data(document, tuple(before)) or ()
    free = [one for one in keys_of(entry) if one not in taken] if entry else []
    elsewhere = next(homes(document.data, str(key)), None)
    return closest(str(key), free, 0.8 if elsewhere else 0.65)


def _unknown_key(document: Document, item: ErrorDetails) -> Lint:
    loc: Loc = item["loc"]
    key, before = str(loc[-1]), loc[:-1]
    meant, reason = _meant_key(document, item), f"unknown key `{key}`"
    if not key.isprintable():
        mend = "it has a character that nobody sees: type the key and the blanks before it again"
        return document.lint("unknown-key", loc, reason, mend)
    if advice := _elsewhere(key, entry_at(document.data, before)):
        return document.lint("unknown-key", loc, reason, advice)
    if meant:
        spot = Spot(loc, None, meant)
        return document.lint("unknown-key", spot, reason, f"did you mean `{meant}`?")
    home = _home(document, before, key)
    entry = entry_at(document.data, before)
    allowed = f"allowed here: {', '.join(keys_of(entry))}" if entry else "remove it"
    other = next((one for one in installed() if key in _all_keys(one)), None)
    if home:
        mend = f"it belongs under `{home}`: move or remove it; {allowed}"
    elif other:
        mend = f"it belongs to the protocol `{other}`: remove it; {allowed}"
    else:
        mend = allowed
    return document.lint("unknown-key", loc, reason, mend)


def _elsewhere(key: str, entry: type[Entry] | None) -> str | None:
    """What to write in place of a key that other tools have; None if it is not one of theirs."""
    keys = keys_of(entry) if entry else ()
    for theirs, beside, advice in _THEIRS:
        if key.lower() in theirs and beside in keys:
            return f"{advice}; allowed here: {', '.join(keys)}"
    return None


_RETRIES = (
    "leave it out: what may be repeated is repeated by itself "
    "(docs/mapping.md#replies-retries-and-limits)"
)
_THEIRS = (
    (("method", "path", "url"), "patch", "write the method as the key: `put: /path`"),
    (("body", "data", "payload"), "json", "write `json`, `form`, `text` or `xml`"),
    (("retry", "retries", "max_retries", "attempts"), "timeout", _RETRIES),
    (("retry", "retries", "max_retries", "attempts"), "idempotent", _RETRIES),
)
"""Keys of other tools, a key that the entry must have for them to mean this, and what to write."""


def _home(document: Document, before: Loc, key: str) -> str | None:
    """The place where a key belongs, the nearest one; None if there is none."""
    if key in PROTOCOLS:
        return "system"
    here = [step for step in before if isinstance(step, str)]

    def shared(home: str) -> int:
        pairs = zip(home.split("."), here, strict=False)
        return sum(1 for one, other in pairs if one == other)

    return max(homes(document.data, key), key=shared, default=None)


def _all_keys(name: str) -> set[str]:
    """The keys of the entries of a protocol."""
    room = protocol(name)
    kinds = (room.system_entry, room.call_entry, room.scripted_reply, room.expected_call)
    return {key for kind in kinds for key in keys_of(kind)}


def _cut_short(document: Document, loc: Loc) -> Lint | None:
    """The lint of a value that YAML ends at a comma or a comment in the middle of it."""
    value = _data(document, loc)
    if not isinstance(value, str) or balanced(value) or document.spans.style(loc):
        return None
    span = document.spans.value(loc)
    line = document.text.split("\n")[span.start.line - 1]
    start = span.start.column - 1
    for found in bare_values(line, start):
        if found.start == start and len(found.text) > len(value):
            return unquoted_lint(document.path, span.start.line, found)
    whole = line[start:].rstrip()
    if balanced(whole) and " #" in whole:
        return unquoted_lint(document.path, span.start.line, Bare(start, whole))
    return None


def _mark(document: Document, item: ErrorDetails) -> Mark | None:
    """The part of an expression that is wrong, if the message says which; else the value."""
    value, error = _data(document, item["loc"]), item.get("ctx", {}).get("error")
    at = getattr(error, "char", None)
    if isinstance(value, str) and at is not None and at < len(value):
        return Mark(value, at, at + 1)
    named = getattr(error, "named", None)
    if isinstance(value, str) and named and (found := re.search(rf"\b{named}\b", value)):
        return Mark(value, *found.span())
    return VALUE if not isinstance(value, dict | list) and value is not None else None


# What is wrong


def _value(document: Document, item: ErrorDetails) -> _Mend:
    """Why a value does not match the schema, and what to write."""
    context, kind = item.get("ctx", {}), item["type"].removeprefix(_KEY)
    value = item["loc"][-1] if kind != item["type"] else _data(document, item["loc"])
    if item["loc"][-1:] == ("rate_limit",):
        return _rate(value)
    if kind == "string_pattern_mismatch":
        return _form(context["pattern"], str(value))
    if kind in ("enum", "literal_error"):
        return _one_of(_REPR.sub(r"\1", context["expected"]), value)
    for limit, said in (("ge", "or more"), ("le", "or less"), ("gt", "at least, and more")):
        if limit in context:
            return _Mend(f"must be {context[limit]} {said}", f"write {context[limit]} {said}")
    if kind in _SHAPES:
        return _shape(document, item["loc"], kind, value)
    return _said(item["msg"].removeprefix("Value error, "), value)


def _rate(value: object) -> _Mend:
    found = re.match(r"([1-9][0-9]{0,5})\s*(/|per|$)\s*(s\b|sec|$)", str(value))
    meant = f"{found[1]}/s" if found else "20/s"
    write = meant if found else None
    return _Mend("must be requests per second", f"write it as {meant}", write, guess=False)


def _form(pattern: str, value: str) -> _Mend:
    """Why a text does not match a pattern of the schema."""
    if pattern == EVENT_TYPE and re.search(r"[\w/]+\s*[,;]\s*[\w/]+", value):
        meant = f"[{', '.join(re.split(r'[,; ]+', value.strip()))}]"
        return _Mend(_FORMS[pattern], f"write {meant}", meant, guess=False)
    sign = {FILE_NAME: "-", NAME: "_"}.get(pattern)
    meant = re.sub(r"[^a-z0-9]+", sign or "_", value.lower()).strip("-_0123456789")
    if sign and meant:
        return _Mend(_FORMS[pattern], f"write {meant}", meant)
    mend = "name event types as the handler sends them" if pattern == EVENT_TYPE else _LETTERS
    return _Mend(_FORMS.get(pattern, _SHAPES["string_pattern_mismatch"]), mend)


def _one_of(expected: str, value: object) -> _Mend:
    names = re.findall(r"'(\w+)'", expected)
    meant = closest(str(value), names) if isinstance(value, str) else None
    mend = f"did you mean `{meant}`?" if meant else "write one of them"
    return _Mend(f"must be {expected}", mend, meant)


def _shape(document: Document, loc: Loc, kind: str, value: object) -> _Mend:
    reason, mend, write = _SHAPES[kind], "", None
    if kind in ("model_type", "dict_type"):
        entry = entry_at(document.data, loc)
        mend = f"keys: {', '.join(keys_of(entry))}" if entry else "write `key: value` in each line"
    elif kind in ("tuple_type", "list_type"):
        written = document.spans.value(loc)
        one = not isinstance(value, dict | list) and written.start.line == written.end.line
        write = f"[{value}]" if one and value is not None else None
        mend = f"write {write}" if write else "begin each item with `- `"
    elif kind == "string_type":
        write = f'"{value}"' if isinstance(value, int | float) else None
        mend = "put it in quotes" if write else "write text"
    elif kind.startswith("int"):
        write = value if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]*", value) else None
        mend = f"write {write} without quotes" if write else "write digits, without quotes"
    else:
        mend = _MENDS[kind]
    return _Mend(reason, mend, write, guess=False)


_ADVICE = re.compile(r"(?s)(.+)[:;] ((?:write|use|close|did you|put|add|remove|name|keep)\b.*)")
_BEGINS = (
    ("must not be given", "remove it"),
    ("must not", "remove that"),
    ("must be", "write"),
    ("must have", "write"),
    ("needs exactly one of", "write one of them"),
    ("needs either", "write one of them"),
    ("needs", "add"),
    ("has more than one of", "keep one of them"),
    ("has", "keep one of them"),
)


def _said(reason: str, value: object) -> _Mend:
    """The reason that an entry of the file gives itself, and the mend that it names or means."""
    found = _ADVICE.fullmatch(reason)
    if found:
        return _Mend(found[1], found[2])
    if "path that starts with /" in reason:
        return _path(reason, value)
    for begin, verb in _BEGINS:
        if reason.startswith(begin):
            rest = reason.removeprefix(begin)
            return _Mend(reason, verb if " " in verb else f"{verb}{rest.partition(':')[0]}")
    known = "filters" if "filter" in reason else "tests"
    listed = f"docs/mapping.md lists the {known}"
    return _Mend(reason, listed if "has the name" in reason else "complete the expression")


def _path(reason: str, value: object) -> _Mend:
    if isinstance(value, str) and "://" in value:
        return _Mend(reason, "write the path alone: the rest of the URL belongs to `base_url`")
    write = f"/{value}" if isinstance(value, str) and not value.startswith("=") else None
    mend = f"write {write}" if write else 'put it in text: "/{{ ... }}"'
    return _Mend(reason, mend, write, guess=False)


_REPR = re.compile(r"<\w+\.\w+: ('\w+')>")  # of a value of an enumeration
_LETTERS = "write letters, digits, _ and - only"
_FORMS = {
    NAME: "must have only lower-case letters, digits and _, and begin with a letter",
    FILE_NAME: "must have only lower-case letters, digits and -, and begin with a letter",
    EVENT_TYPE: "must be one event type, such as SIM/Updated; write several as a list",
}
_SHAPES = {
    "model_type": "must have keys and values",
    "dict_type": "must have keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "string_type": "must be text",
    "string_pattern_mismatch": "has a form or characters that are not allowed",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
}
_MENDS = {
    "too_short": "add an item",
    "bool_type": "write true or false, without quotes",
    "bool_parsing": "write true or false, without quotes",
    "float_type": "write a number without quotes",
}
