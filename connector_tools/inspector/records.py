"""What the counterpart holds, for the page: each record, and whether the last event changed it."""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from connector.mapping.session import HIDDEN
from connector.masking import mask
from connector_tools.counterparts.counterpart import Counterpart, Record

_PERSONAL = ("number", "email", "name")


class HeldRecords:
    """Reads the records of a counterpart; `told` is called when they have changed."""

    def __init__(self, counterpart: Counterpart | None, told: Callable[[], None]) -> None:
        self._counterpart = counterpart
        self._told = told
        self._held: Mapping[str, Record] = {}
        self._changed: set[str] = set()
        self._problem = ""
        self._event = 0
        self._reading = asyncio.Lock()

    async def read(self, event: int) -> None:
        """Read them again, after the event with this number."""
        if self._counterpart is None:
            return
        async with self._reading:
            now: Mapping[str, Record]
            try:
                now, problem = await asyncio.to_thread(self._counterpart.holds), ""
            except (OSError, RuntimeError) as error:
                now, problem = self._held, f"the system does not say what it holds: {error}"
            keys = self._held.keys() | now.keys()
            changed = {key for key in keys if self._held.get(key) != now.get(key)}
            news = bool(changed) or event > self._event or problem != self._problem
            gone: dict[str, Record] = {key: {} for key in changed - now.keys()}
            earlier = self._changed if event <= self._event else set()
            self._held, self._changed = {**now, **gone}, changed | earlier
            self._event, self._problem = max(event, self._event), problem
        if news:
            self._told()

    def document(self, *, reveal: bool = False) -> dict[str, Any] | None:
        """The document `counterpart`; None without one. Personal data is shown with `reveal`."""
        if self._counterpart is None:
            return None
        return {
            "what": self._counterpart.what,
            "by": self._counterpart.by,
            "problem": self._problem,
            "wrong": list(self._counterpart.wrong),
            "by_hand": self._counterpart.by_hand(),
            "records": [
                self._record(key, record, reveal=reveal)
                for key, record in sorted(self._held.items())
            ],
        }

    def _record(self, key: str, record: Record, *, reveal: bool) -> dict[str, Any]:
        masked = key if self._counterpart and self._counterpart.by == "account" else mask(key)
        return {
            "key": sha256(key.encode()).hexdigest()[:12],
            "masked": key if reveal else masked,
            "changed": key in self._changed,
            "gone": not record,
            "words": {
                word: value if reveal else _shown(word, value) for word, value in record.items()
            },
        }


def _shown(word: str, value: Any) -> Any:
    if word not in _PERSONAL or not value:
        return value
    return mask(str(value)) if word == "number" else HIDDEN
