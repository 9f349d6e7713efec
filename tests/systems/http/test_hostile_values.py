"""Hostile values of an event, in every place of a request: they arrive as data or are refused.

The tests look at the bytes that a server receives: one request, the same text around the value, and
the value itself unchanged.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from tests.support.events import event
from tests.support.scripted import Received, ScriptedServer

HOSTILE = {
    "path traversal": "../../admin",
    "encoded traversal": "%2e%2e%2fadmin",
    "a dot": ".",
    "two dots": "..",
    "a second request": "x\r\n\r\nDELETE /all HTTP/1.1\r\nHost: evil\r\n\r\n",
    "a second header": "x\r\nX-Admin: yes",
    "a newline": "x\ny",
    "a NUL": "x\0y",
    "template text": "{{ settings.token }}",
    "a statement": "{% for x in y %}",
    "an expression": "=settings.token",
    "a shell variable": "${HOME}`id`$(id)",
    "an entity": "<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
    "the end of CDATA": "]]><admin/>",
    "the end of an attribute": '"><admin x="',
    "the end of text in JSON": '","admin":true,"x":"',
    "more of a query": "x&admin=1#fragment?y=2;z",
    "a user and a host": "@evil.test/",
    "a URL": "http://evil.test/",
    "digits of another script": "\u0660\u0660\u0661\u0660\u0661",
    "text from right to left": "\u202etxt.exe",
    "an emoji": "\U0001f4a5",
    "a backslash": "..\\..\\admin",
    "long text": "x" * 20_000,
    "a huge number": "9" * 400,
    "nothing but spaces": "   ",
}
MAPPING = """
name: places
summary: Puts a value of the event into every place of a request.
settings: {{token: {{secret: TOKEN}}}}
system:
  http: {{base_url: "{url}", auth: {{bearer: =settings.token}}}}
rules:
  - name: one call
    on: SIM/Updated
    subject: "value:{{{{ variables.value }}}}"
    calls: [{{put: {path}, {rest}}}]
"""
PLACES = {
    "path": ("'/a/{{ variables.value }}/z'", "json: {}"),
    "query": ("/a", "query: {v: =variables.value, w: 'x{{ variables.value }}'}"),
    "header": ("/a", "headers: {X-Value: '{{ variables.value }}'}"),
    "json": ("/a", "json: {v: =variables.value, w: 'x{{ variables.value }}'}"),
    "form": ("/a", "form: {v: =variables.value, w: 'x{{ variables.value }}'}"),
    "text": ("/a", "text: '{{ variables.value }}'"),
    "xml": ("/a", "xml: '<r a=\"{{ variables.value }}\"><v>{{ variables.value }}</v></r>'"),
}
TOKEN = "s3cret-of-the-system"


@pytest.fixture
async def handle(system: ScriptedServer, tmp_path: Path) -> AsyncIterator[Any]:
    async def handle(place: str, value: Any) -> Result:
        path, rest = PLACES[place]
        file = tmp_path / "places.yaml"
        file.write_text(MAPPING.format(url=system.url, path=path, rest=rest), encoding="utf-8")
        mapping = load(file)
        async with mapping.protocol.client(mapping.system, {"token": TOKEN}) as client:
            pipeline = Pipeline(mapping, {"token": TOKEN}, MemoryLedger(), client, 5)
            posted = event(change={"data.variables": {"value": value}})
            return await pipeline.handle(json.dumps(posted).encode())

    yield handle


def arrived(place: str, request: Received) -> list[Any]:
    """The values as a server reads them, one for each place; the text around them is checked."""
    url, body = urlsplit(request.path), request.body.decode()
    assert (request.method, url.fragment) == ("PUT", "")
    match place:
        case "path":
            assert url.query == ""
            assert request.path.startswith("/a/")
            assert request.path.endswith("/z")
            assert request.path.count("/") == 3
            return [unquote(request.path[3:-2])]
        case "query":
            pairs = parse_qsl(url.query, keep_blank_values=True)
        case "header":
            assert not {"x-admin", "x-evil"} & request.headers.keys()
            return [request.headers["x-value"]]
        case "json":
            pairs = list(json.loads(body).items())
        case "form":
            pairs = parse_qsl(body, keep_blank_values=True)
        case "text":
            return [body]
        case _:
            root = ElementTree.fromstring(body)  # noqa: S314 - a server would do the same
            assert [child.tag for child in root.iter()] == ["r", "v"]
            assert list(root.attrib) == ["a"]
            return [root.attrib["a"], root[0].text]
    assert [name for name, _ in pairs] == ["v", "w"]
    assert pairs[1][1] == f"x{pairs[0][1]}"
    return [pairs[0][1]]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_value_arrives_as_data_or_is_refused(
    system: ScriptedServer, handle: Any, place: str, name: str
) -> None:
    value = HOSTILE[name]
    result = await handle(place, value)
    if not system.requests:
        assert result.outcome is Outcome.INVALID, result
        assert TOKEN not in str(result)
        return
    (request,) = system.requests
    assert result.outcome is Outcome.APPLIED
    assert TOKEN not in request.path + request.body.decode()
    for found in arrived(place, request):
        if place == "header":
            assert found == value.strip()  # HTTP removes spaces around a value
        else:
            assert found == value


REFUSED = {
    "path": {"a dot", "two dots"},
    "header": {"a second request", "a second header", "a newline", "a NUL", "an emoji"},
    "xml": {"a NUL"},
}


@pytest.mark.parametrize(
    ("place", "name"), [(p, n) for p, names in REFUSED.items() for n in sorted(names)]
)
async def test_what_a_place_cannot_hold_is_refused_before_anything_is_sent(
    system: ScriptedServer, handle: Any, place: str, name: str
) -> None:
    assert (await handle(place, HOSTILE[name])).outcome is Outcome.INVALID
    assert system.requests == []


@pytest.mark.parametrize("value", [{"a": {"b": 1}}, ["x", {"y": 2}], 10**30, 1e300, True])
async def test_numbers_booleans_lists_and_objects_keep_their_type_in_json(
    system: ScriptedServer, handle: Any, value: Any
) -> None:
    result = await handle("json", value)
    if system.requests:
        assert json.loads(system.requests[0].body)["v"] == value
    else:  # the mapping also puts the value into text, which refuses lists and objects
        assert result.outcome is Outcome.INVALID


@pytest.mark.parametrize("text", ["1e400", "NaN", "-Infinity", "[" * 5000 + "]" * 5000])
async def test_numbers_and_nesting_that_json_does_not_allow_are_refused(
    system: ScriptedServer, handle: Any, tmp_path: Path, text: str
) -> None:
    await handle("json", "x")
    system.reset()
    mapping = load(tmp_path / "places.yaml")
    posted = json.dumps(event(change={"data.variables": {"value": "@@"}})).replace('"@@"', text)
    async with mapping.protocol.client(mapping.system, {"token": TOKEN}) as client:
        pipeline = Pipeline(mapping, {"token": TOKEN}, MemoryLedger(), client, 5)
        result = await pipeline.handle(posted.encode())
    assert (result.outcome, system.requests) == (Outcome.INVALID, [])


async def test_of_a_duplicate_json_key_the_last_value_is_checked_and_sent(
    system: ScriptedServer, handle: Any, tmp_path: Path
) -> None:
    """So a first value cannot pass the checks while the last value is sent."""
    await handle("json", "x")
    system.reset()
    mapping = load(tmp_path / "places.yaml")
    posted = json.dumps(event(change={"data.variables": {"value": "@@"}}))
    posted = posted.replace('"value": "@@"', '"value": "first", "value": "last"')
    async with mapping.protocol.client(mapping.system, {"token": TOKEN}) as client:
        pipeline = Pipeline(mapping, {"token": TOKEN}, MemoryLedger(), client, 5)
        await pipeline.handle(posted.encode())
    assert json.loads(system.requests[0].body) == {"v": "last", "w": "xlast"}
