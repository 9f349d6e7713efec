"""A subscriber as people type it, the names that it can have, and the hashes that stand for them.

Nobody who asks at night knows whether a mapping file calls a subscriber by IMSI or by account. So
everything that the text can mean is looked for.
"""

import re
from collections.abc import Iterable

from connector.event import parse
from connector.log import subject_hash
from connector.names import names_in, names_of, names_typed
from connector.outcome import Refusal

_NUMBER = re.compile(r"\+?\(?[0-9][0-9 \u00a0().,/-]*")
_NO_DIGIT = re.compile(r"[^0-9]+")
_LEAST = 8  # digits of a phone number or an IMSI
_HASH = re.compile(r"[0-9a-f]{16}")


def names(text: str) -> tuple[str, ...]:
    """The names that a subscriber can have: `imsi:...` as it is, a number in each meaning.

    Called for what a person typed: an IMSI, a phone number in any grouping, with or without `+`, an
    account's id with or without `@...`, or a name with its kind.
    """
    text = text.strip()
    kind, colon, value = text.partition(":")
    if colon:
        plain = _digits(value.partition("@")[0]) or value
        return tuple(dict.fromkeys((text, f"{kind}:{value.strip()}", f"{kind}:{plain.strip()}")))
    return names_typed(_digits(text) or text)


def hashes(text: str, keys: Iterable[bytes]) -> frozenset[str]:
    """The hashes under which the log knows a subscriber; a hash of the log stands for itself."""
    made = (subject_hash(key, name) for key in keys for name in names(text))
    return frozenset((*made, text.strip())) if is_hash(text) else frozenset(made)


def is_hash(text: str) -> bool:
    """Whether a person typed a `subject_hash` or an `account_hash` of the log."""
    return _HASH.fullmatch(text.strip()) is not None


def is_personal(text: str) -> bool:
    """Whether a text names a subscriber, and cannot be the id of an event."""
    text = text.strip()
    return ":" in text or "@" in text or len(_digits(text)) >= _LEAST


def names_of_body(body: bytes) -> frozenset[str]:
    """The names of the subscribers in an event as it was posted, also in one that is invalid."""
    found = names_in(body)
    try:
        read = names_of(parse(body))
    except Refusal:
        read = found
    return frozenset((*found.sims, *found.account, *read.sims, *read.account))


def _digits(text: str) -> str:
    """The digits of a number in any grouping; empty for any other text."""
    return _NO_DIGIT.sub("", text) if _NUMBER.fullmatch(text.strip()) else ""
