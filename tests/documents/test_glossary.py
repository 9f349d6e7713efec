"""docs/glossary.md is in alphabetical order, and names entries and code that exist."""

import re
from importlib import import_module

import pytest

from tests.documents.test_docs import read, sections

WORDS = sections(read("glossary.md"), "##")


def test_the_words_are_in_alphabetical_order() -> None:
    assert [*WORDS] == sorted(WORDS, key=str.casefold)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_in_italics_has_an_entry(word: str) -> None:
    for named in re.findall(r"(?<![*\w])\*([^*]+?)\*(?![*\w])", WORDS[word]):
        singular = " ".join(named.split()).removesuffix("s")
        assert {named, singular, f"{singular}s"} & set(WORDS), named


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:connector|connector_tools)\.[\w.]+)`", read("glossary.md")))),
)
def test_the_code_that_an_entry_names_exists(path: str) -> None:
    module, _, name = path.rpartition(".")
    if not hasattr(import_module(module), name):
        import_module(path)
