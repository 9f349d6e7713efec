"""Text with expressions in it. Data cannot leave its place in a path, in XML or in a header."""

import re
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.mapping.expression import (
    EvaluationError,
    ExpressionError,
    Scope,
    compile_text,
    compile_value,
)
from connector.mapping.text import BadValue, in_header, in_path, in_xml

IMSI = "001010000000001"
SCOPE = Scope(
    {
        "sim": {"imsi": IMSI},
        "prev_sim": None,
        "number": 5,
        "flag": True,
        "account": {"blocked": False},
        "variables": {"text": "{{ 7 * 7 }}"},
    }
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("imsi:{{ sim.imsi }}", f"imsi:{IMSI}"),
        ("{{ number }}/{{ flag }}/{{ account.blocked }}", "5/true/false"),
        ("{{ '{{ number }}' }}", "{{ number }}"),
        ("a\n{{ number }}\n", "a\n5\n"),
        ("{{ variables.text }}", "{{ 7 * 7 }}"),
        ("# no comment {{ number }}", "# no comment 5"),
    ],
)
def test_expressions_in_text_are_replaced_by_their_values(source: str, expected: str) -> None:
    assert compile_text(source).evaluate(SCOPE) == expected


def test_an_expression_without_a_value_in_text_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no value"):
        compile_text("imsi:{{ prev_sim.imsi }}").evaluate(SCOPE)


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}b{% endif %}",
        "a {# b #}",
        "{{ a",
        "{{ }}",
        "{% set a = 1 %}{{ a }}",
        "{{ a }}{#",
        "{% include 'x' %}",
        "{{ range(3) }}",
        "{{ a | nope }}",
    ],
)
def test_text_takes_expressions_and_nothing_else(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_text(source)


def test_the_outline_of_text_has_braces_in_place_of_data() -> None:
    assert (
        compile_text("/subscribers/{{ sim.imsi }}/x{{ number }}").outline == "/subscribers/{}/x{}"
    )


# Data in its place

HOSTILE = [
    "../../admin",
    "a/b",
    "a?b=c",
    "a#b",
    "a%2fb",
    "a\r\nHost: x",
    "//evil.test",
    "é",
    "\x00",
]
HOSTILE += ["a;b", "a\\b", "@evil.test", "{{ number }}", "<x/>", "&", '"', "'", "]]>", "a b", "=1"]


def in_segment(text: str) -> str:
    return compile_text("/subscribers/{{ data }}/profile", in_path).evaluate(Scope(data=text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_segment_of_a_path(text: str) -> None:
    path = in_segment(text)
    assert re.fullmatch(r"/subscribers/[A-Za-z0-9%._~-]+/profile", path)
    assert unquote(path.split("/")[2]) == text


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_an_empty_or_dotted_path_segment_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError):
        in_segment(text)


@given(st.text())
def test_any_text_stays_in_its_segment_of_a_path(text: str) -> None:
    try:
        path = in_segment(text)
    except EvaluationError:
        assume(False)
    url = urlsplit(f"http://system.test{path}")
    assert (url.netloc, url.query, url.fragment) == ("system.test", "", "")
    _, first, segment, last = url.path.split("/")
    assert (first, unquote(segment), last) == ("subscribers", text, "profile")


@given(st.text())
def test_any_text_stays_in_its_element_and_attribute_of_xml(text: str) -> None:
    template = compile_text('<card id="{{ data }}"><name>{{ data }}</name></card>', in_xml)
    try:
        found = ElementTree.fromstring(template.evaluate(Scope(data=text)))  # noqa: S314 - our own
    except EvaluationError:
        assert re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
        return
    (name,) = found
    assert (found.tag, name.tag, len(name)) == ("card", "name", 0)
    assert (name.text or "", found.attrib["id"]) == (text, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_xml_or_is_refused(text: str) -> None:
    if "\x00" in text:
        with pytest.raises(BadValue, match="control character"):
            in_xml(text)
    else:
        element = ElementTree.fromstring(f'<a b="{in_xml(text)}"/>')  # noqa: S314 - our own
        assert element.attrib["b"] == text


@pytest.mark.parametrize("text", ["a\r\nX-Admin: 1", "a\nb", "a\rb", "\x00", "\x7f", "é", "\u2028"])
def test_text_that_could_start_another_header_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_text("id {{ data }}", in_header).evaluate(Scope(data=text))
    assert text not in str(caught.value)


def test_a_header_takes_printable_ascii() -> None:
    assert in_header("Bearer a~ b!{}") == "Bearer a~ b!{}"


@given(st.text())
def test_data_is_never_an_expression(text: str) -> None:
    data = f"{{{{ 7 * 7 }}}}{text}"
    assert compile_value("=data").evaluate(Scope(data=data)) == data
    assert compile_value("a{{ data }}").evaluate(Scope(data=data)) == f"a{data}"
