"""docs/reference is what the code says, and the pictures have a light and a dark form."""

import re
from functools import cache
from typing import Any

import pytest
from typer.main import get_group

from connector.event import EVENT_FIELDS, SECTIONS
from connector.mapping.language import LANGUAGE
from connector.portabilling import PortaBillingData, parts_in
from connector_tools.documents import pictures, reference, reference_keys
from connector_tools.documents.markdown import moved
from tests.documents.test_docs import DOCS, rows, sections
from tests.support import ROOT
from tests.support.command_line import app

PAGES = sorted(str(page.relative_to(ROOT)) for page in (DOCS / "reference").glob("[a-z]*.md"))
FORMS = pictures.files()


@cache
def made() -> dict[str, str]:
    return reference.pages(get_group(app))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_made_from_the_code_is_current(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == made()[path], "make reference"


def test_every_page_made_from_the_code_is_there() -> None:
    assert sorted(made()) == PAGES


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_a_picture_is_current(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == FORMS[path], "make reference"


def test_a_picture_without_colours_for_dark_is_refused() -> None:
    with pytest.raises(ValueError, match="prefers-color-scheme"):
        pictures.forms("<svg><style>.a { fill: #ffffff; }</style></svg>")


def test_the_forms_of_a_picture_have_one_set_of_colours_each() -> None:
    text = (DOCS / "pictures" / "mapping-to-request.svg").read_text(encoding="utf-8")
    light, dark = pictures.forms(text)
    assert light.count(".ground {") == 1
    assert re.findall(r"\.ground \{ fill: (#\w+)", dark) == ["#ffffff", "#0d1117"]
    assert "@media" not in light + dark


# Keys


@pytest.mark.parametrize("title", reference_keys.MODELS)
def test_the_page_of_keys_has_every_key_of_an_entry(title: str) -> None:
    page = sections(made()[reference_keys.PAGE], "##")[title]
    fields = reference_keys.MODELS[title].model_fields
    assert [row[0].strip("`") for row in rows(page)] == [
        info.alias or name for name, info in fields.items()
    ]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("when", "condition"),
        ("subject", "text"),
        ("name", "plain text"),
        ("on", "plain text or list of plain texts"),
        ("replay", "`apply`, `never`"),
        ("require", "list of objects"),
    ],
)
def test_a_key_has_its_type_in_words(key: str, kind: str) -> None:
    page = sections(made()[reference_keys.PAGE], "##")["rules"]
    assert {row[0].strip("`"): row[1] for row in rows(page)}[key] == kind


# The event


def readable(name: str, model: Any) -> set[str]:
    """The expressions that read the fields of a part, and of the parts in it."""
    found = set()
    for field, info in model.model_fields.items():
        found.add(f"{name}.{field}")
        for inner in parts_in(info.annotation):
            found |= readable(f"{name}.{field}[0]", inner)
    return found


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_of_the_event_has_every_field_and_the_part_to_ask_for(name: str) -> None:
    page = sections(made()["docs/reference/event.md"], "##")[name]
    (model,) = set(parts_in(PortaBillingData.model_fields[SECTIONS[name]].annotation))
    shown = f"{name}[0]" if name == "counters" else name
    assert {row[0].strip("`") for row in rows(page)} == readable(shown, model)
    assert f"ask for `{SECTIONS[name]}` in the handler" in page


def test_the_page_of_the_event_has_every_field_of_the_envelope() -> None:
    page = sections(made()["docs/reference/event.md"], "##")["event"]
    assert [row[0].strip("`") for row in rows(page)] == [f"event.{name}" for name in EVENT_FIELDS]


# Language and commands


def test_every_filter_and_test_has_a_heading() -> None:
    page = made()["docs/reference/filters.md"]
    filters = [name for name in sorted(LANGUAGE.filters) if not name.startswith("_")]
    titles = re.findall(r"(?m)^### `(.+)`$", page)
    assert titles == [*filters, *(f"is {name}" for name in sorted(LANGUAGE.tests))]


def test_every_command_has_a_heading_with_its_options() -> None:
    page = made()["docs/reference/commands.md"]
    for name, command in get_group(app).commands.items():
        section = sections(page, "##")[f"connector {name}"]
        for param in command.params:
            assert not param.opts[0].startswith("--") or f"`{param.opts[0]}" in section


def test_a_link_keeps_its_target_on_another_page() -> None:
    text = "[a](b.md#c) [d](#e) [f](../g.yaml) [h](https://x.test/)"
    expected = "[a](../b.md#c) [d](../a.md#e) [f](../../g.yaml) [h](https://x.test/)"
    assert moved(text, "pages/a.md", "pages/made/k.md") == expected
