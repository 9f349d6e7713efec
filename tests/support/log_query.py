"""Does an entry of Cloud Logging match a filter? For the part of the query language that we use.

https://cloud.google.com/logging/docs/view/logging-query-language: NOT binds more than OR, and OR
more than AND. A comparison with a field that is absent does not match. What is not known here is
an error.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

Entry = dict[str, Any]
Match = Callable[[Entry], bool]

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>>=|<=|=~|[()=<>:*])|(?P<word>[A-Za-z0-9_./-]+))'
)
_SEVERITIES = "DEFAULT DEBUG INFO NOTICE WARNING ERROR CRITICAL ALERT EMERGENCY".split()
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, wanted: bool(found == wanted),
    ":": lambda found, wanted: str(wanted).lower() in str(found).lower(),
    "=~": lambda found, wanted: re.search(wanted, str(found)) is not None,
    ">": lambda found, wanted: bool(found > wanted),
    ">=": lambda found, wanted: bool(found >= wanted),
    "<": lambda found, wanted: bool(found < wanted),
    "<=": lambda found, wanted: bool(found <= wanted),
}


def matches(query: str, entry: Entry) -> bool:
    """Whether a filter matches an entry, given as in the API: `jsonPayload`, `resource`, ..."""
    return _parsed(query)(entry)


@cache
def _parsed(query: str) -> Match:
    parser = _Parser(query)
    match = parser.conjunction()
    assert parser.done, f"not understood: {parser.rest} in {query}"
    return match


def extracted(extractor: str, entry: Entry) -> Any:
    """What `EXTRACT(field)` finds in an entry; None if the field is absent."""
    found = re.fullmatch(r"EXTRACT\(([\w.]+)\)", extractor)
    assert found, extractor
    return _field(entry, found[1])


class _Parser:
    def __init__(self, query: str) -> None:
        self._tokens: list[str] = []
        position, query = 0, query.rstrip()
        while position < len(query):
            token = _TOKEN.match(query, position)
            assert token, f"not understood: {query[position:]}"
            self._tokens.append(token[0].strip())
            position = token.end()

    @property
    def done(self) -> bool:
        return not self._tokens

    @property
    def rest(self) -> str:
        return " ".join(self._tokens)

    def conjunction(self) -> Match:
        parts = [self._disjunction()]
        while self._takes("AND"):
            parts.append(self._disjunction())
        return lambda entry: all(part(entry) for part in parts)

    def _disjunction(self) -> Match:
        parts = [self._negation()]
        while self._takes("OR"):
            parts.append(self._negation())
        return lambda entry: any(part(entry) for part in parts)

    def _negation(self) -> Match:
        if self._takes("NOT"):
            inner = self._negation()
            return lambda entry: not inner(entry)
        if self._takes("("):
            inner = self.conjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Match:
        name = self._tokens.pop(0)
        if name == "log_id":
            self._expect("(")
            log = self._value()
            self._expect(")")
            return lambda entry: _log_id(entry) == log
        sign = self._tokens.pop(0)
        if sign == ":" and self._takes("*"):
            return lambda entry: _field(entry, name) is not None
        wanted = self._values()
        return lambda entry: any(_compare(_field(entry, name), sign, value) for value in wanted)

    def _values(self) -> list[Any]:
        if not self._takes("("):
            return [self._value()]
        values = [self._value()]
        while self._takes("OR"):
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> Any:
        token = self._tokens.pop(0)
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        return _SEVERITIES.index(token) if token in _SEVERITIES else float(token)

    def _takes(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False

    def _expect(self, token: str) -> None:
        assert self._takes(token), f"{token} expected before: {self.rest}"


def _compare(found: Any, sign: str, wanted: Any) -> bool:
    return found is not None and _OPERATORS[sign](found, wanted)


def _field(entry: Entry, path: str) -> Any:
    found: Any = entry
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return _SEVERITIES.index(found) if path == "severity" and found else found


def _log_id(entry: Entry) -> str:
    return str(entry["logName"]).split("/logs/")[1].replace("%2F", "/")
