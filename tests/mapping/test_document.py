"""A document has YAML 1.2's core types and the place of each key; each lint names its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.document import BadMapping, Document, Lint, Place, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mapping.yaml"


def document(file: Path, text: str) -> Document:
    file.write_text(text, encoding="utf-8")
    return read(file)


def lints(file: Path, text: str | bytes) -> list[Lint]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadMapping) as caught:
        read(file)
    assert all(lint.reason and lint.mend and lint.level == "error" for lint in caught.value.lints)
    return list(caught.value.lints)


# Types


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("5", 5),
        ("-5", -5),
        ("0.5", 0.5),
        ("-0.5", -0.5),
        ("310150123456789", 310150123456789),
        ("1.5e-07", 1.5e-07),
        ("00:1A:2b", "00:1A:2b"),
        ("1.2.3", "1.2.3"),
        ("420 700", "420 700"),
        ("2026-03-02", "2026-03-02"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("'5'", "5"),
        ("'00101'", "00101"),
        ("'12:30'", "12:30"),
        ('"true"', "true"),
        ('"001010000000001"', "001010000000001"),
        ("=account.bill_status", "=account.bill_status"),
        ("{a: 1, b: [2]}", {"a": 1, "b": [2]}),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_plain_scalars_have_the_types_of_yaml_1_2(file: Path, text: str, expected: Any) -> None:
    found = document(file, f"a: {text}\n").data["a"]
    assert found == expected
    assert type(found) is type(expected)


def test_keys_are_text(file: Path) -> None:
    assert document(file, "on: 1\n404: 2\ntrue: 3\n~: 4\n").data == {
        "on": 1,
        "404": 2,
        "true": 3,
        "~": 4,
    }


def test_an_empty_file_has_no_data(file: Path) -> None:
    assert document(file, "").data is None
    assert document(file, "# nothing but a comment\n").data is None


def test_an_alias_is_replaced_by_its_anchor(file: Path) -> None:
    found = document(file, "a: &it {b: [1]}\nc: *it\nd: [*it]\n")
    assert found.data == {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}]}


@pytest.mark.parametrize(
    "text",
    """00101 010 -00 -0 +5 .5 5. 1.50 1.10 0.50 1e3 1E3 12e5 1.5e3 9e999 0.1234567890123456789
    0x1F 0o17 0b11 1_000 12:30 1:2:3 .inf -.INF .nan .NaN""".split(),
)
@pytest.mark.parametrize("place", ["a: {}", "a:\n  - 1\n  - {}", "a: [1, {}]", "a:\n  b: &c {}"])
def test_a_number_that_json_would_write_otherwise_needs_quotes(
    file: Path, text: str, place: str
) -> None:
    content = place.format(text)
    (lint,) = lints(file, content)
    before = content[: content.index(text)].removesuffix("&c ")
    assert lint.name == "number"
    assert lint.place == Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert f"`{text}`" in lint.reason
    assert "put it in quotes" in lint.mend
    assert document(file, place.format(f'"{text}"')).data


@settings(suppress_health_check=list(HealthCheck))
@given(st.from_regex(r"[-+.0-9eE_:xo]{1,12}", fullmatch=True))
def test_a_plain_scalar_is_read_as_it_is_written_or_refused(tmp_path: Path, text: str) -> None:
    """The value gives the same characters again: nothing was lost or made up."""
    try:
        found = document(tmp_path / "mapping.yaml", f"a: {text}\n").data["a"]
    except (BadMapping, TypeError):
        return
    if isinstance(found, str | int | float):  # else it was a list: `- 1`
        assert text == (found if isinstance(found, str) else json.dumps(found))


def test_all_such_numbers_are_reported_at_once(file: Path) -> None:
    found = lints(file, "a: 00101\nb: [0x1F]\n007: 1\n")
    assert [(lint.name, lint.place.line) for lint in found] == [("number", 1), ("number", 2)]


@pytest.mark.parametrize(
    "text", ["<<: {b: 1}", "a: {<<: {b: 1}}", "b: &b {c: 1}\na:\n  <<: *b\n", "a: [{<<: []}]"]
)
def test_a_merge_key_is_refused(file: Path, text: str) -> None:
    (lint,) = lints(file, text)
    assert lint.name == "merge-key"
    before = text[: text.index("<<")]
    assert lint.place == Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert document(file, text.replace("<<:", '"<<":')).data


@pytest.mark.parametrize(
    "tag", ["!!binary", "!!set", "!!str", "!!bool", "!!timestamp", "!!python/tuple", "!mine", "!"]
)
def test_a_tag_is_refused(file: Path, tag: str) -> None:
    for text in (f"a: {tag} x\n", f"a: [1, {tag} {{b: 1}}]\n", f"{tag} a: 1\n"):
        (lint,) = lints(file, text)
        assert (lint.name, lint.place.line) == ("tag", 1)
        assert f"`{tag}`" in lint.reason


# Places

NESTED = """\
# a comment
name: x
rules:
  - on: SIM/Updated
    calls:
      - {post: /a,
         json: {b: 1}}
  - second
"""


@pytest.mark.parametrize(
    ("loc", "line", "column"),
    [
        ((), 2, 1),
        (("name",), 2, 1),
        (("rules",), 3, 1),
        (("rules", 0), 4, 5),
        (("rules", 0, "on"), 4, 5),
        (("rules", 0, "calls"), 5, 5),
        (("rules", 0, "calls", 0), 6, 9),
        (("rules", 0, "calls", 0, "post"), 6, 10),
        (("rules", 0, "calls", 0, "json"), 7, 10),
        (("rules", 0, "calls", 0, "json", "b"), 7, 17),
        (("rules", 1), 8, 5),
        (("rules", 0, "when"), 4, 5),
        (("rules", 9, "on"), 3, 1),
        (("nothing", "here"), 2, 1),
    ],
)
def test_each_key_and_item_has_its_own_place_or_that_of_its_container(
    file: Path, loc: tuple[str | int, ...], line: int, column: int
) -> None:
    assert document(file, NESTED).place(loc) == Place(line, column)


def test_a_lint_prints_as_one_line(file: Path) -> None:
    lint = document(file, NESTED).lint("some-name", ("rules", 1), "a reason", "a mend")
    assert str(lint) == f"{file}:8:5: error: a reason; a mend [some-name]"


# Lints


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\nb: [1, 2\n", 3, 1),
        ("a: 1\nb: 'open\n", 3, 1),
        ("a: 1\n\tb: 2\n", 2, 1),
        ("a: b: c\n", 1, 5),
        ("a: 1\n- b\n", 2, 1),
        ("a: *nothing\n", 1, 4),
        ("a: 1\n---\nb: 2\n", 2, 1),
        ("a: @b\n", 1, 4),
        ('a: "\\ud800"\n', 1, 7),
    ],
)
def test_a_syntax_error_has_its_place(file: Path, text: str, line: int, column: int) -> None:
    (lint,) = lints(file, text)
    name = "unquoted" if "@" in text else "yaml"
    assert (lint.name, lint.place) == (name, Place(line, column))


def test_each_duplicate_key_is_reported_with_its_place(file: Path) -> None:
    found = lints(file, "a: 1\nb: {c: 1, c: 2}\na: 3\n'a': 4\n")
    assert [(lint.name, lint.place) for lint in found] == [
        ("duplicate-key", Place(2, 11)),
        ("duplicate-key", Place(3, 1)),
        ("duplicate-key", Place(4, 1)),
    ]
    assert "`c`" in found[0].reason


def test_a_list_as_a_key_is_refused(file: Path) -> None:
    (lint,) = lints(file, "a: 1\n? [b, c]\n: 2\n")
    assert lint.place.line == 2
    assert "Node" not in lint.reason


def test_a_missing_file_or_a_directory_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(BadMapping) as caught:
            read(path)
        (lint,) = caught.value.lints
        assert (lint.name, lint.path) == ("file", path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("body", [b"name: \xff", "name: x".encode("utf-16"), b"name: caf\xe9"])
def test_a_file_that_is_not_utf_8_is_refused(file: Path, body: bytes) -> None:
    (lint,) = lints(file, body)
    assert lint.name == "file"


def test_a_control_character_is_refused(file: Path) -> None:
    (lint,) = lints(file, "a: \x00\n")
    assert lint.name == "yaml"


def test_a_number_that_is_too_long_is_refused_and_not_quoted_whole(file: Path) -> None:
    (lint,) = lints(file, "a: " + "9" * 5000 + "\n")
    assert (lint.name, lint.place.line) == ("number", 1)
    assert len(lint.reason) < 100


@pytest.mark.parametrize("text", ["a: &it [*it]\n", "a: &it {b: *it}\n", "&it [[*it]]\n"])
def test_an_alias_inside_its_own_anchor_is_refused(file: Path, text: str) -> None:
    (lint,) = lints(file, text)
    assert (lint.name, lint.place.line) == ("yaml", 1)


def test_aliases_that_make_a_file_huge_are_refused(file: Path) -> None:
    names = "abcdefghijkl"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for name, before in zip(names[1:], names, strict=False):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    (lint,) = lints(file, "\n".join(lines))
    assert lint.name == "yaml"
    assert "alias" in lint.mend


@pytest.mark.parametrize("depth", [1_000, 10_000])
def test_a_file_that_is_nested_too_deeply_is_refused(file: Path, depth: int) -> None:
    (lint,) = lints(file, "a: " + "[" * depth + "]" * depth)
    assert lint.name == "yaml"
