"""The names of entries: their form, and data that stays inside its value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.text import BadValue, in_dn
from connector.systems.ldap.names import check_attribute, check_name, under


@pytest.mark.parametrize(
    "name",
    [
        "",
        "imsi=001",
        "imsi=001,ou=subscribers,dc=example",
        "cn=a b+sn=c,dc=example",
        r"cn=a\,b,dc=x",
        r"cn=\00\C3\A9",
        "1.2.3=x",
        "cn=Jos\u00e9",
    ],
)
def test_a_name_has_its_form(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["x", "=x", "cn=", "cn=x,", ",cn=x", "cn=a=b", r"cn=a\x", "c n=x"])
def test_a_text_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be the name of an entry"):
        check_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a;", "a,b", "=x", "1x"])
def test_a_text_that_is_no_attribute_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be the name of an attribute"):
        check_attribute(name)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("001", "001"),
        ("a,ou=b", r"a\2Cou\3Db"),
        (" a ", r"\20a\20"),
        ("a b", "a b"),
        ("#1", r"\231"),
        ('a"\\+;<>', r"a\22\5C\2B\3B\3C\3E"),
        ("a\0\nb", r"a\00\0Ab"),
        ("é*()", "é*()"),
    ],
)
def test_a_value_is_encoded(text: str, encoded: str) -> None:
    assert in_dn(text) == encoded


def test_an_empty_value_is_refused() -> None:
    with pytest.raises(BadValue, match="empty"):
        in_dn("")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_is_one_value_of_a_name(text: str) -> None:
    encoded = in_dn(text)
    assert check_name(f"cn={encoded},dc=x")
    plain = re.sub(r"\\([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), encoded)
    assert plain == text


def test_a_name_is_relative_to_the_base() -> None:
    assert under("dc=x", "cn=a") == "cn=a,dc=x"
    assert under("dc=x", "") == "dc=x"
    assert under("", "cn=a") == "cn=a"
