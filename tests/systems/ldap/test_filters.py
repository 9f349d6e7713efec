"""Search filters: their parts, and data that stays inside its value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.systems.ldap.filters import Filter, in_filter, parse

X = Filter("=", "cn", (b"x",))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(cn=x)", X),
        ("(cn=)", Filter("=", "cn", (b"",))),
        ("(objectClass=*)", Filter("present", "objectClass")),
        ("(cn>=x)", Filter(">=", "cn", (b"x",))),
        ("(cn<=x)", Filter("<=", "cn", (b"x",))),
        ("(cn~=x)", Filter("~=", "cn", (b"x",))),
        (r"(cn=\2a\28\00)", Filter("=", "cn", (b"*(\0",))),
        ("(cn=é)", Filter("=", "cn", ("é".encode(),))),
        ("(cn=a*b**c)", Filter("substrings", "cn", (b"a", b"b", b"", b"c"))),
        ("(cn=*b)", Filter("substrings", "cn", (b"", b"b"))),
        ("(!(cn=x))", Filter("not", parts=(X,))),
        ("(&(cn=x)(|(cn=x)(cn=x)))", Filter("and", parts=(X, Filter("or", parts=(X, X))))),
        ("(&)", Filter("and")),
        ("(1.2.3;binary=x)", Filter("=", "1.2.3;binary", (b"x",))),
    ],
)
def test_a_filter_has_its_parts(text: str, parts: Filter) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cn=x",
        "(cn=x",
        "(cn=x))",
        "(cn=x)(cn=y)",
        "(=x)",
        "(cn)",
        "((cn=x))",
        "(!(cn=x)(cn=y))",
        "(!)",
        r"(cn=\2)",
        r"(cn=\zz)",
        "(cn=a(b)",
        "(cn=\0)",
        "(cn>=a*)",
        "(cn:caseExactMatch:=x)",
        "(!" * 30 + "(cn=x)" + ")" * 30,
    ],
)
def test_a_text_that_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse(text)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_one_value_of_a_filter(text: str) -> None:
    assert parse(f"(cn={in_filter(text)})") == Filter("=", "cn", (text.encode(),))


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse(f"({text})")
    except ValueError:
        return
