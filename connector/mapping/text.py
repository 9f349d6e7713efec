"""Values as text: one spelling for each type, and the encoding of each place of a request.

Every value that becomes text passes `text_of`: in filters and operators, in `{{ }}`, and in each
place of a request, a subject or a reason. docs/mapping.md#values-as-text has the table.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from markupsafe import escape

from connector.mapping.omit import OMIT, Omit

_OF_DN = r'[\x00-\x1f\x7f"#+,;<=>\\]|^ | $'
_OUTSIDE_XML = r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
_LONGEST_SEGMENT = 61_440  # no URL has room for more, see `connector.systems.http.call`


class BadValue(ValueError):  # noqa: N818 - not an error of the program
    """A filter or a place does not take a value; the text says why and does not quote the value.

    `connector.mapping.expression` turns it into an `EvaluationError` that names the expression.
    """


def text_of(value: object) -> str:
    """The text of a value; booleans, numbers and date-times have one spelling each.

    Raises:
        BadValue: the value has no text, or its text cannot be encoded.
    """
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _of_whole_number(value)
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, datetime):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if value is None:
        raise BadValue("there is no value")
    raise BadValue(f"{kind_of(value)} cannot be text")


def optional_text(value: object) -> str | None:
    """The text of a value; None if it is None or empty text.

    Raises:
        BadValue: see `text_of`.
    """
    return None if value is None or value == "" else text_of(value)


def texts_of(value: object) -> tuple[str, ...]:
    """The text of each item of a list, or of one value; None and `omit` are left out.

    Raises:
        BadValue: see `text_of`.
    """
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(text_of(item) for item in items if item is not None and item is not OMIT)


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "none"),
    (str, "text"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    ((list, tuple), "a list"),
    (Mapping, "an object"),
    (datetime, "a time"),
    (bytes, "bytes"),
    (Omit, "`omit`"),
)


def kind_of(value: object) -> str:
    """What a value is, for the text of an error."""
    known = (said for kind, said in _KINDS if isinstance(value, kind))
    return next(known, f"a value of type {type(value).__name__}")


def _encodable(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadValue("half of a surrogate pair is not a character") from None
    return text


def _of_whole_number(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python's limit, because the conversion takes quadratic time
        raise BadValue("a number of more than 4,300 digits") from None


def _of_float(number: float) -> str:
    """The shortest decimal that reads as the same number, without an exponent."""
    text = repr(number)
    if "n" in text:
        raise BadValue("an infinite number, or NaN, cannot be sent")
    if "e" in text:
        text = format(Decimal(text), "f")
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def in_path(text: str) -> str:
    """Encode text for one segment of a URL's path, so that it cannot begin another segment.

    Raises:
        BadValue: the segment would have another meaning.
    """
    if text in ("", ".", ".."):
        raise BadValue("an empty or dotted path segment")
    if len(text) > _LONGEST_SEGMENT:  # before the encoding, which takes time
        raise BadValue(f"a path of more than {_LONGEST_SEGMENT:,} characters")
    return quote(text, safe="")


def in_dn(text: str) -> str:
    """Encode text for a value in the name of an LDAP entry (RFC 4514), so that it cannot end it.

    Raises:
        BadValue: the text is empty; a name has no empty values.
    """
    if not text:
        raise BadValue("an empty value in the name of an entry")
    return re.sub(_OF_DN, lambda found: f"\\{ord(found[0]):02X}", text)


def in_xml(text: str) -> str:
    """Encode text for XML text and attribute values.

    Tabs and line breaks are references: an XML parser would change the characters themselves
    (XML 1.0, 2.11 and 3.3.3).

    Raises:
        BadValue: XML has no way to write a character of the text.
    """
    if re.search(_OUTSIDE_XML, text):
        raise BadValue("a control character is not allowed in XML")
    encoded = str(escape(text))
    return encoded.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def in_header(text: str) -> str:
    """Check a header's value: printable ASCII only, so that it cannot begin another header.

    Raises:
        BadValue: the text has another character.
    """
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        raise BadValue("a header takes printable ASCII only")
    return text
