"""Checks that the schema cannot express: names, reachability, repetition.

Each lint has a name, a place, a reason and a mend (what to do). Errors stop the deployment, before
any event comes; warnings do not stop it. docs/lints.md explains each lint.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from connector.mapping import omit
from connector.mapping.between import LetEntry, names_of
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Lint, Loc, Spot
from connector.mapping.entry import used
from connector.mapping.expression import EvaluationError, Expression, Scope
from connector.mapping.lints.marks import of_name, of_pattern
from connector.mapping.lints.resource_checks import known_names, resource_names
from connector.mapping.pattern import BadPattern, compiled
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.mapping.session import SESSION
from connector.mapping.spelling import closest, near

SECTIONS = ("event", "account", "sim", "prev_sim", "policy", "product", "counters", "variables")
"""The names from the event that every expression of a rule can read."""


def _names(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for reserved names that the file defines and unknown names that it reads.

    Jinja would report an unknown name only when an event reaches its expression.
    """
    reserved = {*SECTIONS, "settings", "reply", "item", omit.NAME, *_own(mapping)}
    named: list[tuple[Loc, str]] = [(("values", name), name) for name in mapping.values]
    named += resource_names(mapping)
    taken = [(loc, name) for loc, name in named if name in reserved]
    taken += [(loc, name) for loc, name in _given(mapping) if name in reserved | {*mapping.values}]
    for loc, name in taken:
        reason, mend = f"`{name}` has a meaning already", "choose another name"
        yield mapping.document.lint("reserved-name", loc, reason, mend)
    for loc, expression in mapping.expressions:
        known = names_at(mapping, loc)
        for name in sorted(expression.names - known):
            otherwise = f"known here: {', '.join(sorted(known))}"
            meant = _MEANT.get(name.lower())
            mend = f"write `{meant}`" if meant else near(name, known, otherwise)
            at = Spot(
                loc, of_name(expression.source, name), meant or closest(name, known), not meant
            )
            yield mapping.document.lint("unknown-name", at, f"unknown name `{name}`", mend)


def _own(mapping: MappingFile) -> set[str]:
    """The names that mean something because the file has what they stand for."""
    own = {"tables"} if mapping.tables else set()
    return own | ({SESSION} if mapping.system.session_fields is not None else set())


def _given(mapping: MappingFile) -> Iterator[tuple[Loc, str]]:
    """Yield the names that calls, `let` and the parameters of blocks have, with their places."""
    for loc, holder in mapping.holders:
        for position, entry in enumerate(holder.calls):
            key = "let" if isinstance(entry, LetEntry) else "id"
            for name in names_of([entry]):
                yield (*loc, "calls", position, key), name
    for block, found in mapping.blocks.items():
        for position, name in enumerate(found.of):
            yield ("blocks", block, "of", position), name


_MEANT = {
    **dict.fromkeys(("null", "nil", "undefined"), "none"),
    **dict.fromkeys(("yes", "on"), "true"),
    **dict.fromkeys(("no", "off"), "false"),
}


def names_at(mapping: MappingFile, loc: Loc) -> set[str]:
    """The names that an expression at `loc` may read."""
    if loc[:2] == ("system", "replies"):
        return {"settings", "reply", "call"}
    if loc[:1] == ("system",):
        return {"settings", *mapping.system.names_at(loc)}
    known = {*SECTIONS, "settings", *_own(mapping) - {SESSION}}
    if loc[0] == "values":
        return known | set(list(mapping.values)[: list(mapping.values).index(str(loc[1]))])
    known |= set(mapping.values)
    if loc[0] == "blocks":
        known |= set(mapping.blocks[str(loc[1])].of)
    if loc[0] == "resources":
        return known | known_names(mapping, loc)
    if loc[2:3] == ("calls",):
        calls = mapping.holder(loc).calls
        position, key = int(loc[3]), loc[4]
        if getattr(calls[position], "each", None) is not None and key != "each":
            known.add("item")
        if key not in ("subject", "each"):  # both are computed before the first call
            known |= set(names_of(calls[:position]))
        if key in ("replies", "expect", "pages"):
            known.add("reply")
        elif key not in ("subject", "each", "when") and mapping.system.session_fields is not None:
            known.add(SESSION)  # what is sent, not whether and about whom
    return known


def _patterns(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for patterns that cannot be compiled, and for patterns that data decides."""
    for loc, expression in mapping.expressions:
        for pattern in expression.patterns:
            reads, known = _reads(mapping, pattern), names_at(mapping, loc)
            data = reads & known - set(mapping.values) - {"settings", "tables"}
            loose = _loose_settings(mapping, pattern, reads)
            reason, mend = "", "write a regular expression without look-around and references"
            if data:
                reason = f"data (`{min(data)}`) decides the pattern"
                mend = "write the pattern into the file or into a setting, or use `==` or `in`"
            elif loose:
                reason = f"the setting `{min(loose)}` is not checked, but it is part of a pattern"
                mend = "say `type: pattern` in the setting"
            elif reads <= set(mapping.values):
                reason = _wrong(mapping, pattern, reads)
            if reason:
                at = Spot(loc, of_pattern(expression.source))
                yield mapping.document.lint("pattern", at, reason, mend)


def _loose_settings(mapping: MappingFile, pattern: Expression, reads: set[str]) -> set[str]:
    """The settings that a pattern reads and that can be other texts than patterns."""
    values = [mapping.values[name] for name in reads & set(mapping.values)]
    paths = {path for value in (pattern, *values) for _, one in used(value) for path in one.paths}
    names = {path[1] for path in paths if path[0] == "settings" and path[1:]}
    loose = ("text", "json")
    return {name for name in names & set(mapping.settings) if mapping.settings[name].type in loose}


def _wrong(mapping: MappingFile, pattern: Expression, reads: set[str]) -> str:
    """Why a pattern that is always the same cannot be used; empty if it can."""
    scope = Scope()
    try:
        for name in mapping.values:
            if name in reads:
                scope[name] = mapping.values[name].evaluate(scope)
        source = pattern.evaluate(scope)
        if not isinstance(source, str):
            return "a pattern must be text"
        compiled(source)
    except EvaluationError as error:
        return f"the pattern cannot be computed: {error}"
    except BadPattern as error:
        return f"`{source}` {error}"
    return ""


def unused(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for values, settings and tables that no expression reads."""
    names: Counter[str] = Counter()
    settings: set[str] = set()
    tables: set[str] = set()
    for _, expression in mapping.expressions:
        names.update(expression.names)
        settings |= {path[1] for path in expression.paths if path[0] == "settings" and path[1:]}
        tables |= {path[1] for path in expression.paths if path[0] == "tables" and path[1:]}
    for name in mapping.values:
        if not names[name]:
            reason = f"nothing uses the value `{name}`"
            yield _warning(mapping, "unused-value", ("values", name), reason, "remove it")
    for name in mapping.settings:
        if name not in settings:
            reason = f"nothing uses the setting `{name}`"
            yield _warning(mapping, "unused-setting", ("settings", name), reason, "remove it")
    for name in mapping.tables:
        if name not in tables:
            reason = f"nothing uses the table `{name}`"
            yield _warning(mapping, "unused-table", ("tables", name), reason, "remove it")


def _unreachable(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for rules whose event types all belong to earlier rules without `when`."""
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


def _twice(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for names that two rules, tests, stories or entries of `calls` share."""
    named: list[tuple[Loc, list[str | None]]] = [
        (("rules",), [rule.name for rule in mapping.rules]),
        (("tests",), [case.name for case in mapping.tests]),
        (("stories",), [story.name for story in mapping.stories]),
    ]
    named += [
        ((*loc, "calls"), [" ".join(names_of([entry])) or None for entry in holder.calls])
        for loc, holder in mapping.holders
    ]
    named += [(("blocks", name, "of"), [*block.of]) for name, block in mapping.blocks.items()]
    for loc, names in named:
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                reason = f"the name `{name}` appears twice"
                mend = "choose another name"
                yield mapping.document.lint("duplicate-name", (*loc, index), reason, mend)


def repeatable(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for calls that do not say whether repeating them is safe, or that replays repeat.

    NSPS can send any event twice.
    """
    for loc, call, holder in mapping.calls:
        if call.undeclared:
            reason = f"a {call.method.upper()} that may be sent twice"
            mend = "say `idempotent: true` if it sets a state, `false` if it adds something"
            yield _warning(mapping, "undeclared-idempotence", loc, reason, mend)
        unsafe = not (call.replayable or call.undeclared or call.confirm or call.at_most_once)
        if unsafe and isinstance(holder, Rule) and holder.replay == "apply":
            reason = "a call that must not be repeated, in a rule that replays are applied to"
            mend = "say `replay: never` in the rule, or find out with `confirm` whether it was made"
            yield _warning(mapping, "repeated-call", loc, reason, mend)


def unguarded(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for calls that read the account although no condition of the rule asks for it.

    The start of the function asks for them, because this takes no time: only with such a lint does
    it ask `connector.mapping.lints.guards`, which evaluates the rules and decides. Authors get all
    lints of that module.
    """
    for index, rule in enumerate(mapping.rules):
        conditions = [entry.if_ for entry in rule.ignore] + [entry.that for entry in rule.require]
        conditions += [rule.when] if rule.when else []
        if any("account" in _reads(mapping, condition) for condition in conditions):
            continue
        for call_index, call in enumerate(rule.calls):
            if not isinstance(call, CallEntry):
                continue
            if call.when and "account" in _reads(mapping, call.when):
                continue
            loc: Loc = ("rules", index, "calls", call_index)
            if any("account" in _reads(mapping, found) for _, found in used(call)):
                reason = "reads `account`, which may be missing"
                mend = "add to `require`: {that: account, because: account_info is missing...}"
                yield mapping.document.lint("unguarded-account", loc, reason, mend)


def _reads(mapping: MappingFile, expression: Expression) -> set[str]:
    """The names that an expression reads, directly or through values of the mapping."""
    names = set(expression.names)
    for name in reversed(mapping.values):  # a value reads only the values above it
        if name in names:
            names.update(*(found.names for _, found in used(mapping.values[name])))
    return names


def _warning(mapping: MappingFile, name: str, loc: Loc, reason: str, mend: str) -> Lint:
    return mapping.document.lint(name, loc, reason, mend)._replace(level="warning")


CHECKS: tuple[Callable[[MappingFile], Iterator[Lint]], ...] = (
    _names,
    _patterns,
    _unreachable,
    _twice,
)
