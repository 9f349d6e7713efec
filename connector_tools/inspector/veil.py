"""Hides secrets always, and personal data until the page asks to reveal it."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from connector.event import Event, personal, readable
from connector.masking import hide_secrets, redact

_ID = re.compile(rb'"i_[a-z_]+": *"?([0-9]{6,})\b')
_TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+")
_SMALL = 1_000_000  # a smaller number is nobody's
_LEAST = 3  # letters of a secret that is looked for in documents


class Veil:
    """Makes texts and documents fit to be shown.

    `secrets` are never shown. Personal data of the event is shown only with `reveal`. `body` is the
    event as it was posted: PortaBilling's own ids and times in it are no personal data.
    """

    def __init__(
        self,
        secrets: Iterable[str],
        event: Event | None = None,
        body: bytes = b"",
        *,
        reveal: bool = False,
    ) -> None:
        self._secrets = tuple(text for text in secrets if len(text) >= _LEAST)
        self._reveal = reveal
        self._known: dict[str, str] = {}
        self._personal = tuple(personal(event)) if event else ()
        self._clear = (*readable(event), *_ids(body)) if event else ()

    def text(self, text: str) -> str:
        """A text of the event, of a request or of a reply."""
        if text not in self._known:  # many texts occur many times, and each takes up to 1 ms
            self._known[text] = self._made(text)
        return self._known[text]

    def _made(self, text: str) -> str:
        if self._reveal:
            return hide_secrets(text, self._secrets)
        return redact(text, self._personal, self._secrets, clear=self._clear)

    def secret(self, text: str) -> str:
        """A text that has no personal data, such as a line of the mapping file."""
        return hide_secrets(text, self._secrets)

    def document(self, value: Any) -> Any:
        """A JSON value with all its texts, the names of its fields excepted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.document(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        if isinstance(value, int | float) and not -_SMALL < value < _SMALL:
            shown = self.text(str(value))
            return value if shown == str(value) else shown
        return value


def _ids(body: bytes) -> Iterator[str]:
    """Yield PortaBilling's own ids and the times of an event, which look like numbers of people."""
    yield from (found.decode() for found in _ID.findall(body))
    yield from (found.decode() for found in _TIME.findall(body))


def hidden_in_json(document: Any, secrets: Iterable[str]) -> str:
    """A document as JSON text with `***` in place of every secret, the last safeguard."""
    if not _holds(document, tuple(secrets)):
        return json.dumps(document, ensure_ascii=False, default=str)
    return json.dumps(Veil(secrets, reveal=True).document(document), ensure_ascii=False)


def _holds(document: Any, secrets: tuple[str, ...]) -> bool:
    text = json.dumps(document, ensure_ascii=False, default=str)
    return hide_secrets(text, [one for one in secrets if len(one) >= _LEAST]) != text
