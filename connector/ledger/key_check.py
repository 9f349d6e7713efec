"""Checks that a ledger was written with the deployment's key: with another, no record is found.

The ledger keeps a check value of the key, which the first start writes.
"""

import hmac
from typing import Any

from connector.ledger.records import (
    Busy,
    Claim,
    ClaimRequest,
    Duplicate,
    LedgerStore,
    LedgerUnavailable,
    Superseded,
)

NOTE = "hash-key"
"""The name of the ledger's note with the check value."""

OTHER_KEY = (
    "HASH_KEY: the ledger was written with another key, and no record of it would be found: give "
    "the function the key that it had before, or name a new ledger in LEDGER_URL"
)


async def has_key(store: LedgerStore, key: bytes) -> bool:
    """Whether the ledger was written with this key; `connector.startup` asks.

    Of several instances that start at an empty ledger, the key of one counts.

    Raises:
        LedgerUnavailable: the ledger cannot be reached.
    """
    value = _check_value(key)
    return await store.first_note(NOTE, value) == value


async def written_with(store: LedgerStore, key: bytes) -> bool | None:
    """Whether the ledger was written with this key; None if it has no check value yet.

    It writes nothing; the commands that look for subjects in the ledger ask.

    Raises:
        LedgerUnavailable: nobody knows.
    """
    known = await store.note(NOTE)
    return None if known is None else known == _check_value(key)


def _check_value(key: bytes) -> str:
    return hmac.digest(key, b"check", "sha256").hex()[:16]


class UncheckedLedger:
    """A ledger that could not be reached at the start: it checks the key before the first claim."""

    def __init__(self, store: LedgerStore, key: bytes) -> None:
        self._store = store
        self._key = key
        self._checked = False

    async def claim(self, request: ClaimRequest) -> Claim | Duplicate | Superseded | Busy:
        """See `Ledger`."""
        if not self._checked and not await has_key(self._store, self._key):
            raise LedgerUnavailable(OTHER_KEY)
        self._checked = True
        return await self._store.claim(request)

    async def settle(self, claim: Claim) -> None:
        """See `Ledger`."""
        await self._store.settle(claim)

    async def release(
        self, claim: Claim, touched: frozenset[str] = frozenset(), rest: float = 0
    ) -> None:
        """See `Ledger`."""
        await self._store.release(claim, touched, rest)

    async def close(self) -> None:
        """See `Ledger`."""
        await self._store.close()

    def __getattr__(self, name: str) -> Any:
        """The other methods of a `LedgerStore`, which no event needs."""
        return getattr(self._store, name)
