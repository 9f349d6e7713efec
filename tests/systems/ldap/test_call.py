"""The entry of a call over LDAP: its keys, its values, and data in names and filters."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.omit import OMIT
from connector.systems.ldap.call import LdapCallEntry
from connector.systems.ldap.filters import Filter, parse
from tests.support.ldap import call

REPLACE = LdapCallEntry.model_validate({"ldap_modify": "cn=x", "replace": {"a": "=v"}})
WHOLE = LdapCallEntry.model_validate({"ldap_modify": "cn=x", "replace": "=v"})
ADD = LdapCallEntry.model_validate({"ldap_add": "cn=x", "attributes": {"cn": "x", "a": "=v"}})


def values(value: Any) -> list[bytes] | None:
    changes = REPLACE.render(Scope(v=value)).changes
    return list(changes[0][1].values) if changes else None


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("x", [b"x"]),
        ("é", ["é".encode()]),
        (True, [b"TRUE"]),
        (False, [b"FALSE"]),
        (5.0, [b"5"]),
        (b"\x00\xff", [b"\x00\xff"]),
        (datetime(2026, 3, 2, 10, 15, 32, tzinfo=UTC), [b"20260302101532Z"]),
        (["a", "b", "a", None], [b"a", b"b"]),
        ([], []),
        (None, []),
        (OMIT, None),
    ],
)
def test_a_value_has_one_form(value: Any, sent: list[bytes] | None) -> None:
    assert values(value) == sent


@pytest.mark.parametrize("value", [None, [], OMIT])
def test_a_new_entry_has_no_attribute_without_values(value: Any) -> None:
    assert [one.name for one in ADD.render(Scope(v=value)).attributes] == ["cn"]


@pytest.mark.parametrize("kind", ["add", "delete"])
def test_nothing_to_add_or_delete_is_left_out(kind: str) -> None:
    """A delete without values would delete the whole attribute."""
    entry = LdapCallEntry.model_validate({"ldap_modify": "cn=x", kind: {"a": "=v", "b": "c"}})
    assert [one.name for _, one in entry.render(Scope(v=[])).changes] == ["b"]


@pytest.mark.parametrize("value", [{"a": {}}, {"a": [[]]}, [], "x", None, {"a b": "x"}, {"": "x"}])
def test_an_object_that_is_none_of_attributes_is_refused(value: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^`=v`: "):
        WHOLE.render(Scope(v=value))


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"ldap_add": "cn=x"},
        {"ldap_modify": "cn=x"},
        {"ldap_delete": "cn=x", "replace": {"a": "b"}},
        {"ldap_search": "cn=x", "assert": "(a=b)"},
        {"ldap_add": "cn=x", "attributes": {"a": "b"}, "texts": ["a"]},
        {"ldap_search": "cn=x", "ldap_delete": "cn=x"},
        {"ldap_delete": ""},
        {"ldap_delete": "=imsi"},
        {"ldap_delete": "{{ a }}=x"},
        {"ldap_delete": "{{ a }}"},
        {"ldap_search": "", "filter": "({{ a }}=x)"},
        {"ldap_search": "", "filter": "{{ a }}"},
        {"ldap_search": "", "filter": "=a"},
        {"ldap_search": "", "texts": ["a b"]},
        {"ldap_search": "", "limit": 0},
        {"ldap_modify": "cn=x", "replace": {"a b": "c"}},
        {"ldap_modify": "cn=x", "replace": [1]},
        {"ldap_modify": "cn=x", "replace": {"a b": "=c"}},
    ],
)
def test_an_entry_that_no_server_can_carry_out_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LdapCallEntry.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "repeatable"),
    [
        ({"ldap_search": ""}, True),
        ({"ldap_add": "cn=x", "attributes": {"cn": "x"}}, False),
        ({"ldap_delete": "cn=x"}, True),
        ({"ldap_modify": "cn=x", "replace": {"a": "b"}}, True),
        ({"ldap_modify": "cn=x", "replace": {"a": "b"}, "assert": "(a=c)"}, False),
        ({"ldap_modify": "cn=x", "add": {"a": "b"}}, False),
        ({"ldap_modify": "cn=x", "delete": {"a": "b"}, "idempotent": True}, True),
    ],
)
def test_only_a_call_whose_repetition_changes_nothing_is_repeated(
    keys: dict[str, Any], repeatable: bool
) -> None:
    assert call(**keys).idempotent is repeatable


@given(st.text())
def test_data_never_ends_a_name_or_a_filter(text: str) -> None:
    keys = {"ldap_search": "cn={{ v }},ou=x", "filter": "(&(cn={{ v }})(sn=a))"}
    try:
        made = call({"v": text}, **keys)
    except EvaluationError:
        return
    assert made.dn.count(",") == 1
    assert parse(made.filter) == Filter(
        "and", parts=(Filter("=", "cn", (text.encode(),)), Filter("=", "sn", (b"a",)))
    )


def test_a_call_that_is_too_long_is_the_fault_of_the_event() -> None:
    assert values("x" * 99_000)
    with pytest.raises(EvaluationError, match="100,000 bytes"):
        values("x" * 100_000)


def test_the_target_for_the_log_has_no_data() -> None:
    made = call({"imsi": "001010000000001"}, ldap_delete="imsi={{ imsi }},ou=hss")
    assert made.target == "imsi={},ou=hss"
    assert "001010000000001" not in repr(made)
