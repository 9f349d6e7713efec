"""docs/reference/filters.md: every filter and test of an expression, with its examples.

The names, arguments and sentences come from the language's own functions, the examples from the
blocks `expressions` of docs/mapping.md, each of which a test evaluates.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from connector.mapping.language import LANGUAGE
from connector_tools.documents.markdown import read

_MAPPING = "docs/mapping.md"
_HEAD = """\
# Filters and tests

`value | filter(argument)` gives another value, `value is test` gives true or false. A filter for
text or numbers gives none for none. [Expressions](../mapping.md#expressions) explains the rest of
the language. Each example is evaluated by the project's tests; `!` means that the event is
`invalid`.

"""
_SAID = {  # Jinja's own, whose sentences are about Python
    "abs": "The number without its sign.",
    "first": "The first item of a list; none if it is empty.",
    "items": "The keys and values of an object, as lists of two.",
    "last": "The last item of a list; none if it is empty.",
    "length": "The number of items, or of characters.",
    "list": "The items as a list; of a text its characters.",
    "lower": "The text in lower case.",
    "map": "For each item its `attribute`, or the result of the filter that is named.",
    "max": "The largest item.",
    "md5": "The digest of a text, as bytes: write it with `hex` or `base64`.",
    "min": "The smallest item.",
    "reject": "The items for which the test that is named does not hold.",
    "rejectattr": "The items for whose attribute the test that is named does not hold.",
    "select": "The items for which the test that is named holds.",
    "selectattr": "The items for whose attribute the test that is named holds.",
    "sha1": "The digest of a text, as bytes: write it with `hex` or `base64`.",
    "sha256": "The digest of a text, as bytes: write it with `hex` or `base64`.",
    "sha512": "The digest of a text, as bytes: write it with `hex` or `base64`.",
    "sort": "The items in order; `reverse=true` turns it round, `attribute` names the key.",
    "title": "The text with a capital at the start of each word.",
    "upper": "The text in upper case.",
}
_TESTS = {
    "boolean": "True or false.",
    "defined": "Holds for every field: a missing field is none.",
    "divisibleby": "The number can be divided by the argument.",
    "even": "An even number.",
    "false": "False; none is not.",
    "float": "A number with a fraction.",
    "integer": "A whole number.",
    "iterable": "A list, a text or an object.",
    "mapping": "An object.",
    "none": "None: null, or a field that is missing.",
    "number": "A number.",
    "odd": "An odd number.",
    "sequence": "A list, a text or an object.",
    "string": "Text.",
    "true": "True; none is not.",
    "in": "The value is in the list or the text.",
    **dict.fromkeys(("eq", "equalto"), "The same as `==`."),
    "ne": "The same as `!=`.",
    **dict.fromkeys(("lt", "lessthan"), "The same as `<`."),
    **dict.fromkeys(("gt", "greaterthan"), "The same as `>`."),
    "le": "The same as `<=`.",
    "ge": "The same as `>=`.",
}
_MOST = 6  # examples of one filter
_GIVEN = {"scope", "environment", "context", "eval_ctx"}
_NO_NAMES = {"map", "select", "reject", "selectattr", "rejectattr"}


def document() -> str:
    """The page.

    Raises:
        LookupError: a filter or a test has no sentence, or no example.
    """
    filters = {name: one for name, one in LANGUAGE.filters.items() if not name.startswith("_")}
    text = _HEAD + "## Filters\n\n" + _entries(filters, _SAID, r"\| {}\b")
    return text + "## Tests\n\n" + _entries(LANGUAGE.tests, _TESTS, r"\bis (?:not )?{}\b", "is ")


def _entries(named: Mapping[str, Any], said: dict[str, str], form: str, before: str = "") -> str:
    text = ""
    for name, function in sorted(named.items()):
        sentence = said.get(name) or _sentence(function)
        used = re.compile(form.format(name))
        found = [line for line in _examples() if used.search(line.partition("=>")[0])]
        shown = "".join(f"{line}\n" for line in found[:_MOST])
        if not sentence or not shown:
            raise LookupError(f"{name} needs a sentence and an example in {_MAPPING}")
        use = f"{before.strip() or '|'} {name}{_arguments(name, function)}"
        text += f"### `{before}{name}`\n\n`value {use}`: {sentence}\n\n"
        text += f"```expressions\n{shown}```\n\n"
    return text


def _examples() -> list[str]:
    blocks = re.findall(r"(?ms)^```expressions\n(.*?)^```$", read(_MAPPING))
    return [line for line in "".join(blocks).splitlines() if line.strip()]


def _sentence(function: Callable[..., Any]) -> str:
    """The first sentence of a docstring, without the words that name what it belongs to."""
    text = " ".join((inspect.getdoc(_whole(function)) or "").partition("\n\n")[0].split())
    text = re.sub(r"^(Filter|Test)(?: `\w+`)?: ", "", text)
    text = re.sub(r" ?\((?:contract|RFC|`connector)[^)]*\)", "", text)
    return text[:1].upper() + text[1:]


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.func if isinstance(function, partial) else function


def _arguments(name: str, function: Callable[..., Any]) -> str:
    """The arguments as they are written in a mapping, those that can be left out in brackets."""
    if name in _NO_NAMES:
        return "(...)"
    try:
        found = list(inspect.signature(function).parameters.values())
    except ValueError:
        return ""
    known = [one for one in found if one.name not in _GIVEN and one.kind is not one.POSITIONAL_ONLY]
    texts = [one.name if one.default is one.empty else f"[{one.name}]" for one in known[1:]]
    return f"({', '.join(texts)})" if texts else ""
