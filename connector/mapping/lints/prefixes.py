"""Prefixes of XML namespaces: in the XML of a mapping file, and in paths of the filter `element`.

A prefix that is not declared makes every call fail at the system, or every reply unreadable.
"""

import re
from collections.abc import Iterable, Iterator

from connector.mapping.document import Lint, Loc
from connector.mapping.entry import entries
from connector.mapping.schema import MappingFile
from connector.mapping.spelling import near

_PATH = re.compile(r"""\belements?['"]?\s*[(,]\s*(['"])(.*?)\1""", re.S)
_PREFIX = re.compile(r"(?:^|/)@?([\w.-]+):")


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield lints for prefixes that the file does not declare."""
    for loc, entry in entries({"system": mapping.system, **mapping.own}):
        yield from _undeclared(mapping, loc, entry.prefixes)
    for loc, expression in mapping.expressions:
        paths = (path for _, path in _PATH.findall(expression.source))
        yield from _undeclared(
            mapping, loc, (one for path in paths for one in _PREFIX.findall(path))
        )


def _undeclared(mapping: MappingFile, loc: Loc, prefixes: Iterable[str]) -> Iterator[Lint]:
    declared = mapping.system.namespaces
    for prefix in sorted({*prefixes} - {*(declared or ())}):
        mend = "write the name without a prefix: it is found in any namespace"
        if declared is not None:
            mend = near(prefix, declared, "declare it in `namespaces` of the system")
        yield mapping.document.lint(
            "undeclared-prefix", loc, f"the prefix `{prefix}` is not declared", mend
        )
