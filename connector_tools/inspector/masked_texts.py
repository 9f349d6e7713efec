"""An event and the replies to it without personal data, so that a test can be made of both.

What is one value in the event is one value in the replies, too: a reply that names the event's IMSI
names its masked IMSI afterwards.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from connector.event import Event, personal
from connector.masking import hide_secrets, redact
from connector_tools.masked_event import masked

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
_NOBODY = "subscriber@example.com"
_ENDING = re.compile(r"@msisdn$", re.I)
_LEAST = 3  # letters of a value that is replaced in replies
_CLEAR = ("event_id", "created_at", "updated_at", "event_time")
_LONG = 999_999  # a larger number in a reply may be a subscriber's


class MaskedTexts:
    """The masked event, and how its values are masked elsewhere."""

    def __init__(self, body: bytes, event: Event, secrets: Iterable[str]) -> None:
        real = json.loads(body)
        self.event: dict[str, Any] = _with_addresses(real, masked(real))
        found = dict(_pairs(real, self.event))
        self._pairs = sorted(found.items(), key=lambda pair: -len(pair[0]))
        self._clear = (*found.values(), *_ids(real))
        kept = set(self._clear)
        self._personal = [one for one in personal(event) if len(one) >= _LEAST and one not in kept]
        self._secrets = tuple(secrets)

    def text(self, text: str) -> str:
        """A text of a reply."""
        for value, instead in self._pairs:
            text = text.replace(value, instead)
        text = hide_secrets(text, self._personal)
        return redact(text, (), self._secrets, clear=self._clear)

    def document(self, value: Any) -> Any:
        """A JSON value of a reply."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.document(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LONG:
            return int(dict(self._pairs).get(str(value), value % 10_000))
        return value


def _with_addresses(real: Any, found: Any) -> Any:
    """The masked event with an address in place of each address, for rules that check it."""
    if isinstance(found, dict) and isinstance(real, dict):
        pairs = zip(real.values(), found.items(), strict=True)
        return {name: _with_addresses(one, item) for one, (name, item) in pairs}
    if isinstance(found, list) and isinstance(real, list):
        return [_with_addresses(one, item) for one, item in zip(real, found, strict=True)]
    if isinstance(real, str) and real != found and _EMAIL.fullmatch(real):
        return _NOBODY
    return found


def _pairs(real: Any, found: Any) -> Iterator[tuple[str, str]]:
    """Yield each value that is masked, in the spellings that a reply can have, and its mask."""
    if isinstance(real, dict) and isinstance(found, dict):
        for one, other in zip(real.values(), found.values(), strict=True):
            yield from _pairs(one, other)
    elif isinstance(real, list) and isinstance(found, list):
        for one, other in zip(real, found, strict=True):
            yield from _pairs(one, other)
    elif real != found and isinstance(real, str | int):
        value, instead = str(real), str(found)
        for ending in (lambda text: text, lambda text: _ENDING.sub("", text.strip()).lstrip("+")):
            if len(ending(value)) >= _LEAST:
                yield ending(value), ending(instead)


def _ids(real: Any) -> Iterator[str]:
    """Yield the ids, the times and the names in an event that are not personal."""
    if isinstance(real, list):
        for item in real:
            yield from _ids(item)
    elif isinstance(real, dict):
        for name, item in real.items():
            if isinstance(item, dict | list):
                yield from _ids(item)
            elif name.startswith("i_") or name in _CLEAR:
                yield str(item)
