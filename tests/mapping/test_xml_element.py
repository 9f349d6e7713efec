"""XML as expressions read it: paths, namespaces, and documents that are refused."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope, compile_condition
from connector.mapping.text import in_xml
from connector.mapping.xml_element import NoXml, read_xml, unbound_prefixes

PREFIXES = {"a": "urn:a", "b": "urn:b"}
SPELLINGS = {
    "prefixes": '<x:r xmlns:x="urn:a"><x:v k="1">7</x:v></x:r>',
    "a default namespace": '<r xmlns="urn:a"><v k="1">7</v></r>',
    "a namespace on each element": '<r xmlns="urn:a"><v xmlns="urn:a" k="1">7</v></r>',
    "a prefix that is bound again": (
        '<x:r xmlns:x="urn:a"><x:v xmlns:x="urn:b">no</x:v><x:v k="1">7</x:v></x:r>'
    ),
    "CDATA": '<r xmlns="urn:a"><v k="1"><![CDATA[7]]></v></r>',
    "comments": '<!-- 1 --><r xmlns="urn:a"><!-- 2 --><v k="1"><!-- 3 -->7</v></r>',
    "a processing instruction": '<?a b?><r xmlns="urn:a"><?c d?><v k="1">7</v></r>',
    "blanks": '\n <r xmlns="urn:a">\n\t<v k=" 1 ">\n 7 </v></r>\n',
    "a declaration after blanks": '\n<?xml version="1.0"?><r xmlns="urn:a"><v k="1">7</v></r>',
    "a byte order mark": '\ufeff<r xmlns="urn:a"><v k="1">7</v></r>',
    "a false encoding": (
        '<?xml version="1.0" encoding="UTF-16"?><r xmlns="urn:a"><v k="1">7</v></r>'
    ),
    "xsi:nil before it": (
        '<r xmlns="urn:a" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        '<v i:nil="true"/><v k="1">7</v></r>'
    ),
}


def value(document: Any, expression: str) -> Any:
    return compile_condition(f"d | {expression}").evaluate(Scope(d=document))


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_an_element_is_found_however_the_document_is_spelt(text: str) -> None:
    document = read_xml(text, PREFIXES)
    assert value(document, "element('a:r/a:v')") == "7"
    assert value(document, "element('a:v/@k')") == "1"
    assert value(document, "element('b:r')") is None


def test_the_first_step_is_at_any_depth_and_each_other_step_is_a_child() -> None:
    text = "<r><a><c>1</c></a><b><a><x><c>2</c></x></a></b><a><b><c>3</c></b></a></r>"
    assert value(text, "element('c')") == "1"
    assert value(text, "element('b/c')") == "3"
    assert value(text, "element('b/a/x/c')") == "2"
    assert value(text, "element('r/c')") is None


def test_elements_are_a_list_for_further_paths() -> None:
    text = "<r><s><n>1</n></s><s/><s><n>3</n></s></r>"
    assert value(text, "elements('s') | map('element', 'n') | list") == ["1", None, "3"]
    assert value(text, "elements('s/n') | length") == 2
    assert value(text, "elements('t')") == []
    assert value(None, "elements('t')") == []
    assert value(None, "element('t')") is None


def test_an_empty_element_has_an_empty_text_and_a_nil_one_has_none() -> None:
    nil = '<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="1">x</r>'
    assert value("<r/>", "element('r')") == ""
    assert value(nil, "element('r')") is None


def test_an_attribute_without_a_prefix_has_no_namespace() -> None:
    document = read_xml('<r xmlns="urn:a" xmlns:p="urn:a" p:k="1"/>', PREFIXES)
    assert value(document, "element('r/@a:k')") == "1"
    assert value(document, "element('r/@b:k')") is None
    assert value(read_xml('<r xmlns="urn:a" k="1"/>', PREFIXES), "element('r/@a:k')") is None


def test_a_prefix_that_the_document_does_not_bind_is_no_namespace() -> None:
    document = read_xml("<x:r><x:v>7</x:v></x:r>", PREFIXES)
    assert value(document, "element('v')") == "7"
    assert value(document, "element('a:v')") is None
    assert unbound_prefixes('<x:r y:k="" xml:lang="en"><z:v xmlns:z="urn:z"/></x:r>') == {"x", "y"}


@pytest.mark.parametrize("path", ["c:v", "a:r/c:v", "v/@c:k"])
def test_a_prefix_that_the_file_does_not_declare_fails(path: str) -> None:
    document = read_xml('<r xmlns="urn:a"><v k="1" xmlns:p="urn:c" p:k="2">7</v></r>', PREFIXES)
    with pytest.raises(EvaluationError, match="`c` is not declared"):
        value(document, f"element('{path}')")


@pytest.mark.parametrize("path", ["", "a/", "/a", "a//b", "@k/a", "a b", "a[1]", "..", "a:b:c"])
def test_what_is_no_path_fails(path: str) -> None:
    with pytest.raises(EvaluationError, match="a path of an element"):
        value(read_xml("<a/>", {}), f"element('{path}')")


LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><r>&b;</r>'
HOSTILE = {
    "entities in entities": LAUGHS,
    "an external entity": '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>',
    "an external DTD": '<!DOCTYPE r SYSTEM "http://evil.test/"><r/>',
    "deep nesting": "<r>" * 101 + "</r>" * 101,
    "very deep nesting": "<r>" * 100_000,
    "very many elements": f"<r>{'<a/>' * 50_000}</r>",
    "an unknown entity": "<r>&a;</r>",
    "no end": "<r><a>",
    "two roots": "<r/><r/>",
    "no text": "",
    "a control character": "<r>\x00</r>",
    "a repeated attribute": '<r a="1" a="2"/>',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused(text: str) -> None:
    with pytest.raises(NoXml):
        read_xml(text, {})
    assert value(text[:400_000], "element('r')") is None


def test_a_document_at_the_bounds_is_read() -> None:
    assert read_xml("<r>" * 100 + "</r>" * 100, {}).size == 101
    assert read_xml(f"<r>{'<a/>' * 49_999}</r>", {}).size == 50_001


def test_many_prefixes_do_not_make_each_element_slow() -> None:
    def seconds(declared: str) -> float:
        text, begun = f"<r{declared}>{'<a/>' * 40_000}</r>", time.process_time()
        read_xml(text, {})
        return time.process_time() - begun

    declared = "".join(f' xmlns:n{number}="u"' for number in range(20_000))
    assert seconds(declared) < 5 * seconds("") + 0.3


def test_a_prefix_means_what_the_nearest_element_says() -> None:
    text = '<r xmlns:x="urn:a"><x:v xmlns:x="urn:b"/><x:v/><v xmlns="urn:b"><w xmlns=""/></v></r>'
    names = [found.name for found in read_xml(text, {}).inside()]
    spaces = [None, "urn:b", "urn:a", "urn:b", None]
    assert [name.namespace for name in names] == spaces


@given(st.text())
def test_text_that_the_connector_encodes_is_read_unchanged(text: str) -> None:
    try:
        encoded = in_xml(text)
    except ValueError:
        return
    document = read_xml(f'<r k="{encoded}">{encoded}</r>', {})
    (root,) = document.children
    assert "".join(root.texts) == text
    assert [*root.attributes.values()] == [text]
