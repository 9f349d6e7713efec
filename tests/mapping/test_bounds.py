"""No event can keep the function busy: its expressions are computed in a bounded time or refused.

The times are CPU times, as multiples of a plain expression that uses up the meter. Without a bound,
most of the cases here take minutes or gigabytes.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from connector.event import parse
from connector.mapping import digests, text_filters, times
from connector.mapping.expression import EvaluationError, ExpressionError, Scope, compile_condition
from connector.mapping.language import LANGUAGE
from connector.mapping.meter import MOST_ITEMS, MOST_STEPS, Meter
from connector.mapping.schema import validate
from connector.outcome import Refusal
from connector.plan.planner import plan
from connector.plan.scope import EventScope, event_scope
from connector.plan.trace import trace
from connector.portabilling import AccountInfo
from tests.support.events import event
from tests.support.mapping_files import mapping, with_call
from tests.support.planner import Planner

pytestmark = pytest.mark.deployment  # once is enough: every Python version gives the same result

MINIMAL = validate(
    {
        "name": "cards",
        "summary": "Cards.",
        "system": {"http": {"base_url": "http://system.test"}},
        "rules": [{"name": "a", "on": "SIM/Updated", "calls": [{"get": "/"}]}],
    }
)
SAME_HASH = 2**61 - 1  # Python's hash of each multiple of it is 0
DEEP: list[Any] = []
for _ in range(90):
    DEEP = [DEEP, 1]
ADD_ONS = [{"i_product": n * SAME_HASH, "name": "a"} for n in range(15_000)]
ATTRIBUTES = [{"name": f"n{n}", "value": "v"} for n in range(15_000)]
# By name: `variables` l, t and n, and changes of parts of the event. Each is about 1 MB.
EVENTS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "numbers": (list(range(150_000)), "a1" * 20_000, 7, {}),
    "same hash": ([n * SAME_HASH for n in range(40_000)], "x", SAME_HASH, {}),
    "long numbers": ([10**4000] * 200, "9" * 4200, 10**4000, {}),
    "letters": (["a"], "a" * 800_000, "b" * 200_000 + "a", {}),
    "words": (["a"], "a " * 500_000, 3, {}),
    "accents": (["é"], "éß" * 250_000, 3, {}),
    "path": ([{"a": 1}] * 20_000, "a." * 300_000, 3, {}),
    "texts": ([f"{'a' * 20}{n}" for n in range(30_000)], "a" * 20_000, 3, {}),
    "nulls": ([None] * 100_000, "a" * 500_000, [["a" * 100] * 4000], {}),
    "keys": ({f"k{n}": n for n in range(60_000)}, "k", 1, {}),
    "lists": ([[n] for n in range(120_000)], "x", [1], {}),
    "deep": ([DEEP] * 500, DEEP, DEEP, {}),
    "fields": ([None] * 50_000, "x", 1, {"account_info": {f"k{n}": n for n in range(40_000)}}),
    "add-ons": ([None], "name", 1, {"account_info": {"assigned_addons": ADD_ONS}}),
    "policy": ([None] * 90_000, "n", 1, {"access_policy_info": {"attributes": ATTRIBUTES}}),
}


def scope_of(name: str) -> EventScope:
    items, text, number, parts = EVENTS[name]
    body = event("sim-replaced")
    body["data"]["variables"] = {"l": items, "t": text, "n": number, "u": f"{text}"}
    body["pb_data"] |= parts
    return event_scope(parse(to_json(body)), MINIMAL, {})


@pytest.fixture(scope="module")
def scopes() -> Callable[[str], EventScope]:
    """The scope of an event by its name in `EVENTS`, each time with a new meter."""
    made = {name: scope_of(name) for name in EVENTS}

    def scope(name: str) -> EventScope:
        return EventScope(made[name], {})

    return scope


def seconds(source: str, scope: Scope) -> float:
    """The CPU time of evaluating an expression, or of refusing the event."""
    expression = compile_condition(source)
    begun = time.process_time()
    try:
        expression.evaluate(scope)
    except EvaluationError as error:
        assert str(error).startswith("`")
    except Refusal:
        pass  # it reads a part that the event lacks
    return time.process_time() - begun


@pytest.fixture(scope="module")
def most(scopes: Callable[[str], EventScope]) -> float:
    """The seconds that an expression may take: some ten times those of a plain one."""
    plain = "variables.l | map('string')"
    return 10 * max(seconds(plain, scopes("numbers")) for _ in range(3)) + 0.2


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("variables.t is matching('(a|b)*a(a|b){500}c')", "letters"),
        ("variables.l | select('matching', '.*a.{50}b') | list", "texts"),
        ("variables.l | unique", "same hash"),
        ("account.assigned_addons | unique", "add-ons"),
        ("account.assigned_addons | unique(attribute='i_product')", "add-ons"),
        ("variables.l | select('in', variables.l) | list", "numbers"),
        ("variables.l | select('in', variables.t) | list", "texts"),
        ("variables.l | reject('eq', variables.n) | list", "lists"),
        ("variables.l | sum(start=variables.l)", "lists"),
        ("variables.l | map('default', variables.t) | join", "nulls"),
        ("variables.l | map('default', variables.t) | select('eq', variables.u) | list", "nulls"),
        ("variables.l | map('default', variables.n) | list | string", "nulls"),
        ("variables.l | map('default', account) | select('eq', account) | list", "fields"),
        ("variables.l | map('default', event) | map('string') | list", "nulls"),
        ("variables.l | map('default', policy) | map('attribute', 'x') | list", "policy"),
        ("variables.l | map(attribute=variables.t) | list", "path"),
        ("variables.l | sort(attribute=variables.t)", "path"),
        ("variables.l | join(variables.l)", "texts"),
        ("variables.t | join(variables.t)", "letters"),
        ("variables.t | trim(variables.n)", "letters"),
        ("variables.t | replace('', variables.t)", "letters"),
        ("variables.t | title", "words"),
        ("variables | title", "keys"),
        ("variables.t | list", "letters"),
        ("variables.t | map('upper') | list", "accents"),
        ("variables.t | sort(true, true)", "letters"),
        ("variables.n * variables.n * variables.n * variables.n", "long numbers"),
        ("variables.l | map('string') | join", "long numbers"),
        ("variables.l == variables.t == variables.n", "deep"),
        ("(variables ~ event) | length", "keys"),
        ("variables.t | split('a')", "letters"),
        ("variables.t | split(variables.t)", "letters"),
        ("variables.l | map('split', 'a') | list", "texts"),
        ("variables.t | groups('((?:a|b)*)a((?:a|b){100})(c?)')", "letters"),
        ("variables.l | map('groups', '(.*)(.*)(.*)(.*)(.*)') | list", "texts"),
        ("variables.l | map('sha512') | map('hex') | list", "texts"),
        ("variables.l | map('hmac', variables.t) | list", "texts"),
        ("variables.t | url_encode", "accents"),
        ("variables.t | dn_encode", "accents"),
        ("variables.t | base64 | unbase64 | base64 | hex", "accents"),
        ("variables.l | to_json | from_json | to_json | from_json", "numbers"),
        ("variables.l | map('pad_left', 1000) | list", "numbers"),
        ("variables.l | map('merged', variables.l[0]) | list", "path"),
        ("variables.l | map('uuid') | list", "numbers"),
        ("variables.l | map('time', 'Asia/Kolkata') | list", "texts"),
    ],
)
def test_an_expression_of_known_danger_is_bounded(
    source: str, name: str, scopes: Callable[[str], EventScope], most: float
) -> None:
    # A collection of garbage can fall into one of them.
    assert any(seconds(source, scopes(name)) < most for _ in range(3))


ATOMS = (
    "variables.l variables.l variables.l variables.t variables.t variables.n variables account "
    "account.assigned_addons policy event counters sim.imsi none 0 1 7 -1 'a' 'name' '' ',' [] "
    "true [variables.l,variables.l] {'a':variables.l}"
).split()
OPERATORS = "+ - * ** / // % ~ == != < >= in and".split()
FILTERS = sorted(name for name in LANGUAGE.filters if not name.startswith("_"))
TESTS = sorted(LANGUAGE.tests)
NESTED = (
    "map('{f}') map('{f}',{x}) map('{f}',{x},{x}) select('{t}',{x}) reject('{t}') "
    "sort(attribute={x}) map(attribute={x}) selectattr({x},'{t}',{x}) unique(attribute={x}) "
    "sum(start={x}) trim({x}) join({x},{x}) max(attribute={x}) unique(true) sort(true,true) "
    "replace({x},{x}) default({x}) split({x}) groups('(.*)(a?)') hmac({x}) pad_left({x},{x}) "
    "merged({x}) map('split',{x}) time({x}) plus({x},{x}) format_time({x}) "
    "select('matching','(a|b)*a.{50}') map('map','{f}') map('select','{t}',{x}) round({x})"
).split()


def expression(chance: random.Random, depth: int) -> str:
    """An expression with operators, filters and tests, nested up to `depth`."""
    if depth == 0 or chance.random() < 0.1:
        return chance.choice(ATOMS)

    def inner(text: str) -> str:
        for mark, choices in (("{f}", FILTERS), ("{t}", TESTS)):
            text = text.replace(mark, chance.choice(choices))
        while "{x}" in text:
            text = text.replace("{x}", expression(chance, depth - 1), 1)
        return text

    forms = [
        f"({{x}} {chance.choice(OPERATORS)} {{x}})",
        "({x} | {f})",
        "({x} | {f}({x}))",
        "({x} is {t}({x}))",
        "{x}[{x}:{x}]",
        *[f"({{x}} | {chance.choice(NESTED)})"] * 5,
    ]
    return inner(chance.choice(forms))


def test_any_expression_over_any_large_event_is_computed_in_a_bounded_time_or_refused(
    scopes: Callable[[str], EventScope], most: float
) -> None:
    chance = random.Random(25)  # noqa: S311 - the same expressions each time
    computed = 0
    while computed < 200:
        source = expression(chance, 3)
        try:
            compile_condition(source)
        except ExpressionError:
            continue
        for name in chance.sample(sorted(EVENTS), 2):
            assert seconds(source, scopes(name)) < most, (source, name)
            computed += 1


OF_TEXT = {
    *"abs float int lower replace round string title trim upper".split(),
    *times.FILTERS,
    *digests.FILTERS,
    *text_filters.FILTERS,
    "from_json",
    "element",
    "elements",
}
CONSTANT = set("default first last length".split())  # take the same time for every value


@pytest.mark.parametrize("name", sorted(set(FILTERS) - CONSTANT))
def test_each_filter_pays_for_its_input(name: str, scopes: Callable[[str], EventScope]) -> None:
    """Otherwise `map` could call a filter for thousands of large values."""
    text = name in OF_TEXT
    scope = scopes("nulls" if text else "policy" if name == "attribute" else "numbers")
    given = {"attribute": "policy | attribute('x')", "items": "variables | items"}
    given["merged"] = "variables | merged(variables)"
    scope["variables"] = {**scope["variables"], "l": scope["variables"]["l"][:10_000]}
    if name in ("items", "merged"):
        scope["variables"] = dict.fromkeys(map(str, range(20_000)))
    arguments = {
        "replace": "('b', 'c')",
        "element": "('b')",
        "elements": "('b')",
        "selectattr": "('a')",
        "rejectattr": "('a')",
        "map": "('abs')",
        "split": "('a')",
        "groups": "('(a*)')",
        "hmac": "('key')",
        "in_zone": "('UTC')",
        "format_time": "('%Y')",
        "seconds_since": "(event.updated_at)",
        "pad_left": "(5)",
        "pad_right": "(5)",
    }
    source = f"variables.{'t' if text else 'l'} | {name}{arguments.get(name, '')}"
    seconds(given.get(name, source), scope)
    assert MOST_STEPS - scope.meter.left >= 5_000


COMPARING = "digits eq equalto ge greaterthan gt in le lessthan lower lt matching ne upper".split()


@pytest.mark.parametrize("name", COMPARING)
def test_each_test_that_reads_its_input_pays_for_it(
    name: str, scopes: Callable[[str], EventScope]
) -> None:
    scope = scopes("nulls")
    unary = {"matching": "('[a-z]*')", "digits": "", "lower": "", "upper": ""}
    seconds(f"variables.t is {name}{unary.get(name, '(variables.u)')}", scope)
    assert MOST_STEPS - scope.meter.left >= 5_000


def test_tests_of_a_type_are_free_and_all_others_pay() -> None:
    of_type = (
        "boolean defined divisibleby even false float imsi integer iterable mapping none number "
        "odd sequence string true"
    ).split()
    assert set(of_type) | set(COMPARING) == set(TESTS)


@pytest.mark.parametrize(
    "source",
    [
        "variables.t == variables.u",
        "variables.t < variables.u < variables.t",
        "variables.n == variables.n",
        "variables.t in [variables.u]",
        "'b' in variables.t",
        "variables.t ~ 1",
        "variables.t + variables.t",
        "variables.t[1:]",
    ],
)
def test_each_operator_pays_for_its_input(source: str, scopes: Callable[[str], EventScope]) -> None:
    scope = scopes("nulls")
    assert seconds(source, scope) >= 0
    assert MOST_STEPS - scope.meter.left >= 4_900


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        (5, 0),
        ("short", 0),
        ("a" * 1000, 10),
        (10**4000, 130),
        ([1] * 50, 50),
        ({"a": ["b"]}, 3),
        ([[["a" * 1000]]], 13),
        (AccountInfo.model_validate({"unknown": [1] * 50}), 50),
        (parse(to_json(event("sim-replaced"))), 50),
    ],
    ids="number text long-text long-number list object depth part event".split(),
)
def test_a_value_is_read_at_every_depth(value: Any, steps: int) -> None:
    meter = Meter()
    meter.read(value)
    assert steps <= MOST_STEPS - meter.left <= 3 * steps


def test_numbers_that_have_the_same_hash_are_found_as_fast_as_others() -> None:
    def seconds_of(step: int) -> float:
        scope = Scope(numbers=[number * step for number in range(8_000)])
        return min(seconds("numbers | unique", Scope(scope)) for _ in range(3))

    assert seconds_of(SAME_HASH) < 10 * seconds_of(1) + 0.05


def test_unique_compares_as_before() -> None:
    large = [
        SAME_HASH,
        -SAME_HASH,
        SAME_HASH,
        str(SAME_HASH),
        1,
        1.0,
        True,
        "1",
        "a",
        "A",
        None,
        None,
    ]
    assert compile_condition("large | unique").evaluate(Scope(large=large)) == [
        SAME_HASH,
        -SAME_HASH,
        str(SAME_HASH),
        1,
        "1",
        "a",
        None,
    ]


@pytest.mark.parametrize(
    "source", ["[[1], [2]] | sum(start=m)", "[[1], [2]] | unique", "['a'] | sum", "'a' | trim(l)"]
)
def test_uses_of_filters_without_a_bound_are_refused(source: str) -> None:
    with pytest.raises(EvaluationError):
        compile_condition(source).evaluate(Scope(l="a" * 101, m=[]))


# What an event's expressions share

VALUES = "".join(f"  v{n}: =variables.t | lower\n" for n in range(10))
LONG = {"data.variables": {"t": "A" * 800_000}}


def planned(folder: Path, text: str) -> Any:
    return Planner(folder)(f"values:\n{VALUES}{with_call(text)}", name="sim-updated", change=LONG)


def test_all_expressions_of_an_event_share_one_meter(tmp_path: Path) -> None:
    """One text is within the bound, ten are not; the next event begins anew."""
    for _ in range(2):
        assert len(planned(tmp_path, "{put: /a, json: '=[v0[0]]'}").steps) == 1
        with pytest.raises(Refusal) as caught:
            planned(tmp_path, f"{{put: /a, json: '=[{', '.join(f'v{n}[0]' for n in range(10))}]'}}")
        (detail,) = caught.value.result.details
        assert detail.rule.endswith(
            "more than 50,000 steps of work: a list or a text of the event is too long"
        )


def test_the_bodies_of_an_events_calls_are_bounded_together(tmp_path: Path) -> None:
    """Else an event of a megabyte could fill gigabytes with the bodies of its calls."""
    each = ", ".join("1" * 50)
    with pytest.raises(
        Refusal,
    ) as caught:
        planned(tmp_path, f'{{each: "[{each}]", put: /a, json: =variables}}')
    assert "50,000 steps" in caught.value.result.details[0].rule


def test_a_call_is_made_for_at_most_a_thousand_items(tmp_path: Path) -> None:
    call = with_call("{each: variables.l, put: /a}")
    for count in (MOST_ITEMS, MOST_ITEMS + 1):
        change = {"data.variables": {"l": [1] * count}}
        if count <= MOST_ITEMS:
            steps = Planner(tmp_path)(call, name="sim-updated", change=change).steps
            assert len(steps) == count
            continue
        with pytest.raises(Refusal) as caught:
            Planner(tmp_path)(call, name="sim-updated", change=change)
        assert caught.value.result.details[0].rule == "`each` takes at most 1000 items"


def test_the_notes_of_a_trace_are_not_paid_for(tmp_path: Path) -> None:
    """Else `explain` would refuse an event that the function applies."""
    ignored = ", ".join(["{if: variables.t | lower == 'b', because: a}"] * 5)
    rule = f"{{name: a, on: SIM/Updated, ignore: [{ignored}], calls: [{{put: /a}}]}}"
    found = mapping(tmp_path, f"rules: [{rule}]")
    sent = parse(to_json(event("sim-updated", change=LONG)))
    assert trace(sent, found, {}).result is None
    assert plan(sent, found, {}).steps
