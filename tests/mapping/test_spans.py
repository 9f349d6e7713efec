"""A part of a value is found where it stands in the file, however YAML writes the value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.document import VALUE, Edit, Loc, Mark, Place, Spot, parse
from connector.mapping.spans import Lines, Spans
from tests.support import ROOT

MAPPINGS = sorted((ROOT / "mappings").glob("*.yaml"))


def texts(data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    if isinstance(data, dict | list):
        for key, item in data.items() if isinstance(data, dict) else enumerate(data):
            yield from texts(item, (*loc, key))
    elif isinstance(data, str) and data:
        yield loc, data


def marked(spans: Spans, loc: Loc, mark: Mark) -> str:
    span, lines = spans.span(loc, mark), spans.lines
    assert span.exact
    return lines.text[lines.offset(span.start) : lines.offset(span.end)]


@pytest.mark.parametrize("file", MAPPINGS, ids=lambda file: file.stem)
def test_each_word_of_a_value_is_found_in_the_file(file: Path) -> None:
    document = parse(file.read_text(encoding="utf-8"), file)
    count = 0
    for loc, text in list(texts(document.data))[::7]:
        start = next((index for index, char in enumerate(text) if char.isalnum()), None)
        if start is None:
            continue
        end = start + 1
        while end < len(text) and text[end].isalnum():
            end += 1
        assert marked(document.spans, loc, Mark(text, start, end)) == text[start:end], loc
        count += 1
    assert count > 10


STYLES: dict[str, Any] = {
    "plain": None,
    "single": "'",
    "double": '"',
    "literal": "|",
    "folded": ">",
}


@pytest.mark.parametrize("style", STYLES)
@settings(suppress_health_check=list(HealthCheck))
@given(st.text(st.sampled_from("abc '\"\\{}[]:#,|é\u00a0"), min_size=1, max_size=40), st.data())
def test_any_part_of_a_text_in_any_style_is_the_same_characters(
    style: str, text: str, data: st.DataObject
) -> None:
    written = yaml.dump({"a": [{"b": text}]}, default_style=STYLES[style], allow_unicode=True)
    document = parse(written, Path("a.yaml"))
    start = data.draw(st.integers(0, len(text) - 1))
    found = document.data["a"][0]["b"]
    span = document.spans.span(("a", 0, "b"), Mark(found, start, start + 1))
    lines = document.spans.lines
    raw = lines.text[lines.offset(span.start) : lines.offset(span.end)]
    if span.exact:  # else the whole value is marked
        known = {"''": "'", '\\"': '"', "\\\\": "\\"}
        assert (
            yaml.safe_load(f'"{raw}"') == found[start]
            if raw[:2] == "\\x"
            else (known.get(raw, raw).replace("\n", " ").strip() == found[start].strip())
        )


@given(st.text(st.sampled_from("ab\r\n\u2028\x85"), max_size=30))
def test_a_place_and_an_offset_are_two_names_of_one_character(text: str) -> None:
    lines = Lines(text)
    for offset in range(len(text)):
        assert lines.offset(lines.place(offset)) == offset
        assert lines.place(offset).line == len(list(yaml_lines(text[: offset + 1])))


def yaml_lines(text: str) -> Iterator[str]:
    """The lines up to the last character, as YAML counts them."""
    text = (
        text.replace("\r\n", "\n")
        if not text.endswith("\r\n")
        else text[:-2].replace("\r\n", "\n") + "\n"
    )
    for sign in "\r\x85\u2028\u2029":
        text = text.replace(sign, "\n")
    yield from text[:-1].split("\n")


FILE = """\
a: 1  # one
list:
  - {b: "x"}
  - c: 2
    d: 3
"""


@pytest.mark.parametrize(
    ("loc", "mark", "start", "end"),
    [
        (("a",), None, (1, 1), (1, 2)),
        (("a",), VALUE, (1, 4), (1, 5)),
        (("list", 0), None, (3, 5), (3, 13)),
        (("list", 1), None, (4, 5), (4, 9)),
        (("list", 0, "b"), VALUE, (3, 9), (3, 12)),
        (("list", 0, "b", "nothing"), None, (3, 6), (3, 7)),
        (("a", 0), VALUE, (1, 4), (1, 5)),
    ],
)
def test_a_lint_marks_a_key_an_item_or_a_value(
    loc: Loc, mark: Mark | None, start: tuple[int, int], end: tuple[int, int]
) -> None:
    lint = parse(FILE, Path("a.yaml")).lint("name", Spot(loc, mark), "a reason", "a mend")
    assert (lint.place, lint.end) == (Place(*start), Place(*end))


def test_what_to_write_in_place_of_the_mark_is_an_edit() -> None:
    document = parse(FILE, Path("a.yaml"))
    lint = document.lint("name", Spot(("a",), VALUE, "5", guess=False), "a reason", "a mend")
    assert (lint.fix, lint.guess) == ((Edit(Place(1, 4), Place(1, 5), "5"),), False)
    inexact = document.lint("name", Spot(("list",), VALUE, "5"), "a reason", "a mend")
    assert inexact.fix == ()
