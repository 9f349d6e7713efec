"""What an author overlooked: no event can be applied with it, or unrelated events wait.

Only `connector check` and `connector test` look for it, not the start of the function.
"""

from collections.abc import Iterator

from jinja2 import nodes

from connector.mapping.chain import chain_of, parsed, parsed_texts
from connector.mapping.document import VALUE, Lint, Loc, Spot
from connector.mapping.entry import leaves
from connector.mapping.expression import Constant, Expression, Text, Value, expressions
from connector.mapping.lints.fields import end_of, has_fields, is_text, resolved
from connector.mapping.lints.marks import of_field, of_name, whole
from connector.mapping.schema import MappingFile

_NUMBERS_ONLY = (
    *(nodes.Neg, nodes.Pos, nodes.Sub, nodes.Mul),
    *(nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
)


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for calculations with text, parts sent as text, subjects and credentials."""
    for loc, value in leaves(mapping.own):
        yield from _calculations(mapping, loc, value)
        yield from _whole_parts(mapping, loc, value)
    yield from _subjects(mapping)
    yield from _credentials(mapping)


def _trees(value: Value) -> list[nodes.Node]:
    if isinstance(value, Text):
        return list(parsed_texts(value.source))
    return [parsed(value.source)] if isinstance(value, Expression) else []


def _calculations(mapping: MappingFile, loc: Loc, value: Value) -> Iterator[Lint]:
    """Yield a lint for a value that calculates with a field that holds text."""
    for tree in _trees(value):
        for node in (tree, *tree.find_all(_NUMBERS_ONLY)):
            for operand in node.iter_child_nodes() if isinstance(node, _NUMBERS_ONLY) else ():
                chain = chain_of(operand)
                if is_text(resolved(mapping, loc, chain) if chain else ()):
                    reason = f"`{'.'.join(chain)}` is text, and the operator takes numbers"
                    mend = f"write `{'.'.join(chain)} | float`, or read another field"
                    at = Spot(loc, of_field(str(getattr(value, "source", "")), chain))
                    yield mapping.document.lint("text-as-number", at, reason, mend)
                    return


def _whole_parts(mapping: MappingFile, loc: Loc, value: Value) -> Iterator[Lint]:
    """Yield a lint for a text, or another place for texts, with a part of the event in it."""
    if isinstance(value, Expression) and not _PLAIN.isdisjoint(loc[4:5]):
        yield from _objects(mapping, loc, value)
    if not isinstance(value, Text):
        return
    for tree in _trees(value):
        chain = chain_of(tree)
        if chain and has_fields(resolved(mapping, loc, chain)):
            reason = f"`{'.'.join(chain)}` has fields or items and cannot be text"
            field, name = of_field(value.source, chain), of_name(value.source, chain[0])
            at = Spot(loc, field if chain[1:] else name)
            yield mapping.document.lint("whole-part", at, reason, "name one of its fields")
            return


_PLAIN = frozenset(("form", "headers", "query"))


def _objects(mapping: MappingFile, loc: Loc, value: Expression) -> Iterator[Lint]:
    """Yield a lint for an expression in a query, a form or a header that is an object."""
    tree = parsed(value.source)
    chain = resolved(mapping, loc, found) if (found := chain_of(tree)) else ()
    shown = ".".join(found) if chain else "an object"
    is_object = isinstance(tree, nodes.Dict)
    if chain and has_fields(chain):
        part = end_of(chain).part
        is_object = part is not None
    if is_object:
        shown = f"`{shown}`" if chain else shown
        reason = f"{shown} has fields and cannot be text"
        mend = "name one of its fields, or write JSON text: `... | to_json`"
        yield mapping.document.lint("whole-part", Spot(loc, whole(value.source)), reason, mend)


def _subjects(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for writing calls without a subject, and for subjects that are always the same.

    Only calls about the same subject are kept in order, and one event after the other.
    """
    given = {(*loc[:2], "subject"): holder.subject for loc, _, holder in mapping.calls}
    given |= {(*loc, "subject"): call.subject for loc, call, _ in mapping.calls}
    for loc, subject in given.items():
        if subject is not None and not expressions(subject):
            reason = "the subject is the same for every event: all events wait for each other"
            mend = "name whom the event is about: `imsi:{{ sim.imsi }}`"
            yield mapping.document.lint("constant-subject", Spot(loc, VALUE), reason, mend)
    for loc, call, holder in mapping.calls:
        if call.reads or call.at_most_once:  # a message is sent for each event, in any order
            continue
        if call.subject is None and holder.subject is None:
            reason = "a call that changes something, and nobody knows about whom"
            mend = "say `subject: imsi:{{ sim.imsi }}`, or what else the call is about"
            lint = mapping.document.lint("no-subject", loc, reason, mend)
            yield lint._replace(level="warning")


def _credentials(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each credential that is written into the file: empty, or a secret."""
    for loc, value in leaves(mapping.system, ("system",)):
        if _is_credential(loc) and isinstance(value, Constant) and not str(value.value).strip():
            mend = "read it from a setting with `secret:`"
            at = Spot(loc, VALUE)
            yield mapping.document.lint("empty-credential", at, "the credential is empty", mend)
        elif _is_secret(loc) and isinstance(value, Constant) and isinstance(value.value, str):
            reason = "a secret is written into the file, which everybody can read"
            mend = "add `settings: {key: {secret: NAME}}`, and write `=settings.key` here"
            lint = mapping.document.lint("written-secret", Spot(loc, VALUE), reason, mend)
            yield lint._replace(level="warning")


_SECRETS = ("bearer", "password", "client_secret", "key")
_SECRET_HEADERS = ("authorization", "x-api-key", "api-key", "apikey", "x-auth-token")


def _is_secret(loc: Loc) -> bool:
    """Whether what stands there is secret by its key, or by the header that it becomes."""
    key = str(loc[-1])
    if "headers" in loc:
        return key.lower() in _SECRET_HEADERS
    return key in _SECRETS or (key == "value" and "api_key" in loc)


def _is_credential(loc: Loc) -> bool:
    return "auth" in loc or loc[-1] in ("password", "bind_dn", "username")
