"""The text of statements: parameters, quotes and comments, and what a statement does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.systems.sql.statement import statement


def shown(text: str) -> str:
    """The text with `$n` for each parameter."""
    found = statement(text)
    names = list(dict.fromkeys(found.names))
    return found.text(lambda name: f"${names.index(name) + 1}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select :a", "select $1"),
        ("select :a, :b, :a", "select $1, $2, $1"),
        ("select a from t where b=:b", "select a from t where b=$1"),
        ("select ':a', \":a\", `:a`", "select ':a', \":a\", `:a`"),
        ("select 'it''s :a', :a", "select 'it''s :a', $1"),
        ("select :a::text, x::int", "select $1::text, x::int"),
        ("select @x := :a", "select @x := $1"),
        ("select '12:30', 7:00", "select '12:30', 7:00"),
        ("select $$ :a ' $$, :a", "select $$ :a ' $$, $1"),
        ("select $t$ $$ :a $t$", "select $t$ $$ :a $t$"),
        ("select 1 -- :a 'x\n, :a", "select 1 -- :a 'x\n, $1"),
        ("select /* :a ; ' */ :a", "select /* :a ; ' */ $1"),
        ("select :a ; -- the end\n", "select $1 "),
        ("insert into t (a) values (:a)", "insert into t (a) values ($1)"),
    ],
)
def test_parameters_are_found_outside_quotes_and_comments(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select 1; select 2", "two statements"),
        ("select 1; drop table t", "two statements"),
        ("select 'a", "does not end"),
        ('select "a', "does not end"),
        ("select `a", "does not end"),
        ("select $$ a", "not a parameter"),
        ("select /* a", "comment"),
        ("select /* /* a */ */ 1", "comment"),
        ("select /*!50000 1 */", "comment"),
        ("select 1 /*M!100100 into outfile 'a' */", "comment"),
        ("select 1 # :a", "begins a comment"),
        ("select a #> '{b}' from t", "begins a comment"),
        ("select 'a\\' or 1=1'", "backslash"),
        ("select E'\\x41'", "backslash"),
        ("select ?", "stands for a parameter"),
        ("select $1", "not a parameter"),
        ("select 1 --:a", "needs a blank"),
        ("select 'a\0'||:a||\0", "NUL"),
        ("", "must begin with"),
        ("drop table t", "must begin with"),
        ("begin", "must begin with"),
        ("commit", "must begin with"),
        ("set session x = 1", "must begin with"),
        ("-- select", "must begin with"),
        (":a", "must begin with"),
    ],
)
def test_text_that_is_not_one_plain_statement_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        statement(text)


@pytest.mark.parametrize(
    ("text", "verb", "table", "reads"),
    [
        ("select a from t where b", "select", "t", True),
        ("SELECT a FROM s.t x", "select", "s.t", True),
        ("with x as (select 1) select * from x", "with", "x", True),
        ("values (1)", "values", "", True),
        ("insert into t values (1)", "insert", "t", False),
        ("INSERT INTO s . t values (1)", "insert", "s.t", False),
        ("update t set a = 1 from u", "update", "t", False),
        ("delete from t", "delete", "t", False),
        ('delete from "T"', "delete", "", False),
        ("call done(:a)", "call", "done", False),
        ("replace into t values (1)", "replace", "t", False),
        ("select a from t for update", "update", "t", False),
        ("select a from t for share", "share", "t", False),
        ("select a into u from t", "into", "u", False),
        ("with x as (delete from t returning a) select a from x", "delete", "t", False),
        ("select 'delete from t' from u", "select", "u", True),
        ("select replace(a, 'b', 'c') from t", "select", "t", True),
    ],
)
def test_what_a_statement_does_is_read_from_its_words(
    text: str, verb: str, table: str, reads: bool
) -> None:
    found = statement(text)
    assert (found.verb, found.table, found.reads) == (verb, table, reads)


PIECES = st.sampled_from(
    [
        "'",
        "''",
        '"',
        "`",
        ";",
        "--",
        "-- ",
        "\n",
        "/*",
        "*/",
        "$$",
        "$a$",
        ":",
        "::",
        ":a",
        "a",
        " ",
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_a_statement_that_is_accepted_keeps_its_text(pieces: list[str]) -> None:
    """Only parameters, and the semicolon at the end, are changed."""
    text = "select " + "".join(pieces)
    try:
        found = statement(text)
    except ValueError:
        return
    again = found.text(lambda name: f":{name}")
    assert text.startswith(again) or again.rstrip() == text[: text.rindex(";")].rstrip()


@given(st.text(alphabet=st.characters(exclude_characters="'\\\0"), max_size=30))
def test_quoted_text_has_no_parameters_and_no_end(text: str) -> None:
    assert statement(f"select '{text}', :a").names == ("a",)
