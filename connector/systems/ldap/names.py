"""The names of entries (DN, RFC 4514): their check in a mapping file, and that of attributes."""

import re

_TYPE = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)"
_VALUE = r'(?:[^\\,+"<>;=]|\\[0-9A-Fa-f]{2}|\\[\\,+"<>;= #])+'
_PAIR = f"{_TYPE}={_VALUE}"
_NAME = re.compile(rf"{_PAIR}(?:\+{_PAIR})*(?:,{_PAIR}(?:\+{_PAIR})*)*")
_ATTRIBUTE = re.compile(rf"{_TYPE}(?:;[A-Za-z0-9-]+)*")


def check_name(text: str) -> str:
    """Check the name of an entry; the empty name is that of the `base`, or of the server itself.

    Raises:
        ValueError: it is not a name such as `imsi=001,ou=subscribers`.
    """
    if text and not _NAME.fullmatch(text):
        raise ValueError("must be the name of an entry such as `cn=connector,dc=example`")
    return text


def check_attribute(name: str) -> str:
    """Check the name of an attribute, which can have options: `cn;lang-de`.

    Raises:
        ValueError: it is not one.
    """
    if not _ATTRIBUTE.fullmatch(name):
        raise ValueError("must be the name of an attribute, such as `msisdn`")
    return name


def under(base: str, name: str) -> str:
    """The full name of an entry whose name is relative to `base`."""
    return ",".join(part for part in (name, base) if part)
