"""Whatever stands in a mapping file, it is compiled or refused, and never raises anything else.

`make fuzz` tries fifty times as much.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from connector import lint
from connector.event import parse
from connector.expression import (
    EvaluationError,
    ExpressionError,
    compile_condition,
    compile_value,
    expressions,
)
from connector.mapping import Mapping
from connector.plan import event_scope
from tests.events import event

BUDGET = settings.default.max_examples if settings.default else 100
MAPPINGS = sorted((Path(__file__).parents[1] / "mappings").glob("*.yaml"))

# Expressions

WORDS = (
    "account sim policy variables event settings counters nothing account.id sim.imsi 'text' \"\" "
    "0 1 -7 2.5 15 true false none [] {} ( ) [ ] { } , . : | ~ + - / % // == != < <= > >= = and or "
    "not in is if else imsi digits mapping string none defined matching default lower length list "
    "map select join attribute first last sort unique replace int float round trim {{ }} {% #} ` \\"
).split()
SOURCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join) | st.text()
LEAVES = st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=5)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
EVENT = parse(to_json(event("sim-replaced")))
MINIMAL = Mapping.model_validate(
    {
        "name": "cards",
        "summary": "Cards.",
        "system": {"http": {"base_url": "http://system.test"}},
        "rules": [{"name": "a", "on": "SIM/Updated", "calls": [{"get": "/"}]}],
    }
)


@given(SOURCES, DATA)
def test_any_text_is_an_expression_that_ends_or_is_refused(source: str, data: Any) -> None:
    try:
        compiled = compile_condition(source)
    except ExpressionError as error:
        assert str(error)
        return
    scope = event_scope(EVENT, MINIMAL, {"data": data})
    scope["variables"] = data
    try:
        compiled.evaluate(scope)
    except EvaluationError as error:
        assert str(error).startswith("`")


@given(DATA | st.dictionaries(st.text(max_size=3), SOURCES), SOURCES)
def test_any_value_in_a_file_is_compiled_or_refused(value: Any, source: str) -> None:
    for raw in (value, f"={source}", f"a {{{{ {source} }}}} b"):
        try:
            for found in expressions(compile_value(raw)):
                assert found.names is not None
        except ExpressionError as error:
            assert str(error)


# Mapping files


def places(document: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[str | int, ...]] = []
    for key, value in items:
        found.append((*way, key))
        if isinstance(value, dict | list):
            found += places(value, (*way, key))
    return found


def checked(file: Path, text: str) -> None:
    """Each lint has a name, a line of the file and a text; without a mapping there is one."""
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    mapping, lints = lint.check(file)
    assert mapping is not None or lints
    lines = text.count("\n") + 2
    for found in lints:
        assert found.name
        assert 1 <= found.place.line <= lines
        assert str(found)


@pytest.mark.parametrize("original", MAPPINGS, ids=lambda path: path.stem)
@settings(max_examples=BUDGET * 2 // 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.data())
def test_a_mapping_with_one_thing_changed_is_read_or_refused(
    original: Path, tmp_path: Path, chance: st.DataObject
) -> None:
    document = yaml.safe_load(original.read_text(encoding="utf-8"))
    document.pop("tests", None)
    *parents, last = chance.draw(st.sampled_from(places(document)))
    place = document
    for step in parents:
        place = place[step]
    change = chance.draw(st.sampled_from(["drop", "replace", "rename"]))
    if change == "drop":
        del place[last]
    elif change == "rename" and isinstance(place, dict):
        place[chance.draw(st.text(max_size=4) | st.integers())] = place.pop(last)
    else:
        place[last] = chance.draw(DATA | SOURCES | SOURCES.map(lambda source: f"={source}"))
    checked(tmp_path / "mapping.yaml", yaml.safe_dump(document, sort_keys=False))


@pytest.mark.parametrize("original", MAPPINGS, ids=lambda path: path.stem)
@settings(max_examples=BUDGET // 6, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.data())
def test_a_mapping_file_cut_and_patched_is_read_or_refused(
    original: Path, tmp_path: Path, chance: st.DataObject
) -> None:
    text = original.read_text(encoding="utf-8").partition("\ntests:")[0]
    start = chance.draw(st.integers(0, len(text)))
    end = chance.draw(st.integers(start, min(len(text), start + 200)))
    patch = chance.draw(st.text(max_size=20) | st.sampled_from(["&a", "*a", "<<: *a", "- ", "\t"]))
    checked(tmp_path / "mapping.yaml", text[:start] + patch + text[end:])


@given(st.text())
@settings(max_examples=BUDGET * 2, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_is_a_mapping_or_is_refused(tmp_path: Path, text: str) -> None:
    checked(tmp_path / "mapping.yaml", text)


def test_a_file_that_unfolds_to_billions_is_refused(tmp_path: Path) -> None:
    """Ten anchors, each a list of ten of the one before."""
    lines = ['a0: &a0 ["x"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    checked(tmp_path / "mapping.yaml", "\n".join(lines))
