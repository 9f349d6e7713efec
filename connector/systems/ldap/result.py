"""What an LDAP server replied to a request, or why there is no reply."""

from collections.abc import Iterable
from typing import Any, NamedTuple

REFERRAL = 10


class FoundEntry(NamedTuple):
    """An entry that a search found: its full name, and the values of its attributes as sent."""

    dn: str
    attributes: dict[str, list[bytes]]


class LdapResult(NamedTuple):
    """The result of a request; `entries` are those of a search."""

    code: int
    message: str = ""
    entries: tuple[FoundEntry, ...] = ()


class LdapFailure(Exception):  # noqa: N818 - a failure of the network or the server, not a bug
    """There is no result. `sent` is true if the server may have received the request.

    `code` is the result code, if the server refused the bind.
    """

    def __init__(self, text: str, *, sent: bool, code: int | None = None) -> None:
        super().__init__(text)
        self.sent = sent
        self.code = code


class BadEntry(ValueError):  # noqa: N818 - says what the server sent
    """An entry does not have the form that the mapping says; the text has no values."""


def shown(entry: FoundEntry, texts: Iterable[str], lists: Iterable[str]) -> dict[str, Any]:
    """The fields of an entry for expressions: `dn`, and each attribute that the mapping reads.

    An attribute is found without regard to case, and has the spelling of the mapping. Of `texts`,
    an absent one is None; of `lists`, an empty list.

    Raises:
        BadEntry: an attribute of `texts` has several values, or a value is not text in UTF-8.
    """
    held = {name.lower(): values for name, values in entry.attributes.items()}
    fields: dict[str, Any] = {"dn": entry.dn}
    for name in lists:
        fields[name] = [_text(name, value) for value in held.get(name.lower(), ())]
    for name in texts:
        values = held.get(name.lower(), [])
        if len(values) > 1:
            raise BadEntry(f"`{name}` has several values: read it under `lists`")
        fields[name] = _text(name, values[0]) if values else None
    return fields


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadEntry(f"`{name}` has a value that is not text in UTF-8") from None
