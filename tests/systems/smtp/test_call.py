"""Values of an event in a mail: they are data, or the event is invalid and nothing is sent."""

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.expression import EvaluationError, Scope
from connector.mapping.text import BadValue
from connector.systems.smtp.address import address, domain
from connector.systems.smtp.call import MailCall, MailCallEntry
from connector.systems.smtp.message import Sender, content

SENDER = Sender("no-reply@acme.example", "Acme")
ENTRY = MailCallEntry.model_validate(
    {
        "mail": "=to",
        "title": "About {{ what }}",
        "text": "Dear {{ name }}",
        "html": "<p>Dear {{ name }}</p>",
        "thread": "account:{{ name }}",
        "message": "=name",
    }
)


def rendered(to: Any = "a@example.com", what: Any = "it", name: Any = "Ada") -> MailCall:
    return ENTRY.render(Scope(to=to, what=what, name=name))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("subscriber@example.com", "subscriber@example.com"),
        ("First.Last+tag@EXAMPLE.com", "First.Last+tag@EXAMPLE.com"),
        ("o'brien|{x}@example.com", "o'brien|{x}@example.com"),
        ("a@localhost", "a@localhost"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@STRAßE.example", "a@xn--strae-oqa.example"),
    ],
)
def test_an_address_is_taken_with_its_domain_as_dns_has_it(text: str, found: str) -> None:
    assert address(text) == found


HOSTILE = [
    "",
    "a",
    "a@",
    "@example.com",
    "a@b@example.com",
    "a@example.com,b@example.com",
    "a@example.com, b@example.com",
    "a@example.com;b@example.com",
    "a@example.com b@example.com",
    "Ada <a@example.com>",
    "<a@example.com>",
    "a@example.com>",
    "a@example.com\r\nRCPT TO:<b@example.com>",
    "a@example.com\nBcc: b@example.com",
    "a\r@example.com",
    "a\0@example.com",
    "a@exam\0ple.com",
    '"a b"@example.com',
    "a..b@example.com",
    ".a@example.com",
    "a@example..com",
    "a@-example.com",
    "a@[127.0.0.1]",
    "a@exa_mple.com",
    "ž@example.com",
    "a@\u3002com",
    "a@example.com\u2028",
    f"{'a' * 65}@example.com",
    f"a@{'b' * 64}.com",
    f"a@{'b.' * 130}com",
    "a@" + "ü" * 70_000 + ".com",
    "a@example.com SIZE=1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_anything_but_one_address_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        rendered(to=text)
    assert "a@example.com" not in str(raised.value), "the value is personal"


@pytest.mark.parametrize("value", [None, 7, ["a@example.com", "b@example.com"], {"a": 1}])
def test_a_value_that_is_no_text_is_no_address(value: Any) -> None:
    with pytest.raises(EvaluationError):
        rendered(to=value)


@given(st.text())
def test_no_text_makes_an_address_that_ends_a_command(text: str) -> None:
    for value in (text, f"a@{text}", f"{text}@example.com", f"a@example.com{text}"):
        try:
            found = address(value)
        except BadValue:
            continue
        assert found.isascii() and found.isprintable()
        assert found.count("@") == 1
        assert set(found).isdisjoint(' <>,;:"()[]\\')


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "a\u2028b", "a\x85b", "x" * 501])
def test_a_title_that_could_begin_another_header_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError):
        rendered(what=text)


@pytest.mark.parametrize("text", ["\0", "\x1b[2J", "\x7f", "x" * 100_001])
def test_a_text_with_control_characters_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError):
        rendered(name=text)


@given(
    st.text(), st.text(), st.text(max_size=5).map("\r\n.\r\n{}\r\n\r\nBcc: b@example.com".format)
)
def test_what_is_not_refused_arrives_as_data(what: str, name: str, end: str) -> None:
    for call in attempts(what, name + end):
        made = content(call, SENDER)
        mail = message_from_bytes(made, policy=default)
        assert made.isascii() and b"\r" not in made.replace(b"\r\n", b"")
        assert set(mail.keys()) == {
            *("From", "To", "Subject", "Message-ID", "In-Reply-To", "References"),
            *("Auto-Submitted", "Date", "MIME-Version", "Content-Type"),
        }
        assert str(mail["To"]) == "a@example.com"
        plain = next(mail.iter_parts()).get_content()
        assert plain.replace("\r\n", "\n") == f"{call.text}\n"


def attempts(what: str, name: str) -> list[MailCall]:
    """The mails that these texts make; none if they are refused."""
    found = []
    for title, text in ((what, name), ("it", name), (what, "Ada")):
        try:
            found.append(rendered(what=title, name=text))
        except EvaluationError:
            continue
    return found


def test_html_has_data_as_text() -> None:
    call = rendered(name="<script>alert('x')</script>")
    assert call.html == "<p>Dear &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</p>"
    assert call.text == "Dear <script>alert('x')</script>"


@pytest.mark.parametrize("text", ["", "a b", "a\r\nRSET", "exa_mple", "-a.example", "a..b"])
def test_a_name_of_a_host_is_one_name(text: str) -> None:
    with pytest.raises(BadValue):
        domain(text)
