"""Filters that cut and fill text; the groups of a pattern are those that Python's `re` finds."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    Scope,
    compile_condition,
)
from connector.mapping.load import check
from tests.support.mapping_files import HEAD, with_call, write


def computed(source: str, **names: Any) -> Any:
    return compile_condition(source).evaluate(Scope(names))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS.filter(bool))
def test_split_and_join_give_the_text_again(text: str, separator: str) -> None:
    parts = computed("t | split(s)", t=text, s=separator)
    assert computed("p | join(s)", p=parts, s=separator) == text
    assert not any(separator in part for part in parts)


def test_an_empty_text_has_no_parts() -> None:
    assert computed("t | split(',')", t="") == []
    assert computed("n | split(',')", n=None) is None
    assert computed("5.0 | split('.')") == ["5"]


@pytest.mark.parametrize("source", ["t | split('')", "t | split(n)", "l | split(',')"])
def test_split_refuses_what_has_no_parts(source: str) -> None:
    with pytest.raises((EvaluationError, ExpressionError)):
        computed(source, t="a", n=None, l=["a"])


# Groups


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"(\d{3})(\d{2})(\d+)", "001010000000001", ["001", "01", "0000000001"]),
        (r"([^@]+)@(.*)", "380@msisdn", ["380", "msisdn"]),
        (r"(.*)-(.*)", "a-b-c", ["a-b", "c"]),
        (r"(?i)GB:(x*)", "gb:XX", ["XX"]),
        (r"((?:ab)+)(?:-|_)(c?)", "abab_", ["abab", ""]),
        (r"a(b)", "ax", None),
        (r"[(](.)[)]", "(x)", ["x"]),
        (r"\((.)\)", "(x)", ["x"]),
        (r"(é+)(.*)", "ééß", ["éé", "ß"]),
        (r"(a)", "", None),
    ],
)
def test_the_groups_of_a_pattern_are_found(
    pattern: str, text: str, expected: list[str] | None
) -> None:
    assert computed("t | groups(p)", t=text, p=pattern) == expected


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "-"])
COUNTS = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}"])
PIECES = st.builds("{}{}".format, ATOMS, COUNTS)
PATTERNS = st.lists(st.booleans().flatmap(lambda g: PIECES.map("({})".format) if g else PIECES))


@given(PATTERNS, st.text("ab-", max_size=12))
def test_the_groups_are_those_of_python(parts: list[str], text: str) -> None:
    pattern = "".join([*parts, "(.*)"])
    found = re.fullmatch(pattern, text)
    assert computed("t | groups(p)", t=text, p=pattern) == (list(found.groups()) if found else None)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("abc", "needs a group"),
        ("(a)|(b)", "cannot choose between groups"),
        ("((a)b)", "a group inside of another"),
        ("(?:(a)b)*", "a group inside of another"),
        ("(a)*", "cannot repeat a group"),
        ("(a){2}", "cannot repeat a group"),
        ("^(a)", "whole text"),
        (r"(a)\b.*", "whole text"),
        ("(?P<n>a)", "takes (...) and (?:...) only"),
        ("a(?i)(b)", "takes (...) and (?:...) only"),
        ("(a", "must be a regular expression"),
        ("(?=a)(b)", "must be a regular expression"),
        ("(a)" * 400, "more than 1000 characters"),
    ],
)
def test_a_pattern_that_cannot_be_cut_at_its_groups_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_condition(f"sim.imsi | groups({pattern!r})")
    assert said in str(caught.value)


@pytest.mark.parametrize("use", ["{} | groups({})", "[{}] | map('groups', {}) | list"])
def test_a_pattern_of_groups_never_comes_from_an_event(tmp_path: Any, use: str) -> None:
    value = use.format("sim.imsi", "variables.p")
    text = f'{HEAD}values: {{v: "={value}"}}\n{with_call("{put: /a, json: =v}")}'
    lints = check(write(tmp_path, text))[1]
    assert [lint.name for lint in lints] == ["pattern"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("7 | pad_left(3)", "007"),
        ("'abc' | pad_left(2)", "abc"),
        ("'a' | pad_right(3, '-')", "a--"),
        ("'é' | pad_left(2, 'x')", "xé"),
        ("'' | pad_left(2.0)", "00"),
        ("none | pad_left(2)", None),
    ],
)
def test_text_is_filled(source: str, expected: str | None) -> None:
    assert computed(source) == expected


@pytest.mark.parametrize(
    "arguments", ["-1", "1001", "2.5", "true", "'2'", "none", "2, 'ab'", "2, ''"]
)
def test_a_wrong_width_or_filling_is_refused(arguments: str) -> None:
    with pytest.raises(ExpressionError):
        compile_condition(f"sim.imsi | pad_left({arguments})")


@given(TEXTS)
def test_url_encoded_text_is_read_again_as_the_same(text: str) -> None:
    found = computed("t | url_encode", t=text)
    assert unquote(found) == text
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]*", found)
