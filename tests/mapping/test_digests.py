"""Digests, HMAC, UUIDs, base64 and hex: compared with Python's own and with published examples."""

import base64
import hashlib
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.digests import NAMESPACE
from connector.mapping.expression import EvaluationError, Scope, compile_condition


def computed(source: str, **names: Any) -> Any:
    return compile_condition(source).evaluate(Scope(names))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
@given(text=TEXTS)
def test_a_digest_is_pythons(name: str, text: str) -> None:
    expected = hashlib.new(name, text.encode(), usedforsecurity=False)
    assert computed(f"t | {name} | hex", t=text) == expected.hexdigest()
    assert computed(f"t | {name} | base64", t=text) == base64.b64encode(expected.digest()).decode()


def test_the_digest_of_ws_security_is_computed() -> None:
    """OASIS UsernameToken 1.0: Base64(SHA-1(nonce + created + password))."""
    source = "(nonce ~ created ~ password) | sha1 | base64"
    names = {"nonce": "n-1", "created": "2026-03-02T10:15:32Z", "password": "secret"}
    expected = hashlib.sha1(b"n-12026-03-02T10:15:32Zsecret", usedforsecurity=False).digest()
    assert computed(source, **names) == base64.b64encode(expected).decode()


def test_an_hmac_is_that_of_the_rfc() -> None:
    """RFC 4231, test case 2."""
    found = computed("'what do ya want for nothing?' | hmac('Jefe') | hex")
    assert found == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert computed("'a' | hmac('k', 'sha1') | hex | length") == 40


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("'a' | hmac(n)", "the key of `hmac` has no value"),
        ("'a' | hmac('')", "these arguments"),
        ("'a' | hmac('k', 'crc')", "these arguments"),
        ("'a' | sha1 | string", "bytes cannot be text"),
        ("['a' | sha1] | to_json", "bytes cannot be sent as JSON"),
        ("'a' | sha1 | uuid", "takes text, not bytes"),
        ("'ä' | unbase64", "not base64"),
        ("'a' | unbase64", "not base64"),
        ("'/w==' | unbase64", "not base64 of text in UTF-8"),
        ("[1] | sha1", "a list cannot be text"),
    ],
)
def test_what_has_no_bytes_or_no_key_is_refused(source: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        computed(source, n=None)


@given(TEXTS)
def test_base64_gives_the_text_again(text: str) -> None:
    encoded = computed("t | base64", t=text)
    assert encoded == base64.b64encode(text.encode()).decode()
    assert computed("t | unbase64", t=encoded) == text
    assert computed("t | unbase64", t=encoded.rstrip("=")) == text
    assert bytes.fromhex(computed("t | hex", t=text)).decode() == text


@given(TEXTS)
def test_a_uuid_is_version_5_and_always_the_same(text: str) -> None:
    found = computed("t | uuid", t=text)
    assert found == str(uuid.uuid5(NAMESPACE, text))
    assert uuid.UUID(found).version == 5


def test_the_namespace_of_the_uuids_never_changes() -> None:
    """A system that saw the UUID of an event must see the same one after an update."""
    assert uuid.uuid5(uuid.NAMESPACE_DNS, "nsps-connector") == NAMESPACE
    assert computed("'event-1' | uuid") == "e1f326de-1096-5356-869d-af38555a2d66"


@pytest.mark.parametrize("name", ["md5", "hmac('k')", "base64", "unbase64", "hex", "uuid"])
def test_none_stays_none(name: str) -> None:
    assert computed(f"n | {name}", n=None) is None


def test_no_error_quotes_a_key_or_a_text() -> None:
    with pytest.raises(EvaluationError) as caught:
        computed("t | hmac(k, a)", t="T0P", k="S3CRET", a="X9")
    assert not any(secret in str(caught.value) for secret in ("T0P", "S3CRET", "X9"))
