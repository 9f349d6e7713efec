"""Checks of `resources`: which names each key reads, and what a rule needs of them."""

from collections.abc import Iterable, Iterator

from connector.mapping.document import Lint, Loc
from connector.mapping.entry import used
from connector.mapping.expression import Constant, Tree, Value, expressions
from connector.mapping.resource import Resource
from connector.mapping.schema import MappingFile
from connector.mapping.session import SESSION
from connector.mapping.spelling import near

READS: dict[str, frozenset[str]] = {
    "read": frozenset(),
    "absent": frozenset(("reply",)),
    "found": frozenset(("reply",)),
    "list": frozenset(("reply", "item")),
    "require": frozenset(("found",)),
    "want": frozenset(),
    "released": frozenset(),
    "makes": frozenset(("want",)),
    "create": frozenset(("want",)),
    "exists": frozenset(("reply", "want")),
    "change": frozenset(("found", "want", "changed")),
    "set": frozenset(("found", "want", "changed")),
    "remove": frozenset(("found",)),
    "gone": frozenset(("reply", "found", "want")),
}
"""The names that expressions under each key read besides the event, the parameters and the
resources above."""

CALLS = ("read", "create", "change", "set", "remove")
"""The keys whose expressions are sent, and so can read a session."""

RESERVED = frozenset(("found", "want", "changed"))
"""Names of resources; no value of the file can have them."""


def known_names(mapping: MappingFile, loc: Loc) -> set[str]:
    """The names that an expression at `loc` in `resources` reads besides those of the event."""
    name, key = str(loc[1]), str(loc[2])
    order = list(mapping.resources)
    above = order[: order.index(name)]
    replied = {"reply"} if {"replies", "expect"} & set(loc[3:6]) else set()
    if key == "list":
        return _names_of_list(mapping, loc)
    sent = key in CALLS and not replied and mapping.system.session_fields is not None
    names = {*mapping.resources[name].of, *above, *READS[key], *replied}
    return names | {SESSION} if sent else names


def _names_of_list(mapping: MappingFile, loc: Loc) -> set[str]:
    """The names that an expression under `list` reads: it is for no SIM, so without parameters."""
    if loc[3] != "read" or {"replies", "expect", "pages"} & set(loc[4:6]):
        return {*READS["list"]}
    return set() if mapping.system.session_fields is None else {SESSION}


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for resources that no rule can use, and for what they lack."""
    for loc, name in resource_names(mapping):
        if name in mapping.values or name in RESERVED:
            reason, mend = f"`{name}` has a meaning already", "choose another name"
            yield mapping.document.lint("reserved-name", loc, reason, mend)
    for name in sorted(RESERVED & mapping.values.keys()) if mapping.resources else ():
        reason, mend = f"`{name}` has a meaning in `resources`", "choose another name"
        yield mapping.document.lint("reserved-name", ("values", name), reason, mend)
    for name, entry in mapping.resources.items():
        yield from _fields(mapping, name, entry)
        yield from _calls(mapping, name, entry)
        if not any(entry in _held(mapping, [given]) for _, given in _given(mapping)):
            reason, mend = f"no rule uses the resource `{name}`", "hold it in a rule, or remove it"
            lint = mapping.document.lint("unused-resource", ("resources", name), reason, mend)
            yield lint._replace(level="warning")
    for loc, given in _given(mapping):
        yield from _parameters(mapping, loc, given)


def resource_names(mapping: MappingFile) -> Iterator[tuple[Loc, str]]:
    """Yield the names of the resources and of their parameters, with their paths."""
    for name, entry in mapping.resources.items():
        yield ("resources", name), name
        for index, parameter in enumerate(entry.of):
            yield ("resources", name, "of", index), parameter


def _given(mapping: MappingFile, *verbs: str) -> Iterator[tuple[Loc, dict[str, Value]]]:
    """Yield the parameters of each `hold`, `release` and `remove`, with their path."""
    for index, rule in enumerate(mapping.rules):
        for verb in verbs or ("release", "remove", "hold"):
            for number, given in enumerate(getattr(rule, verb)):
                yield ("rules", index, verb, number), given


def _held(mapping: MappingFile, given: Iterable[dict[str, Value]]) -> list[Resource]:
    return [entry for one in given for _, entry in mapping.held(one)]


def _parameters(mapping: MappingFile, loc: Loc, given: dict[str, Value]) -> Iterator[Lint]:
    """Yield lints for parameters that no resource takes."""
    taken = {name for entry in _held(mapping, [given]) for name in entry.of}
    known = {name for entry in mapping.resources.values() for name in entry.of}
    for name, value in given.items():
        if not expressions(value):
            reason, mend = f"`{name}` is the same for every event", "read it from the event"
            yield mapping.document.lint("constant", (*loc, name), reason, mend)
    for name in sorted(given.keys() - taken):
        mend = near(name, known, f"parameters: {', '.join(sorted(known)) or 'none'}")
        reason = f"no resource takes the parameter `{name}`"
        if name in known:
            reason, mend = f"no resource takes `{name}` alone", "give all parameters of its `of`"
        yield mapping.document.lint("unknown-parameter", (*loc, name), reason, mend)


def _fields(mapping: MappingFile, name: str, entry: Resource) -> Iterator[Lint]:
    """Yield lints for fields that are compared or set but not owned, and the other way round."""
    owned = _owned(entry.want) | _owned(entry.released)
    if not owned:
        return  # an expression decides
    loc: Loc = ("resources", name)
    for key, named in (("fields", entry.fields), ("set", entry.set_)):
        for field in sorted(named.keys() - owned):
            reason = f"`want` does not own the field `{field}`"
            mend = near(field, owned, f"owned fields: {', '.join(sorted(owned))}")
            yield mapping.document.lint("unknown-field", (*loc, key, field), reason, mend)
    never = {field for field, how in entry.fields.items() if how.compare == "never"}
    for field in sorted(owned - entry.set_.keys() - never) if entry.set_ else ():
        reason, mend = f"`set` has no call for the field `{field}`", "add one"
        yield mapping.document.lint("missing-call", (*loc, "set"), reason, mend)


def _owned(value: Value | None) -> set[str]:
    """The fields that an object of the file names; none if an expression makes it."""
    if isinstance(value, Tree):
        return set(value.keys or ())
    return set(value.value) if isinstance(value, Constant) else set()


def _calls(mapping: MappingFile, name: str, entry: Resource) -> Iterator[Lint]:
    """Yield lints for what the rules ask of a resource that it does not say."""
    loc: Loc = ("resources", name)

    def asked(verb: str) -> bool:
        return any(entry in _held(mapping, [given]) for _, given in _given(mapping, verb))

    if asked("release") and entry.want is not None and entry.released is None:
        reason = "a rule releases it, but nothing says what is wanted then"
        mend = "add `released`: =none for absent, or the fields of a barred SIM"
        yield mapping.document.lint("missing-released", loc, reason, mend)
    none = [key for key in ("want", "released") if _is_none(getattr(entry, key))]
    if none and entry.remove is None:
        reason, mend = f"`{none[0]}` can be none, but no call removes it", "add `remove`"
        yield mapping.document.lint("missing-call", (*loc, none[0]), reason, mend)
    if asked("hold") and not (entry.change or entry.set_) and _owned(entry.want):
        reason, mend = "no call changes it", "add `change` or `set`"
        yield mapping.document.lint("missing-call", loc, reason, mend)


def _is_none(value: Value | None) -> bool:
    """True if the whole value is, or can be, none: `=none`, `={...} if open else none`."""
    return any(
        one.source.removeprefix("=").strip() == "none" or one.source.rstrip().endswith("else none")
        for place, one in used(value)
        if not place
    )
