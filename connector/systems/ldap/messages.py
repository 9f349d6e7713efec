"""The messages of LDAP (RFC 4511) in BER: requests as bytes, replies as records.

pyasn1 encodes and decodes; pyasn1-modules has the types of the replies.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import tag, univ
from pyasn1_modules import rfc2251

from connector.systems.ldap.call import LdapCall
from connector.systems.ldap.filters import Filter, parse
from connector.systems.ldap.result import FoundEntry, LdapResult
from connector.systems.ldap.values import Attribute

UNBIND = b"\x42\x00"
_ASSERTION = b"1.3.6.1.1.12"  # RFC 4528
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_SCOPES = {"base": 0, "one": 1, "subtree": 2}
_KINDS = {"add": 0, "delete": 1, "replace": 2}
_SIGNS = {"=": 3, ">=": 5, "<=": 6, "~=": 8}
_LISTS = {"and": 0, "or": 1}
_RECORD = tag.Tag(tag.tagClassUniversal, tag.tagFormatConstructed, 16)
_SET = tag.Tag(tag.tagClassUniversal, tag.tagFormatConstructed, 17)
_NO_ATTRIBUTE = b"1.1"
_FALSE, _TRUE = b"\x01\x01\x00", b"\x01\x01\xff"
"""LDAP has one way to write true (RFC 4511, 5.1), and pyasn1 writes another."""
_ENTRY, _REFERENCE = "searchResEntry", "searchResRef"


class Unreadable(ValueError):  # noqa: N818 - says what the other side sent
    """The other side does not speak LDAP."""


class Reply(NamedTuple):
    """A message of the server: an entry of a search, a reference, or a result. Others have none."""

    number: int
    entry: FoundEntry | None = None
    is_reference: bool = False
    result: LdapResult | None = None


def message(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    """A whole message; `number` identifies the request."""
    return _record(_RECORD, _integer(number), operation, controls)


def bind(name: str, password: str) -> bytes:
    """A simple bind (RFC 4513, 5.1)."""
    secret = _text(password.encode(), _context(0))
    return _record(_application(0), _integer(3), _text(name.encode()), secret)


def start_tls() -> bytes:
    """The request to begin TLS (RFC 4511, 4.14)."""
    return _record(_application(23), _text(_START_TLS, _context(0)))


def operation(call: LdapCall, name: str) -> tuple[bytes, bytes]:
    """The operation of a call about the entry with this full name, and its controls."""
    make = {"SEARCH": _search, "ADD": _add, "MODIFY": _modify, "DELETE": _delete}[call.method]
    return make(call, name.encode()), _controls(call)


def _search(call: LdapCall, name: bytes) -> bytes:
    wanted = [attribute.encode() for attribute in (*call.texts, *call.lists)]
    return _record(
        _application(3),
        _text(name),
        _enumerated(_SCOPES[call.scope]),
        _enumerated(0),  # aliases are not followed
        _integer(call.limit),
        _integer(0),
        _FALSE,
        _filter(parse(call.filter)),
        _record(_RECORD, *map(_text, wanted or [_NO_ATTRIBUTE])),
    )


def _add(call: LdapCall, name: bytes) -> bytes:
    held = _record(_RECORD, *map(_attribute, call.attributes))
    return _record(_application(8), _text(name), held)


def _modify(call: LdapCall, name: bytes) -> bytes:
    changes = [
        _record(_RECORD, _enumerated(_KINDS[kind]), _attribute(attribute))
        for kind, attribute in call.changes
    ]
    return _record(_application(6), _text(name), _record(_RECORD, *changes))


def _delete(call: LdapCall, name: bytes) -> bytes:
    return _text(name, tag.Tag(tag.tagClassApplication, tag.tagFormatSimple, 10))


def _controls(call: LdapCall) -> bytes:
    if call.assertion is None:
        return b""
    wanted = _text(_filter(parse(call.assertion)))
    control = _record(_RECORD, _text(_ASSERTION), _TRUE, wanted)
    return _record(_context_list(0), control)


def _attribute(attribute: Attribute) -> bytes:
    values = _record(_SET, *map(_text, attribute.values))
    return _record(_RECORD, _text(attribute.name.encode()), values)


def _filter(part: Filter) -> bytes:
    name = part.name.encode()
    if part.kind in _LISTS:
        return _record(_context_list(_LISTS[part.kind]), *map(_filter, part.parts))
    if part.kind == "not":
        return _record(_context_list(2), _filter(part.parts[0]))
    if part.kind == "present":
        return _text(name, _context(7))
    if part.kind == "substrings":
        return _record(_context_list(4), _text(name), _record(_RECORD, *_pieces(part.values)))
    return _record(_context_list(_SIGNS[part.kind]), _text(name), _text(part.values[0]))


def _pieces(values: Sequence[bytes]) -> list[bytes]:
    """The pieces of `initial*any*final`; an empty piece is left out."""
    last = len(values) - 1
    kinds = (0 if index == 0 else 2 if index == last else 1 for index in range(len(values)))
    return [
        _text(value, _context(kind)) for kind, value in zip(kinds, values, strict=True) if value
    ]


def _application(number: int) -> Any:
    return tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, number)


def _context_list(number: int) -> Any:
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number)


def _context(number: int) -> Any:
    return tag.Tag(tag.tagClassContext, tag.tagFormatSimple, number)


def _integer(value: int) -> bytes:
    return bytes(encoder.encode(univ.Integer(value)))


def _enumerated(value: int) -> bytes:
    return bytes(encoder.encode(univ.Enumerated(value)))


def _text(value: bytes, implicit: Any = None) -> bytes:
    """An octet string, with a tag of its own if the place has one."""
    made = univ.OctetString(value)
    return bytes(encoder.encode(made.subtype(implicitTag=implicit) if implicit else made))


def _record(implicit: Any, *parts: bytes) -> bytes:
    """A sequence, set or choice of parts that are encoded already; an empty part is left out."""
    made = univ.SequenceOf(componentType=univ.Any()).subtype(implicitTag=implicit)
    made.clear()  # so that it has a value also without parts
    made.extend(part for part in parts if part)
    return bytes(encoder.encode(made))


def length(start: bytes | bytearray) -> int | None:
    """How many bytes the message has that begins with these; None if more are needed to know.

    Raises:
        Unreadable: no message of LDAP begins so.
    """
    if start[:1] not in (b"", b"\x30"):
        raise Unreadable("the port does not speak LDAP")
    if len(start) < 2:
        return None
    if start[1] < 0x80:
        return 2 + start[1]
    digits = start[1] & 0x7F
    if not 0 < digits <= 4:
        raise Unreadable("the length of a message is not acceptable")
    if len(start) < 2 + digits:
        return None
    return 2 + digits + int.from_bytes(start[2 : 2 + digits])


def decoded(data: bytes) -> Reply:
    """The reply in the bytes of a whole message.

    Raises:
        Unreadable: they are not a message of LDAP.
    """
    try:
        found, rest = decoder.decode(data, asn1Spec=rfc2251.LDAPMessage())
        if rest:
            raise Unreadable("a message has more bytes than it says")
        return _reply(int(found["messageID"]), found["protocolOp"])
    except (PyAsn1Error, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable("a message cannot be read") from error


def _reply(number: int, operation: Any) -> Reply:
    kind, body = operation.getName(), operation.getComponent()
    if kind == _ENTRY:
        return Reply(number, entry=_found(body))
    if kind == _REFERENCE:
        return Reply(number, is_reference=True)
    if "resultCode" not in body:
        return Reply(number)
    said = bytes(body["errorMessage"]).decode(errors="replace")
    return Reply(number, result=LdapResult(int(body["resultCode"]), said))


def _found(body: Any) -> FoundEntry:
    held = {
        bytes(one["type"]).decode(): [bytes(value) for value in one["vals"]]
        for one in body["attributes"]
    }
    return FoundEntry(bytes(body["objectName"]).decode(), held)
