"""Addresses of mail: exactly one in a value, and nothing that could end a command or a header."""

import re

from connector.mapping.text import BadValue, text_of

_LONGEST = 254  # characters (RFC 5321, 4.5.3.1.3, less the angle brackets)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"(?=.{{1,64}}$){_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def address(value: object) -> str:
    """The address `local@domain`; the domain is encoded as DNS has it (RFC 5891).

    The local part must be ASCII without quotes: it needs no extension of the server.

    Raises:
        BadValue: the value is not exactly one address.
    """
    local, _, name = text_of(value).rpartition("@")
    found = f"{local}@{domain(name)}"
    if not _LOCAL.fullmatch(local) or len(found) > _LONGEST:
        raise BadValue("must be one address such as name@example.com")
    return found


def domain(value: object) -> str:
    """The name of a domain or a host, encoded as DNS has it.

    Raises:
        BadValue: it is no name.
    """
    text = text_of(value)
    if not text.isascii():
        from idna import IDNAError, encode  # noqa: PLC0415 - 10 ms, rarely needed

        try:
            text = encode(text.lower()).decode()
        except IDNAError:
            text = ""
    if not _DOMAIN.fullmatch(text) or len(text) > _LONGEST:
        raise BadValue("must have the name of a domain, such as example.com")
    return text
