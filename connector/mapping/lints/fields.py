"""Checks of the fields that expressions read: of the event, of its lists, of replies and settings.

Jinja has no value for an unknown field, so a misspelt one would never be noticed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin

from connector.call import CALL_FIELDS
from connector.event import EVENT_FIELDS, PARTS
from connector.mapping.chain import ITEM, Chain, whole_chain
from connector.mapping.document import Lint, Loc, Spot
from connector.mapping.expression import Expression
from connector.mapping.lints.marks import of_field, whole
from connector.mapping.schema import MappingFile
from connector.mapping.session import SESSION
from connector.mapping.spelling import closest, near
from connector.portabilling import Part, VDCounterInfo, parts_in


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for reads of unknown fields of the event, a reply or the settings."""
    replies = {call.entry.id for call in mapping.calls if call.entry.id}
    for loc, expression in mapping.expressions:
        problems: dict[str, _Mend] = {}  # by the reason
        for path in sorted(expression.paths):
            known = _fields_of(mapping, loc, path[0], replies)
            if len(path) > 1 and known is not None and path[1] not in known:
                problems |= _unknown(path[:2], known)
            if path == ("tables",) and mapping.tables:
                mend = _Mend("write `tables.NAME[key]`", path)
                problems["a table is chosen by its name only"] = mend
        for chain in sorted(expression.chains):
            problems = _problem(resolved(mapping, loc, chain)) | problems
        if loc[2:3] == ("calls",) and loc[4:] == ("each",):
            problems |= _each(resolved(mapping, loc, whole_chain(expression.source) or ("",)))
        for reason, mend in problems.items():
            mark = of_field(expression.source, mend.chain) if mend.chain else None
            at = Spot(loc, mark or whole(expression.source), mend.write if mark else None)
            yield mapping.document.lint("unknown-field", at, reason, mend.text)


class _Mend(NamedTuple):
    """What to write; the last step of `chain` is wrong, and `write` may be meant."""

    text: str
    chain: Chain = ()
    write: str | None = None


def _unknown(chain: Chain, known: Iterable[str]) -> dict[str, _Mend]:
    *before, field = chain
    text = near(field, known, f"fields: {', '.join(known)}")
    reason = f"`{_shown(tuple(before))}` has no field `{field}`"
    return {reason: _Mend(text, chain, closest(field, known))}


def is_reply(mapping: MappingFile, loc: Loc, name: str) -> bool:
    """Whether a name at `loc` is a reply: that which is judged, or that of an earlier call."""
    own = mapping.system.names_at(loc) if loc[:1] == ("system",) else {}
    if name in own or name == SESSION:
        return False
    return name == "reply" or any(call.entry.id == name for call in mapping.calls)


def _fields_of(
    mapping: MappingFile, loc: Loc, name: str, replies: set[str]
) -> tuple[str, ...] | None:
    """The fields that `name` has at `loc`; None if any field is allowed."""
    own = mapping.system.names_at(loc) if loc[:1] == ("system",) else {}
    if name in own:
        return own[name]
    if name == SESSION:
        return mapping.system.session_fields
    if name in PARTS:
        return tuple(PARTS[name][1].model_fields)
    if name == "reply" or name in replies:
        return mapping.protocol.call_entry.reply_fields
    known = {"event": EVENT_FIELDS, "settings": tuple(mapping.settings)}
    known |= {"call": CALL_FIELDS} if loc[:1] == ("system",) else {}
    known |= {"tables": tuple(mapping.tables)} if mapping.tables else {}
    return known.get(name)


class _Type(NamedTuple):
    """What a chain leads to: a part of the event, a list of parts, or (`part` is None) a value."""

    part: type[Part] | None
    many: bool = False


_ROOTS: Mapping[str, _Type] = {
    **{name: _Type(part) for name, (_, part) in PARTS.items()},
    "counters": _Type(VDCounterInfo, many=True),
}


def resolved(mapping: MappingFile, loc: Loc, chain: Chain, depth: int = 0) -> Chain:
    """The chain from a part of the event; empty if it does not begin with one.

    A value of the mapping stands for the chain that it is, an `item` for one of its list.
    """
    first, *rest = chain
    if first in _ROOTS or depth > len(mapping.values):
        return chain if first in _ROOTS else ()
    source, value = "", mapping.values.get(first)
    if isinstance(value, Expression):
        source = value.source
    elif first == "item" and loc[2:3] == ("calls",):
        each = getattr(mapping.holder(loc).calls[int(loc[3])], "each", None)
        source, rest = (each.source if each else ""), [ITEM, *rest]
    whole = whole_chain(source) if source else ()
    return resolved(mapping, loc, (*whole, *rest), depth + 1) if whole else ()


def _problem(chain: Chain) -> dict[str, _Mend]:
    """Reason and mend of the first step of a chain that does not exist."""
    for end in range(1, len(chain)):
        before, step = chain[:end], chain[end]
        found, shown = end_of(before), _shown(before)
        if found.part is None:
            mend = _Mend(f"remove `.{step}`", chain[: end + 1])
            return {} if step == ITEM else {f"`{shown}` has no fields": mend}
        if found.many and step != ITEM:
            text = f"take an item of it first: `{shown}[0].{step}`"
            return {f"`{shown}` is a list": _Mend(text, chain[: end + 1])}
        if not found.many and step == ITEM:
            return _no_list(shown)
        if step != ITEM and step not in found.part.model_fields:
            return _unknown(chain[: end + 1], found.part.model_fields)
    return {}


def _each(chain: Chain) -> dict[str, _Mend]:
    """Reason and mend if the chain of an `each` does not lead to a list."""
    return {} if not chain or _problem(chain) or end_of(chain).many else _no_list(_shown(chain))


def _no_list(shown: str) -> dict[str, _Mend]:
    return {f"`{shown}` is not a list": _Mend("read a list, or one of its fields")}


def end_of(chain: Chain) -> _Type:
    """What a chain leads to; all its steps must exist."""
    found = _ROOTS[chain[0]]
    for step in chain[1:]:
        if step == ITEM or found.part is None:
            found = found._replace(many=False)
        else:
            found = _type(found.part.model_fields[step].annotation)
    return found


def is_text(chain: Chain) -> bool:
    """True if a chain from a part of the event leads to a field that holds text."""
    if len(chain) < 2 or chain[-1] == ITEM or _problem(chain):
        return False
    part = end_of(chain[:-1]).part
    return part is not None and part.model_fields[chain[-1]].annotation == str | None


def has_fields(chain: Chain) -> bool:
    """True if a chain from a part of the event leads to a part or to a list."""
    found = _Type(None) if not chain or _problem(chain) else end_of(chain)
    return found.part is not None or found.many


def _shown(chain: Chain) -> str:
    return chain[0] + "".join("[0]" if step == ITEM else f".{step}" for step in chain[1:])


def _type(annotation: Any) -> _Type:
    part = next(iter(parts_in(annotation)), None)
    return _Type(part, many=_is_list(annotation))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
