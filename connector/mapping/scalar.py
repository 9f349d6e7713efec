"""The values of plain YAML scalars: only those that every reader of YAML and JSON reads alike.

YAML makes numbers of text: `00101` becomes 101, `1.10` becomes 1.1. Nobody sees that in the file,
and every event then gets the wrong value. So a number must be written as JSON writes it; anything
else that looks like a number needs quotes. `connector.mapping.document` calls this module.
"""

import json
import re

import yaml

Scalar = str | int | float | bool | None

# Forms that are text here, and numbers for readers of YAML 1.1 or 1.2.
_FOREIGN = re.compile(
    r"[-+]?(0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+"  # other bases
    r"|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"  # sexagesimal: 12:30 is 750
    r"|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"  # 1_000
    r"|\.[iI][nN][fF]|\.[nN][aA][nN])"
)


class Loader(yaml.CSafeLoader):
    """Resolves plain scalars as YAML 1.2's core schema does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_CORE: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
)
for _tag, _pattern, _first in _CORE:
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), [*_first, ""]
    )

_LONGEST = 40  # characters of a number that a message quotes


class NotPlain(ValueError):  # noqa: N818 - it becomes a lint
    """A plain scalar looks like a number but is not written as JSON writes one.

    The text says why; `mend` says what to write.
    """

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.mend = mend


def read(node: yaml.ScalarNode) -> Scalar:
    """The value of a scalar; a quoted one is text.

    Raises:
        NotPlain: the scalar is not quoted and looks like a number that JSON would write otherwise.
    """
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _number(text, int)
        case "float":
            return _number(text, float)
    if not node.style and _FOREIGN.fullmatch(text):
        reason = f"`{_short(text)}` is a number for some readers of YAML, and text for others"
        raise NotPlain(reason, "put it in quotes, or write the number with digits only")
    return text


def _number(text: str, kind: type[int] | type[float]) -> int | float:
    try:
        value = kind(text)
        written = json.dumps(value, allow_nan=False)
    except ValueError:  # too many digits for Python, or infinite
        raise NotPlain(f"`{_short(text)}` is too long for a number", _QUOTES) from None
    if written != text:
        reason = f"`{_short(text)}` would become the number {_short(written)}"
        raise NotPlain(reason, f"{_QUOTES}, or write {_short(written)} if it is a number")
    return value


_QUOTES = "put it in quotes if it is text"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
