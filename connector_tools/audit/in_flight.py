"""Holds a subject in the ledger during a second read, so that no event changes it meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from connector.ledger.records import Busy, Claim, ClaimRequest, Ledger


class Verdict(Enum):
    """What the ledger says about a subject and the event that says what should be."""

    FREE = "the event is the newest that was applied, and the subject is held"
    BUSY = "an event is in flight"
    NEWER = "a newer event was applied"


@asynccontextmanager
async def held(ledger: Ledger, request: ClaimRequest) -> AsyncIterator[Verdict]:
    """Hold the subject of a request until the end of the block, if it is free.

    An event that comes meanwhile waits, as for any other event of the subject. Nothing is left in
    the ledger. If this process is killed meanwhile, the lease ends by itself.

    Raises:
        LedgerUnavailable: the ledger cannot be reached.
    """
    claim = await ledger.claim(request)
    if isinstance(claim, Busy):
        yield Verdict.BUSY
        return
    if not isinstance(claim, Claim):
        yield Verdict.NEWER
        return
    try:
        yield Verdict.NEWER if claim.dropped else Verdict.FREE
    finally:
        await ledger.release(claim)
