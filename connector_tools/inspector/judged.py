"""Finds the line of the mapping file that decided what a reply means.

`connector.systems.judge` decides; this asks the same entries in the same order which one it was.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from connector.call import CALL_FIELDS, Call
from connector.mapping.document import Loc
from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.reply_rule import ReplyRule, meaning
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Refusal
from connector.system import Reply


def deciding_line(
    mapping: MappingFile, settings: Mapping[str, Any], call: Call, reply: Reply
) -> int | None:
    """The line of the entry of `replies`, `accept` or `expect`; None if none was asked."""
    if not reply.seen:
        return None
    loc = _deciding(mapping, settings, call, reply)
    return mapping.document.place(loc).line if loc else None


def _deciding(
    mapping: MappingFile, settings: Mapping[str, Any], call: Call, reply: Reply
) -> Loc | None:
    if call.meaning and _says(call.meaning, reply) and call.loc:
        return _own(mapping, call, reply)
    if found := _of_system(mapping, settings, call, reply):
        return found
    if reply.outcome is Outcome.APPLIED:
        accepts = getattr(call, "accept", ())
        return (*call.loc, "accept") if set(accepts) & _values(reply) and call.loc else None
    if call.objection and _says(call.objection, reply) and call.loc:
        return (*call.loc, "expect")
    return None


def _own(mapping: MappingFile, call: Call, reply: Reply) -> Loc:
    """The entry of the call's own `replies`; the list if the entry reads more than the reply."""
    entry: Any = entry_at(mapping, call.loc)
    for index, rule in enumerate(getattr(entry, "replies", ()) or ()):
        if _says(partial(_meant, rule, Scope(reply=reply.seen)), reply):
            return (*call.loc, "replies", index)
    return (*call.loc, "replies")


def _of_system(
    mapping: MappingFile, settings: Mapping[str, Any], call: Call, reply: Reply
) -> Loc | None:
    about = {name: getattr(call, name) for name in CALL_FIELDS}
    for index, rule in enumerate(mapping.system.replies):
        scope = Scope(settings=settings, reply=reply.seen, call=about)
        if _says(partial(_meant, rule, scope), reply):
            return ("system", "replies", index)
    return None


def _meant(rule: ReplyRule, scope: Scope, _: object) -> object:
    return meaning((rule,), scope)


def _says(ask: Callable[[Any], object], reply: Reply) -> bool:
    """Whether an entry says something about a reply, or fails on it."""
    try:
        return ask(reply.seen) is not None
    except (EvaluationError, Refusal):
        return True
    except (KeyError, TypeError):  # it reads more than the reply
        return False


def _values(reply: Reply) -> set[object]:
    return {value for value in reply.seen.values() if isinstance(value, str | int)}


def entry_at(mapping: MappingFile, loc: Loc) -> object:
    """The entry at a path of the file; None if there is none."""
    found: Any = mapping
    for step in loc:
        if isinstance(step, int) and isinstance(found, tuple | list) and step < len(found):
            found = found[step]
        elif isinstance(found, dict):
            found = found.get(step)
        else:
            found = getattr(found, str(step), None)
        if found is None:
            return None
    return found
