"""The fields that an expression reads, through lists, too: `("account", "addons", "[]", "name")`.

`connector.mapping.lints.fields` compares them with the event's model. A misspelt field has no value
for any event, and no error shows it.
"""

from collections.abc import Iterator
from functools import lru_cache

from jinja2 import nodes
from jinja2.parser import Parser

from connector.mapping.language import LANGUAGE

Chain = tuple[str, ...]

ITEM = "[]"
"""The step from a list to one of its items."""

_MOST_TREES = 512  # a large mapping file has 300 expressions
_SAME_ITEMS = frozenset("default list reject rejectattr select selectattr sort unique".split())
_ONE_ITEM = frozenset("first last max min".split())
_OF_PATTERNS = ("matching", "groups")
_BY_FIELD = frozenset("rejectattr selectattr sum".split())  # the first argument is a field
_BY_OPTION = frozenset("join map max min sort sum unique".split())  # `attribute=` is a field


def chains_of(tree: nodes.Node) -> Iterator[Chain]:
    """Yield each chain of fields that an expression reads."""
    for node in (tree, *tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Filter))):
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            found = chain_of(node)
            if found:
                yield found
        if isinstance(node, nodes.Filter) and node.node:
            source, field = chain_of(node.node), _field(node)
            if source and field:
                yield (*source, ITEM, *field.split("."))


@lru_cache(_MOST_TREES)
def parsed(source: str) -> nodes.Expr:
    """The syntax tree of an expression that was compiled from `source`; nobody changes it.

    Each lint asks for it, some for each place where an entry is used.

    Raises:
        TemplateSyntaxError: `source` is text with `{{ }}` in it.
    """
    return Parser(LANGUAGE, source.removeprefix("="), state="variable").parse_expression()


@lru_cache(_MOST_TREES)
def parsed_texts(source: str) -> tuple[nodes.Node, ...]:
    """The syntax tree of each `{{ }}` in a text that was compiled from `source`; as `parsed`."""
    outputs = LANGUAGE.parse(source).body
    found = [node for output in outputs for node in output.iter_child_nodes()]
    return tuple(node for node in found if not isinstance(node, nodes.TemplateData))


def whole_chain(source: str) -> Chain:
    """The fields that lead to the value of an expression that was compiled from `source`."""
    return chain_of(parsed(source))


def chain_of(node: nodes.Node) -> Chain:
    """The fields that lead to a value; empty if it is computed in another way."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    inner, step = _last_step(node)
    chain = chain_of(inner) if inner else ()
    return (*chain, *step) if chain else ()


def paths_of(tree: nodes.Node) -> Iterator[Chain]:
    """Yield each chain `name.field.field`, but not the shorter chains inside of it."""
    chain = _path(tree)
    if chain:
        yield chain
        return
    for child in tree.iter_child_nodes():
        yield from paths_of(child)


def _path(node: nodes.Node) -> Chain:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return (*inner, node.attr) if inner else ()
    return ()


def patterns_of(tree: nodes.Node) -> Iterator[nodes.Expr]:
    """Yield the pattern of each `matching` and `groups`, also in `select('matching', ...)`."""
    for node in (tree, *tree.find_all((nodes.Test, nodes.Filter))):
        if not isinstance(node, nodes.Test | nodes.Filter):
            continue
        args = [*node.args, *(option.value for option in node.kwargs)]
        if isinstance(node, nodes.Filter):
            named = [isinstance(arg, nodes.Const) and arg.value in _OF_PATTERNS for arg in args]
            if node.name != "groups":
                args = args[named.index(True) + 1 :] if any(named) else []
        elif node.name != "matching":
            continue
        yield from args[:1]


def _last_step(node: nodes.Node) -> tuple[nodes.Node | None, Chain]:
    """What a value is taken from, and by which step; None and nothing if it is computed."""
    found: tuple[nodes.Node | None, Chain] = (None, ())
    match node:
        case nodes.Getattr(node=inner, attr=attr):
            found = inner, (attr,)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=int())):
            found = inner, (ITEM,)
        case nodes.Filter(node=inner, name=name) if name in _ONE_ITEM:
            found = inner, (ITEM,)
        case nodes.Filter(node=inner, name=name) if name in _SAME_ITEMS:
            found = inner, ()
        case nodes.Getitem(node=inner, arg=nodes.Slice()):
            found = inner, ()
        case nodes.Or(left=inner, right=nodes.List(items=[])):
            found = inner, ()
    return found


def _field(node: nodes.Filter) -> str:
    """The field of the items that a filter names as text; empty if it names none."""
    named = [option.value for option in node.kwargs if option.key == "attribute"]
    if node.name not in _BY_OPTION:
        named = []
    if node.name in _BY_FIELD:
        named += node.args[:1]
    texts = [item.value for item in named if isinstance(item, nodes.Const)]
    return texts[0] if texts and isinstance(texts[0], str) else ""
