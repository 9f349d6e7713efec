"""Values as YAML, as people write it: on one line, or a line for each key if that is too long."""

import json
import re
from typing import Any

_PLAIN = re.compile(r"=?[A-Za-z_/][\w./-]*( [\w./-]+)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_WIDTH = 96


def inline(value: Any) -> str:
    """A value on one line: `{imsi: =sim.imsi, kind: "01"}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(key)}: {inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def entry(key: str, value: Any, indent: int) -> list[str]:
    """The lines of `key: value`; an object that is too long has a line for each key."""
    margin = " " * indent
    line = f"{margin}{inline(key)}: {inline(value)}"
    if len(line) <= _WIDTH or not isinstance(value, dict):
        return [line]
    inner = [text for name, one in value.items() for text in entry(name, one, indent + 2)]
    return [f"{margin}{inline(key)}:", *inner]
