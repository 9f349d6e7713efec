"""The text of a body: byte order marks, Content-Type, XML declarations, and names that are none."""

import codecs
from encodings.aliases import aliases

import hypothesis.strategies as st
import pytest
from hypothesis import given

from connector.systems.http.charset import decoded

XML = '<?xml version="1.0" encoding="%s"?><Fault>Žádný účet, José</Fault>'
LATIN = '<?xml version="1.0" encoding="%s"?><Fault>José</Fault>'
FOUND = {
    "nothing": ("José".encode(), "", "José"),
    "UTF-8": ("José".encode(), "a/b; charset=UTF-8", "José"),
    "quoted": ("José".encode("latin-1"), 'a/b; charset="ISO-8859-1"; x=y', "José"),
    "single quotes": ("José".encode("latin-1"), "a/b; charset='iso-8859-1'", "José"),
    "a mark of UTF-8": (codecs.BOM_UTF8 + "José".encode(), "a/b; charset=latin-1", "José"),
    "a mark of UTF-16": ("José".encode("utf-16"), "a/b; charset=utf-8", "José"),
    "a mark of UTF-32": ("José".encode("utf-32"), "", "José"),
    "UTF-16 without a mark": ("<José>".encode("utf-16-be"), "text/xml", "<José>"),
    "UTF-16 without a mark, named": ("žlutá".encode("utf-16-le"), "a/b; charset=utf-16", "žlutá"),
    "UTF-32 without a mark": ("<José>".encode("utf-32-le"), "text/xml; charset=utf-8", "<José>"),
    "UTF-16, cut": ("<José>".encode("utf-16")[:-1], "", "<José\ufffd"),
    "a declaration": ((XML % "windows-1250").encode("cp1250"), "text/xml", XML % "windows-1250"),
    "a declaration that is wrong": ((XML % "utf-16").encode(), "text/xml", XML % "utf-16"),
    "a charset that is wrong": ("José".encode(), "text/xml; charset=utf-16", "José"),
    "UTF-8 beside another set": (
        (XML % "utf-8").encode(), "text/xml; charset=latin-1", XML % "utf-8"
    ),
    "another set beside UTF-8": (
        (LATIN % "latin-1").encode("latin-1"), "text/xml; charset=utf-8", LATIN % "latin-1"
    ),
    "no UTF-8 after all": ("José €".encode("cp1252"), "a/b; charset=utf-8", "José €"),
    "no charset at all": (b"\x81\x8d", "", "\x81\x8d"),
    "an odd byte in a set": ("日本".encode("sjis") + b"\xff!", "a; charset=sjis", "日本\ufffd!"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "content_type", "text"), FOUND.values(), ids=FOUND)
def test_a_body_is_read_in_its_character_set(body: bytes, content_type: str, text: str) -> None:
    assert decoded(body, content_type) == text


NO_CHARSETS = (
    "hex rot13 rot_13 base64 zlib bz2 quopri uu idna punycode undefined utf-7 mbcs".split()
)


@pytest.mark.parametrize(
    "name", [*NO_CHARSETS, "unicode_escape", "x" * 5000, "\0", "%%", "__init__"]
)
def test_a_charset_that_is_none_is_not_used(name: str) -> None:
    assert decoded("<José>".encode(), f"text/xml; charset={name}") == "<José>"


NAMED = "utf-8 utf-16 utf-16-le utf-16-be utf-32 latin-1 cp1251 koi8-r gbk big5 euc-jp".split()


@given(st.sampled_from(NAMED), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_text_comes_back_from_every_named_charset(name: str, text: str) -> None:
    text = f"<{text}>".encode(name, "ignore").decode(name)
    assert decoded(text.encode(name), f"text/xml; charset={name}") == text


NAMES = st.sampled_from([*sorted(aliases), *sorted(set(aliases.values()))]) | st.text(max_size=9)
STARTS = st.sampled_from(
    [b"", codecs.BOM_UTF8, codecs.BOM_UTF16, codecs.BOM_UTF32, b"+2AA-", b"\\ud800"]
)


@given(STARTS, st.binary(max_size=20), NAMES, NAMES)
def test_any_bytes_in_any_charset_are_text(
    start: bytes, body: bytes, charset: str, declared: str
) -> None:
    xml = b"<?xml version='1.0' encoding='%b'?>" % declared.encode()
    decoded(start + body, f"text/xml; charset={charset}").encode()
    decoded(start + xml + body, charset).encode()
