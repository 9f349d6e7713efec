"""Any content of a mapping file is compiled or refused; no other exception is raised.

`make fuzz` tries fifty times as many examples.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from connector.event import parse
from connector.mapping.document import read
from connector.mapping.entry import leaves
from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    compile_condition,
    compile_text,
    compile_value,
    expressions,
)
from connector.mapping.language import LANGUAGE
from connector.mapping.load import check
from connector.mapping.schema import MappingFile, validate
from connector.outcome import Refusal
from connector.plan.scope import event_scope
from tests.support import ROOT
from tests.support.events import event

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result

BUDGET = settings.default.max_examples if settings.default else 100
# One file for each protocol: the loader is the same for all.
MAPPINGS = [
    ROOT / "mappings" / f"{name}.yaml"
    for name in (
        "ericsson-cai3g",
        "freeradius-sql",
        "hss-ldap",
        "huawei-mml",
        "notify-smtp",
        "osmo-hlr",
        "wtl-hlr-hss",
    )
]
ORIGINALS = {path.stem: read(path).data for path in MAPPINGS}
for original in ORIGINALS.values():
    del original["tests"]  # they name files of events, which the tests here do not have

# Expressions

WORDS = (
    "account sim policy variables event settings counters nothing account.id sim.imsi 'text' \"\" "
    "0 1 -7 2.5 15 true false none [] {} ( ) [ ] { } , . : | ~ + - * ** / % // == != < <= > >= = "
    "and or not in is if else imsi digits mapping string none defined matching default lower "
    "length list map select join attribute first last sort unique replace int float round trim "
    "{{ }} {% #} ` \\"
).split()
ATOMS = st.sampled_from(
    "account sim sim.imsi policy variables variables.a settings.data counters nothing 'text' '' "
    "'name' 'imsi' 0 1 -7 2.5 999999999 true none [] {} [1,'b',none] {'a':1}".split()
)
OPERATORS = st.sampled_from("+ - * ** / // % ~ == != < >= and or in".split())
FILTERS, TESTS = (st.sampled_from(sorted(names)) for names in (LANGUAGE.filters, LANGUAGE.tests))


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions, made from `inner` ones with every operator, filter and test."""
    arguments = st.lists(inner, max_size=2).map(", ".join)
    return (
        st.builds("({} {} {})".format, inner, OPERATORS, inner)
        | st.builds("({} | {}({}))".format, inner, FILTERS, arguments)
        | st.builds("({} is {}({}))".format, inner, TESTS, arguments)
        | st.builds("({} if {} else {})".format, inner, inner, inner)
        | st.builds("{}[{}]".format, inner, inner)
        | st.builds("[{}]".format, arguments)
    )


WELL_FORMED = st.recursive(ATOMS, larger, max_leaves=8)
SOURCES = WELL_FORMED | st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
LEAVES = st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=5)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
CHANGES = st.sampled_from(["drop", "rename", "share", "replace"])
NEW_KEYS = st.text(max_size=4) | st.integers()
NEW_VALUES = DATA | SOURCES | SOURCES.map("={}".format)
EVENT = parse(to_json(event("sim-replaced")))
MINIMAL = validate(
    {
        "name": "cards",
        "summary": "Cards.",
        "system": {"http": {"base_url": "http://system.test"}},
        "rules": [{"name": "a", "on": "SIM/Updated", "calls": [{"get": "/"}]}],
    }
)


def evaluated(source: str, variables: Any) -> Any:
    scope = event_scope(EVENT, MINIMAL, {"data": variables})
    scope["variables"] = variables
    return compile_condition(source).evaluate(scope)


@settings(max_examples=BUDGET * 5)
@given(SOURCES | st.text(), DATA)
def test_any_expression_is_evaluated_or_refused(source: str, data: Any) -> None:
    try:
        value = evaluated(source, data)
    except ExpressionError as error:
        assert str(error)
    except EvaluationError as error:
        assert str(error).startswith("`")
    except Refusal as refusal:  # the event lacks the part
        assert "is missing" in refusal.result.details[0].rule
    else:
        assert len(repr(value)) < 100_000


@given(DATA | st.dictionaries(st.text(max_size=3), SOURCES), SOURCES | st.text())
def test_any_value_in_a_file_is_compiled_or_refused(value: Any, source: str) -> None:
    for raw in (value, f"={source}", f"a {{{{ {source} }}}} b"):
        try:
            for found in expressions(compile_value(raw)):
                assert found.names is not None
        except ExpressionError as error:
            assert str(error)


EACH = st.fixed_dictionaries(
    {"each": SOURCES | DATA, "give": DATA | st.dictionaries(st.text(max_size=3), SOURCES)},
    optional={"when": SOURCES | st.booleans()},
)


@given(EACH, DATA, SOURCES)
def test_any_list_made_of_a_list_is_evaluated_or_refused(raw: Any, data: Any, give: str) -> None:
    """Seen from outside, its values are as many as its items."""
    scope = event_scope(EVENT, MINIMAL, {"data": data})
    scope["variables"] = data
    for value in (raw, {**raw, "give": {"a": f"={give}", "b": raw}}):
        try:
            found = compile_value(value)
            list_of = found.evaluate(scope)
            seen = [one.evaluate(scope) for _, one in leaves(found)]
        except (ExpressionError, EvaluationError):
            continue
        except Refusal as refusal:
            assert "is missing" in refusal.result.details[0].rule
            continue
        assert list_of is None or isinstance(list_of, list)
        assert seen
        assert "item" not in scope


ENDLESS = {
    "parentheses": f"{'(' * 5000}1{')' * 5000}",
    "lists": f"{'[' * 5000}{']' * 5000}",
    "signs": f"{'-' * 5000}1",
    "fields": f"sim{'.a' * 5000}",
    "filters": f"sim{'|lower' * 5000}",
    "sums": f"1{'+1' * 5000}",
    "digits": "9" * 5000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_expression_that_is_too_deep_or_too_long_is_refused(name: str) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(ENDLESS[name])
    with pytest.raises(ExpressionError):
        compile_text(f"/{{{{ {ENDLESS[name]} }}}}")


@pytest.mark.parametrize(
    "source",
    [
        "'x' * 999999999",
        "variables.text * variables.number",
        "variables.number * variables.list",
        "9 ** 999999999",
        "'%0999999999d' % 1",
        "variables.text % variables.number",
        "variables.number ** variables.number",
        "7 | round(variables.number)",
        "7 | round(variables.number, 'floor')",
        "variables.text | replace('', variables.text)",
        "variables.list | join(variables.text)",
    ],
)
def test_data_cannot_make_an_expression_fill_the_memory(source: str) -> None:
    """Without a bound, each of these would take gigabytes or hours."""
    data = {"number": 999_999_999, "text": "x" * 10_000, "list": [""] * 10_000}
    with pytest.raises(EvaluationError):
        evaluated(source, data)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("1.5 * 4", 6.0),
        ("2.345 | round(1, 'floor')", 2.3),
        ("'a-b-c' | replace('-', '+', 1)", "a+b-c"),
        ("[1, 2] | join('-')", "1-2"),
        ("[{'n': 1}, {'n': 2}] | join('-', attribute='n')", "1-2"),
    ],
)
def test_the_bounded_operators_and_filters_compute_usual_values(source: str, expected: Any) -> None:
    assert evaluated(source, None) == expected


def test_constants_are_not_computed_while_compiling() -> None:
    """Matching this pattern with this text would take years."""
    assert compile_condition(f"'{'a' * 99}' is matching('(a+)+b')").names == set()


# Mapping files


def places(document: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[str | int, ...]] = []
    for key, value in items:
        found.append((*way, key))
        if isinstance(value, dict | list):
            found += places(value, (*way, key))
    return found


def parent(document: Any, way: tuple[str | int, ...]) -> Any:
    for step in way[:-1]:
        document = document[step]
    return document


def dumped(document: Any) -> bytes:
    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    return text.encode()


def checked(file: Path, content: bytes) -> MappingFile | None:
    """The mapping of a file, None if it is refused; the form of its lints is checked.

    Each lint has a name, a reason, a mend and a line of the file. A refused file has a lint.
    """
    file.write_bytes(content)
    mapping, lints = check(file)
    assert mapping is not None or lints
    lines = len(content.decode(errors="replace").splitlines()) + 1
    for found in lints:
        assert found.name
        assert found.reason
        assert found.mend
        assert found.reason.removeprefix("unknown key ") not in found.mend
        assert 1 <= found.place.line <= lines
    return mapping


@pytest.mark.parametrize("name", ORIGINALS)
def test_an_unchanged_mapping_is_read(name: str, tmp_path: Path) -> None:
    """Otherwise the tests below would find this fault in every changed file, and no other fault."""
    assert checked(tmp_path / "mapping.yaml", dumped(ORIGINALS[name]))


@pytest.mark.parametrize("name", ORIGINALS)
@settings(max_examples=BUDGET * 2 // 5, suppress_health_check=list(HealthCheck))
@given(chance=st.data())
def test_a_mapping_with_one_change_is_read_or_refused(
    name: str, tmp_path: Path, chance: st.DataObject
) -> None:
    document = deepcopy(ORIGINALS[name])
    ways = places(document)
    way = chance.draw(st.sampled_from(ways))
    place, last = parent(document, way), way[-1]
    match chance.draw(CHANGES):
        case "drop":
            del place[last]
        case "rename" if isinstance(place, dict):
            place[chance.draw(NEW_KEYS)] = place.pop(last)
        case "share":  # an alias in the file; it contains itself if `other` is above `way`
            other = chance.draw(st.sampled_from(ways))
            place[last] = parent(document, other)[other[-1]]
        case _:
            place[last] = chance.draw(NEW_VALUES)
    checked(tmp_path / "mapping.yaml", dumped(document))


@pytest.mark.parametrize("name", ORIGINALS)
@settings(max_examples=BUDGET // 4, suppress_health_check=list(HealthCheck))
@given(chance=st.data())
def test_a_mapping_file_with_replaced_bytes_is_read_or_refused(
    name: str, tmp_path: Path, chance: st.DataObject
) -> None:
    content = dumped(ORIGINALS[name])
    start = chance.draw(st.integers(0, len(content)))
    end = chance.draw(st.integers(start, min(len(content), start + 200)))
    marks = st.sampled_from([b"&a ", b"*a", b"<<: *a", b"- ", b"\t", b"!!set ", b"? ", b"\n---\n"])
    patch = chance.draw(st.binary(max_size=20) | marks)
    checked(tmp_path / "mapping.yaml", content[:start] + patch + content[end:])


@settings(max_examples=BUDGET * 2, suppress_health_check=list(HealthCheck))
@given(st.binary() | st.text().map(str.encode) | DATA.map(dumped))
def test_any_file_is_a_mapping_or_is_refused(tmp_path: Path, content: bytes) -> None:
    checked(tmp_path / "mapping.yaml", content)


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(" * 5000 + ")" * 5000])
def test_an_invalid_regular_expression_in_a_setting_is_refused(
    pattern: str, tmp_path: Path
) -> None:
    document = deepcopy(ORIGINALS["wtl-hlr-hss"])
    next(iter(document["settings"].values()))["matches"] = pattern
    assert checked(tmp_path / "mapping.yaml", dumped(document)) is None


def test_aliases_that_expand_to_billions_of_values_are_refused(tmp_path: Path) -> None:
    """Ten anchors, each a list of ten aliases of the anchor before it."""
    lines = ['a0: &a0 ["x"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    assert checked(tmp_path / "mapping.yaml", "\n".join(lines).encode()) is None
