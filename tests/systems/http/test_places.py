"""Any value in any place of a request: what arrives is what docs/mapping.md says, or it is refused.

The bytes of a request are read with urllib, xml.etree and json; the expected text is made here, not
by the connector.
"""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.ledger.memory import MemoryLedger
from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import Pipeline
from connector.systems.http.call import HttpCallEntry
from connector.systems.http.credentials import HttpCredentials
from connector.systems.http.entry import Http
from connector.systems.http.request import Request, request
from tests.support.events import event
from tests.support.scripted import ScriptedServer

HTTP = Http(base_url="http://system.test")
PLACES: dict[str, dict[str, Any]] = {
    "path": {"put": "/a/{{ v }}/z"},
    "query": {"get": "/a", "query": {"v": "=v", "w": "x"}},
    "text in a query": {"get": "/a", "query": {"v": "{{ v }}", "w": "x"}},
    "header": {"get": "/a", "headers": {"X-Value": "=v"}},
    "text in a header": {"get": "/a", "headers": {"X-Value": "{{ v }}"}},
    "form": {"post": "/a", "form": {"v": "=v", "w": "x"}},
    "text": {"post": "/a", "text": "=v"},
    "a joined text": {"post": "/a", "text": "=[v, ''] | join"},
    "XML text": {"post": "/a", "xml": "<r><v>{{ v }}</v></r>"},
    "an XML attribute": {"post": "/a", "xml": '<r><v a="{{ v }}"/></r>'},
    "JSON": {"post": "/a", "json": {"v": "=v", "w": "x"}},
    "text in JSON": {"post": "/a", "json": {"v": "{{ v }}", "w": "x"}},
}
ENTRIES = {name: HttpCallEntry.model_validate(entry) for name, entry in PLACES.items()}
OFFSETS = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])
CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from("\t\n\r\0/.%&=?#<>'\" é\ud800")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.floats(-1e6, 1e6).map(round).map(float)
    | st.text(CHARACTERS, max_size=8)
    | st.datetimes(timezones=OFFSETS)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(CHARACTERS, max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


class Refused(Exception):  # noqa: N818 - the expected end, not a fault
    """The rule gives the value no text."""


def rule(value: Any) -> str:
    """The text of a value by the table in docs/mapping.md."""
    match value:
        case True | False:
            return "true" if value else "false"
        case str() if not any("\ud800" <= char <= "\udfff" for char in value):
            return value
        case int():
            return f"{value:d}"
        case float() if abs(value) < float("inf"):
            whole, _, fraction = f"{Decimal(repr(value)):f}".partition(".")
            text = f"{whole}.{fraction}".rstrip("0").rstrip(".") if fraction else whole
            return "0" if text == "-0" else text
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
    raise Refused


def json_rule(value: Any) -> Any:
    """The document that a reader of JSON must get."""
    match value:
        case None | bool():
            return value
        case list():
            return [json_rule(item) for item in value]
        case dict():
            return {rule(name): json_rule(item) for name, item in value.items()}
        case float() if value.is_integer() and abs(value) < 1e21:
            return int(rule(value))
        case int() | float():
            rule(value)
            return value
    return rule(value)


def expected(place: str, value: Any) -> Any:
    """What a server must find in the place; `Refused` if nothing may be sent."""
    if place == "JSON":
        return [("v", json_rule(value)), ("w", "x")]
    if place in ("query", "form"):
        items = value if isinstance(value, list) else [value]
        return [*[("v", rule(item)) for item in items if item is not None], ("w", "x")]
    text = rule(value)
    if "header" in place:
        if not re.fullmatch("[ -~]*", text):
            raise Refused
        return text
    if "XML" in place and re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", text):
        raise Refused
    if place == "path" and text in ("", ".", ".."):
        raise Refused
    return [("v", text), ("w", "x")] if place.startswith("text in") else text


def arrived(place: str, made: Request) -> Any:
    """The value as a server reads it."""
    url, body = urlsplit(made.url), made.body.decode()
    assert made.url.isascii()
    if place == "path":
        assert re.fullmatch(r"/a/[^/]+/z", url.path)
        assert url.query == url.fragment == ""
        return unquote(url.path[3:-2], errors="strict")
    if "query" in place or place == "form":
        pairs = url.query if "query" in place else body
        return parse_qsl(pairs, keep_blank_values=True, strict_parsing=True)
    if "header" in place:
        return dict(made.headers)["X-Value"]
    if "JSON" in place:
        return list(json.loads(body, parse_constant=pytest.fail).items())
    if "XML" in place:
        (found,) = ElementTree.fromstring(body)  # noqa: S314 - a server would do the same
        return found.attrib["a"] if "attribute" in place else found.text or ""
    return body


@settings(max_examples=300)
@given(VALUES)
@example(["Olena", None])
@example({"a": {"b": [None, 1073741824.0, 2e16]}})
@example(" \t\r\n ")
def test_any_value_arrives_as_the_rule_says_or_is_refused(value: Any) -> None:
    for place, entry in ENTRIES.items():
        try:
            wanted = expected(place, value)
        except Refused:
            with pytest.raises(EvaluationError, match=r"^`.*`: "):
                entry.render(Scope(v=value))
            continue
        call = entry.render(Scope(v=value))
        made = request(call, "http://system.test", HTTP, HttpCredentials(), Scope())
        found = arrived(place, made)
        assert (found, repr(found)) == (wanted, repr(wanted)), place  # 1 == 1.0 == True


SENT: list[Any] = [None, True, 7, 5.0, 2e16, 1e-7, 10**30, "Zoë", "a\tb\r\nc", "", [1, None, "x"]]
SENT += [["a"], {"a": 1}, [{"a": 1.0}], "x" * 70_000, "\ufffe"]
MAPPING = """
name: places
summary: Puts a value of the event into every place of a request.
system: {{http: {{base_url: "{url}"}}}}
values: {{v: =variables.v}}
rules: [{{name: one call, on: SIM/Updated, calls: [{entry}]}}]
"""


@pytest.mark.parametrize("place", PLACES)
async def test_the_values_of_an_event_reach_a_server_so_or_nothing_does(
    system: ScriptedServer, tmp_path: Path, place: str
) -> None:
    file = tmp_path / "places.yaml"
    file.write_text(MAPPING.format(url=system.url, entry=json.dumps(PLACES[place])))
    mapping = load(file)
    async with mapping.protocol.client(mapping.system, {}) as client:
        pipeline = Pipeline(mapping, {}, MemoryLedger(), client, 5)
        for value in SENT:
            system.reset()
            posted = event(change={"data.variables": {"v": value}})
            result = await pipeline.handle(json.dumps(posted).encode())
            if result.outcome is Outcome.INVALID:
                assert system.requests == []
                if len(str(value)) < 1_000:  # longer values can be too long for a place
                    with pytest.raises(Refused):
                        expected(place, value)
                continue
            (got,) = system.requests
            headers = {"X-Value": got.headers.get("x-value", "")}
            made = Request(got.method, got.path, tuple(headers.items()), got.body)
            assert arrived(place, made) == expected(place, value)


@pytest.mark.parametrize(
    ("place", "length", "outcome"),
    [
        ("path", 61_000, Outcome.APPLIED),
        ("path", 61_500, Outcome.INVALID),
        ("query", 61_000, Outcome.APPLIED),
        ("query", 61_500, Outcome.INVALID),
        ("many parameters", 20_000, Outcome.APPLIED),
        ("many parameters", 21_000, Outcome.INVALID),
        ("header", 60_000, Outcome.APPLIED),
        ("header", 65_537, Outcome.INVALID),
    ],
)
async def test_a_value_that_is_too_long_for_its_place_is_the_fault_of_the_event(
    system: ScriptedServer, tmp_path: Path, place: str, length: int, outcome: Outcome
) -> None:
    file = tmp_path / "places.yaml"
    many = place == "many parameters"
    entry = PLACES["query" if many else place]
    file.write_text(MAPPING.format(url=system.url, entry=json.dumps(entry)))
    mapping = load(file)
    async with mapping.protocol.client(mapping.system, {}) as client:
        pipeline = Pipeline(mapping, {}, MemoryLedger(), client, 5)
        value = [""] * length if many else "x" * length
        posted = event(change={"data.variables": {"v": value}})
        result = await pipeline.handle(json.dumps(posted).encode())
    assert result.outcome is outcome
    assert len(system.requests) == (outcome is Outcome.APPLIED)
