"""Dead links of a built site are found, and pages get what only the site needs."""

import re
from pathlib import Path

import pytest

from connector_tools.documents.site_links import problems
from connector_tools.documents.site_pages import for_site


def page(folder: Path, body: str) -> list[str]:
    (folder / "a.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    (folder / "b.html").write_text('<html><h1 id="there">b</h1></html>', encoding="utf-8")
    return list(problems(folder))


@pytest.mark.parametrize(
    "body",
    [
        '<a href="b.html#there">b</a>',
        '<a href="b.html">b</a>',
        '<a href="https://example.com/x#y">elsewhere</a>',
        '<p id="here"><a href="#here">here</a></p>',
        '<img src="data:image/png;base64,AAAA">',
    ],
)
def test_a_link_with_a_target_is_accepted(tmp_path: Path, body: str) -> None:
    assert page(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html does not exist"),
        ('<a href="b.html#here">b</a>', "a.html: b.html#here has no such anchor"),
        ('<a href="https:///x">x</a>', "a.html: https:///x is no link to another site"),
        ('<a href="file:///etc/x">x</a>', "a.html: file:///etc/x is no link to another site"),
        (
            '<script src="https://cdn.test/x.js"></script>',
            "a.html: loads https://cdn.test/x.js from outside",
        ),
        ('<img src="//cdn.test/x.png">', "a.html: loads //cdn.test/x.png from outside"),
        ('<img src="x.png">', "a.html: loads x.png, which does not exist"),
    ],
)
def test_a_wrong_link_is_named_with_its_page(tmp_path: Path, body: str, problem: str) -> None:
    assert page(tmp_path, body) == [problem]


def test_a_picture_for_light_and_dark_becomes_two() -> None:
    text = (
        "<picture>\n"
        '  <source media="(prefers-color-scheme: dark)" srcset="a-dark.svg">\n'
        '  <img src="a-light.svg" alt="An A">\n'
        "</picture>\n"
    )
    shown = for_site("docs/some", text)
    assert re.findall(r"\{image\} (\S+)\n:alt: An A\n:class: (\S+)", shown) == [
        ("a-light.svg", "only-light"),
        ("a-dark.svg", "only-dark"),
    ]


def test_a_page_of_the_catalogue_shows_its_mapping_file() -> None:
    assert "{literalinclude} hss-ldap.yaml" in for_site("mappings/hss-ldap", "# `hss-ldap`\n")
