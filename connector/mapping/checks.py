"""Reads a mapping file and checks it as a whole before it serves.

Each lint has a name, a place, a reason and a mend. An error stops the deployment, not the first
event; a warning is for the author.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from connector.event import EVENT_FIELDS, PARTS
from connector.mapping.document import BadMapping, Document, Lint, Loc, read
from connector.mapping.entry import CallEntry, Entry, used
from connector.mapping.expression import Expression
from connector.mapping.schema import Mapping

_REPLIES = {kind.protocol: kind.reply_fields for kind in CallEntry.__subclasses__()}
_SECTIONS = ("event", "account", "sim", "prev_sim", "policy", "product", "counters", "variables")


def load(path: Path) -> Mapping:
    """Read and check a mapping file, to serve it.

    Raises:
        BadMapping: it has errors; warnings do not stop it.
    """
    mapping, lints = check(path)
    errors = [lint for lint in lints if lint.level == "error"]
    if mapping is None or errors:
        raise BadMapping(errors)
    return mapping


def check(path: Path) -> tuple[Mapping | None, list[Lint]]:
    """Read a mapping file and find all that is wrong with it, in the order of its lines."""
    try:
        document = read(path)
        mapping = Mapping.model_validate(document.data).of(document)
    except BadMapping as bad:
        return None, list(bad.lints)
    except ValidationError as error:
        return None, _ordered(_schema(document, error))
    checks = (_protocols, _names, _fields, _unused, _unreachable, _twice, _repeatable, _guarded)
    return mapping, _ordered(lint for checked in checks for lint in checked(mapping))


def _ordered(lints: Iterable[Lint]) -> list[Lint]:
    return sorted(lints, key=lambda lint: (lint.place.line, lint.place.column, lint.name))


def _schema(document: Document, error: ValidationError) -> Iterator[Lint]:
    """The file does not have the shape of a mapping."""
    found = error.errors(include_url=False, include_input=False)
    for item in found:
        item["loc"] = _in_the_file(item["loc"])
    for item in found:
        loc: Loc = item["loc"]
        where = ".".join(map(str, loc)) or "the file"
        if any(other["loc"][: len(loc)] == loc != other["loc"] for other in found):
            continue  # what is wrong is inside, and told there
        if item["type"] == "extra_forbidden":
            key = str(loc[-1])
            mend = _ELSEWHERE if key in _KEYS else _near(key, _KEYS, "remove it")
            yield document.lint("unknown-key", loc, f"unknown key `{key}`", mend)
        elif item["type"] == "missing":
            yield document.lint("missing-key", loc, f"`{where}` is missing", "add it")
        else:
            reason = _SHAPES.get(item["type"], item["msg"].removeprefix("Value error, "))
            yield document.lint("value", loc, f"`{where}` {reason}", "correct it")


def _in_the_file(loc: Loc) -> Loc:
    """A path without what is no key of the file: that a key is wrong, and a call's protocol."""
    loc = loc[:-1] if loc[-1:] == ("[key]",) else loc
    return (*loc[:4], *loc[5:]) if loc[:1] == ("rules",) and loc[2:3] == ("calls",) else loc


_SHAPES = {
    "model_type": "must have keys and values",
    "dict_type": "must have keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "string_type": "must be text",
    "string_pattern_mismatch": "has characters or a form that it must not have",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
}


def _model_keys(model: type[Entry] = Entry) -> set[str]:
    keys = {info.alias or name for name, info in model.model_fields.items()}
    return keys.union(*(_model_keys(kind) for kind in model.__subclasses__()))


_KEYS = sorted(_model_keys())
_ELSEWHERE = "it belongs to another entry: move or remove it"


def _near(name: str, known: Iterable[str], otherwise: str) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else otherwise


def _protocols(mapping: Mapping) -> Iterator[Lint]:
    """A call of a protocol that the system does not speak."""
    for index, rule in enumerate(mapping.rules):
        for position, call in enumerate(rule.calls):
            if call.protocol != mapping.system.protocol:
                loc: Loc = ("rules", index, "calls", position)
                reason = (
                    f"`{call.method}` is no call to a system that speaks {mapping.system.protocol}"
                )
                mend = f"change the call, or name `{call.protocol}` under `system`"
                yield mapping.document.lint("foreign-call", loc, reason, mend)


def _names(mapping: Mapping) -> Iterator[Lint]:
    """A name that nothing gives a value; Jinja would find it only on the event that uses it."""
    reserved = {*_SECTIONS, "settings", "reply", "item"}
    named: list[tuple[Loc, str]] = [(("values", name), name) for name in mapping.values]
    taken = [(loc, name) for loc, name in named if name in reserved]
    for index, rule in enumerate(mapping.rules):
        for position, call in enumerate(rule.calls):
            loc: Loc = ("rules", index, "calls", position, "id")
            if call.id in reserved | set(mapping.values):
                taken.append((loc, str(call.id)))
    for loc, name in taken:
        reason, mend = f"`{name}` has a meaning already", "choose another name"
        yield mapping.document.lint("reserved-name", loc, reason, mend)
    for loc, expression in mapping.expressions:
        known = _known(mapping, loc)
        for name in sorted(expression.names - known):
            mend = _near(name, known, f"known here: {', '.join(sorted(known))}")
            yield mapping.document.lint("unknown-name", loc, f"unknown name `{name}`", mend)


def _known(mapping: Mapping, loc: Loc) -> set[str]:
    """The names that an expression at this place may read."""
    if loc[:2] == ("system", "replies"):
        return {"settings", "reply"}
    if loc[:1] == ("system",):
        return {"settings"}
    known = {*_SECTIONS, "settings"}
    if loc[0] == "values":
        return known | set(list(mapping.values)[: list(mapping.values).index(str(loc[1]))])
    known |= set(mapping.values)
    if loc[2:3] == ("calls",):
        calls = mapping.rules[int(loc[1])].calls
        position, key = int(loc[3]), loc[4]
        if calls[position].each is not None and key != "each":
            known.add("item")
        if key not in ("subject", "each"):  # both are computed before the first call
            known |= {call.id for call in calls[:position] if call.id}
    return known


def _fields(mapping: Mapping) -> Iterator[Lint]:
    """A field that the event, a reply or the settings do not have."""
    replies = {call.id for rule in mapping.rules for call in rule.calls if call.id}
    for loc, expression in mapping.expressions:
        for path in sorted(expression.paths):
            known = _fields_of(mapping, path[0], replies)
            if len(path) > 1 and known is not None and path[1] not in known:
                reason = f"`{path[0]}` has no field `{path[1]}`"
                mend = _near(path[1], known, f"fields: {', '.join(known)}")
                yield mapping.document.lint("unknown-field", loc, reason, mend)


def _fields_of(mapping: Mapping, name: str, replies: set[str]) -> tuple[str, ...] | None:
    """The fields below a name; None where any may stand."""
    if name in PARTS:
        return tuple(PARTS[name][1].model_fields)
    if name == "reply" or name in replies:
        return _REPLIES[mapping.system.protocol]
    return {"event": EVENT_FIELDS, "settings": tuple(mapping.settings), "counters": ()}.get(name)


def _unused(mapping: Mapping) -> Iterator[Lint]:
    """A value or a setting that nothing reads."""
    names: Counter[str] = Counter()
    settings: set[str] = set()
    for _, expression in mapping.expressions:
        names.update(expression.names)
        settings |= {path[1] for path in expression.paths if path[0] == "settings" and path[1:]}
    for name in mapping.values:
        if not names[name]:
            reason = f"nothing uses the value `{name}`"
            yield _warning(mapping, "unused-value", ("values", name), reason, "remove it")
    for name in mapping.settings:
        if name not in settings:
            reason = f"nothing uses the setting `{name}`"
            yield _warning(mapping, "unused-setting", ("settings", name), reason, "remove it")


def _unreachable(mapping: Mapping) -> Iterator[Lint]:
    """A rule whose events earlier rules take without a condition."""
    taken: dict[str, str] = {}
    for index, rule in enumerate(mapping.rules):
        types = {name.lower() for name in rule.on}
        if types <= set(taken):
            first = taken[min(types)]
            reason = f"`{rule.name}` is never reached: `{first}` takes all its events"
            mend = "put it before that rule, or give that rule a `when`"
            yield mapping.document.lint("unreachable-rule", ("rules", index), reason, mend)
        if rule.when is None:
            taken |= dict.fromkeys(types - set(taken), rule.name)


def _twice(mapping: Mapping) -> Iterator[Lint]:
    """Two rules, tests or calls of one name."""
    named: list[tuple[Loc, list[str | None]]] = [
        (("rules",), [rule.name for rule in mapping.rules]),
        (("tests",), [case.name for case in mapping.tests]),
    ]
    named += [
        (("rules", index, "calls"), [call.id for call in rule.calls])
        for index, rule in enumerate(mapping.rules)
    ]
    for loc, names in named:
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                reason = f"the name `{name}` stands twice"
                mend = "choose another name"
                yield mapping.document.lint("duplicate-name", (*loc, index), reason, mend)


def _repeatable(mapping: Mapping) -> Iterator[Lint]:
    """A call of which nobody said whether sending it twice does harm; any event may come twice."""
    for rule_index, rule in enumerate(mapping.rules):
        for index, call in enumerate(rule.calls):
            loc: Loc = ("rules", rule_index, "calls", index)
            if call.undeclared:
                reason = f"a {call.method.upper()} that may be sent twice"
                mend = "say `idempotent: true` if it sets a state, `false` if it adds something"
                yield _warning(mapping, "undeclared-idempotence", loc, reason, mend)
            if not call.repeatable and not call.undeclared and rule.replay == "apply":
                reason = "a call that must not be repeated, in a rule that replays are applied to"
                mend = "say `replay: never` in the rule"
                yield _warning(mapping, "repeated-call", loc, reason, mend)


def _guarded(mapping: Mapping) -> Iterator[Lint]:
    """Calls that read the account without a word on what to do when it is missing.

    Missing data is not negative data (contract section 4): without `account_info` an account is
    neither closed nor blocked, but `account.bill_status == 'open'` is false all the same.
    """
    for index, rule in enumerate(mapping.rules):
        conditions = [entry.if_ for entry in rule.ignore] + [entry.that for entry in rule.require]
        conditions += [rule.when] if rule.when else []
        if any("account" in _reads(mapping, condition) for condition in conditions):
            continue
        for call_index, call in enumerate(rule.calls):
            if call.when and "account" in _reads(mapping, call.when):
                continue
            loc: Loc = ("rules", index, "calls", call_index)
            if any("account" in _reads(mapping, found) for _, found in used(call)):
                reason = "reads `account`, which may be missing"
                mend = "add to `require`: {that: account, because: account_info is missing...}"
                yield mapping.document.lint("unguarded-account", loc, reason, mend)


def _reads(mapping: Mapping, expression: Expression) -> set[str]:
    """The names that an expression reads, also through values."""
    names = set(expression.names)
    for name in expression.names & set(mapping.values):
        for _, found in used(mapping.values[name]):
            names |= _reads(mapping, found)
    return names


def _warning(mapping: Mapping, name: str, loc: Loc, reason: str, mend: str) -> Lint:
    return mapping.document.lint(name, loc, reason, mend)._replace(level="warning")
