"""Secrets and personal data in texts of others, in every coding and spelling."""

import base64
import html
import json
import string
import unicodedata
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.masking import redact

NAMES = ("Zdenka", "Novákova-Křížová", "Anna Maria", "Đặng Thị", "ΓΙΩΡΓΟΣ", "O'Neill", "Şükrü")
NUMBERS = ("001015926535897", "+420 605 271 828", "420731415926@msisdn", "8942031415926535897")
SECRET = "pa55/w+rd&länger"
READABLE = (
    "HTTP 500",
    "550e8400-e29b-41d4-a716-446655440000",
    "profile gold-roaming_2",
    "2026-03-02 10:00:00",
    "10.0.0.17:8080",
    "Subscriber exists already",
    "Maria's card",
)

Coding = Callable[[str], str]


def escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def entities(text: str) -> str:
    return "".join(f"&#{ord(letter)};" for letter in text)


def hex_entities(text: str) -> str:
    return "".join(f"&#x{ord(letter):X};" for letter in text)


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def c_bytes(text: str) -> str:
    return repr(text.encode())[2:-1]


def octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def braces(text: str) -> str:
    return "".join(f"\\u{{{ord(letter):x}}}" for letter in text)


def entities_without_end(text: str) -> str:
    return "".join(f"&#{ord(letter)}" for letter in text)


def quoted_printable(text: str) -> str:
    return "".join(
        letter if letter.isascii() else "".join(f"={byte:02X}" for byte in letter.encode())
        for letter in text
    )


CODINGS: dict[str, Coding] = {
    "plain": str,
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "percent, lower case": percent,
    "twice in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": escaped,
    "JSON in JSON": lambda text: escaped(escaped(text)),
    "XML": html.escape,
    "entities": entities,
    "hexadecimal entities": hex_entities,
    "bytes in Python": c_bytes,
    "ASCII in Python": lambda text: ascii(text)[1:-1],
    "octal": octal,
    "escapes in braces": braces,
    "entities without end": entities_without_end,
    "quoted-printable": quoted_printable,
    "entities in a URL": lambda text: quote(entities(text)),
}
CASES: dict[str, Coding] = {"as it is": str, "upper": str.upper, "lower": str.lower}
Form = Literal["NFC", "NFD", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKD")


def shown(text: str, secret: str = SECRET) -> str:
    return redact(text, (*NAMES, *NUMBERS), [secret])


@given(
    name=st.sampled_from(NAMES),
    coding=st.sampled_from(sorted(CODINGS)),
    case=st.sampled_from(sorted(CASES)),
    form=st.sampled_from(FORMS),
    around=st.sampled_from(["", " ", '"', "=", "/", "(", ", "]),
)
def test_a_name_is_hidden_in_every_spelling(
    name: str, coding: str, case: str, form: Form, around: str
) -> None:
    spelled = CODINGS[coding](unicodedata.normalize(form, CASES[case](name)))
    assert "*" in (text := shown(f"a{around or ' '}{spelled}{around or ' '}z"))
    assert spelled not in text
    if coding == "plain":
        assert not any(part in text.casefold() for part in spelled.casefold().split())


@given(name=st.sampled_from(NAMES))
def test_a_name_without_its_accents_is_hidden(name: str) -> None:
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(letter)
    )
    assert bare not in shown(f"the owner is {bare}.")


@given(
    number=st.sampled_from(NUMBERS),
    separators=st.lists(
        st.sampled_from(["", "", *" -./_,:'\u00a0\u2011\u2013\u202f\u00ad\u200b", ") "]),
        min_size=20,
    ),
    national=st.booleans(),
    coding=st.sampled_from(sorted(CODINGS)),
)
def test_a_number_is_hidden_in_every_grouping(
    number: str, separators: list[str], national: bool, coding: str
) -> None:
    digits = "".join(filter(str.isdigit, number))
    if national and len(digits) <= 15:
        digits = digits[-9:]
    spelled = "".join(map("".join, zip(digits, separators, strict=False)))
    text = shown(f"no subscriber {CODINGS[coding](spelled)} here")
    left = "".join(filter(str.isdigit, text.replace("&#", "")))
    assert digits[:-4] not in left
    assert "*" in text


@pytest.mark.parametrize(
    "spelled",
    [
        "NovÃ¡kova-KÅ™Ã\u00adÅ¾ovÃ¡",
        "Nov?kova-K???ov?",
        "Nov\ufffdkova-K\ufffd\ufffd\ufffdov\ufffd",
        "O''Neill",
        "\u202bZdenka\u202c",
        "Zde\u00adnka",
        "5a 64 65 6e 6b 61",
        "5A:64:65:6E:6B:61",
        "٠٠١٠١٥٩٢٦٥٣٥٨٩٧",
        "jan.novak.77",
    ],
)
def test_a_value_that_others_damaged_is_hidden(spelled: str) -> None:
    known = (*NAMES, *NUMBERS, "Jan.Novak.77@example.com")
    assert spelled not in redact(f"no subscriber {spelled} here", known)


@given(
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
    value=st.sampled_from([SECRET, *NAMES[:2], *NUMBERS]),
    coding=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, base64.b16encode]),
)
@example(b"user:", b"", SECRET, base64.b64encode)
def test_a_value_inside_base64_or_hex_is_hidden(
    before: bytes, after: bytes, value: str, coding: Callable[[bytes], bytes]
) -> None:
    spelled = coding(before + value.encode() + after).decode()
    assert spelled.rstrip("=")[-12:] not in shown(f"header {spelled} is wrong")


@given(
    secret=st.text(string.printable.strip() + "äß€", min_size=8, max_size=40),
    coding=st.sampled_from(sorted(CODINGS)),
)
def test_a_secret_is_hidden_in_every_coding(secret: str, coding: str) -> None:
    spelled = CODINGS[coding](secret)
    assert spelled not in shown(f"GET /send?key={spelled}&to=1", secret)
    assert spelled not in shown(f"refused: {spelled}.", secret)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "authorization: bearer abcdefghijklmnopqrstuvwxyz",
        "GET /sms?username=u&password=hunter22&to=x",
        "api_key=Zx81Zx81",
    ],
)
def test_credentials_that_nobody_named_are_hidden(text: str) -> None:
    kept = redact(text)
    for hidden in ("dXNlcjpw", "abcdefgh", "hunter22", "Zx81"):
        assert hidden not in kept


@pytest.mark.parametrize("text", READABLE)
def test_what_is_not_personal_stays_readable(text: str) -> None:
    assert shown(text) == text


def test_a_short_name_is_hidden_only_as_a_word() -> None:
    assert redact("Ann cannot be found", ["Ann"]) == "*** cannot be found"


def test_clear_names_stay_readable_and_personal_data_in_them_does_not() -> None:
    text = "profile gold-100000 of event 20260302123456-001015926535897"
    kept = redact(text, ["001015926535897"], clear=["gold-100000", "20260302123456"])
    assert kept == "profile gold-100000 of event 20260302123456-***********5897"


@given(
    text=st.text(max_size=200),
    personal=st.lists(st.text(max_size=20), max_size=4),
    secrets=st.lists(st.text(max_size=20), max_size=2),
)
def test_no_text_and_no_value_is_an_error(
    text: str, personal: list[str], secrets: list[str]
) -> None:
    redact(text, personal, secrets, clear=personal).encode()


def test_a_long_text_is_cut_and_says_so() -> None:
    kept = redact("x" * 1_000_000 + NUMBERS[0], [NUMBERS[0]])
    assert len(kept) < 40_000
    assert kept.endswith("more characters]")
    split = redact("x" * 29_990 + " " + NUMBERS[0], [NUMBERS[0]])
    assert "00101" not in split
