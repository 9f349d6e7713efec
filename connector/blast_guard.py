"""Stops an accident that takes service from many subscribers (docs/decisions/0051-blast-guard.md).

A wrong import in billing, or a wrong mapping file, bars or releases thousands of subscribers within
minutes. With `BLAST_LIMIT`, such events are answered 503 once there were too many in a period,
until a person allows them. All other events are applied as ever.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from logging import CRITICAL, WARNING

from connector import log
from connector.event import Event
from connector.ledger.records import LedgerStore
from connector.outcome import Outcome, Refusal
from connector.plan.holding import ResourceStep
from connector.plan.step import Replies, Step
from connector.portabilling import AccountInfo
from connector.settings import BlastRate

NOTE = "blast-guard"
"""The name of the ledger's note with the state: `stopped TIME`, or `allowed TIME`, the end."""

_COUNTER = "blast"
_RETRY_AFTER = 60.0  # seconds; NSPS and Pub/Sub come again anyway
_REASON = (
    "The blast guard has stopped events that take service away, because there were more than "
    "BLAST_LIMIT allows"
)
# States of an account in which it is not served (contract 5).
_UNSERVED_BILLS = frozenset({"suspended", "inactive", "terminated"})
_UNSERVED = frozenset(
    "blocked customer_blocked suspended customer_suspended customer_provisionally_terminated "
    "closed inactive expired not_yet_active".split()
)


def takes_service(
    event: Event, steps: tuple[Step, ...], dropped: frozenset[str], replies: Replies
) -> bool:
    """Whether an event releases, removes or bars; the pipeline asks before its first write.

    An event to which PortaBilling has no account, such as that of a deleted SIM, counts as well:
    there is nobody to serve.

    `steps` are those of its plan, `dropped` the subjects whose steps are left out. `replies` are
    what the steps that read have learned: what a resource already is takes nothing.
    """
    left = [step for step in steps if not step.reads and step.subject not in dropped]
    if any(_takes(step, replies) for step in left):
        return True
    account: object = event.account  # an `Unreadable` if nobody can read it
    if account is None:
        return bool(left) and "account_info" in event.parts
    return isinstance(account, AccountInfo) and (
        account.blocked is True
        or account.bill_status in _UNSERVED_BILLS
        or account.status in _UNSERVED
    )


def _takes(step: Step, replies: Replies) -> bool:
    """Whether a step releases or removes; a mapping file can remove what it holds, too."""
    if not isinstance(step, ResourceStep):
        return step.releases
    state = step.target.state(replies)
    return bool(state.take) and (step.releases or state.wanted is None)


@dataclass(slots=True)
class BlastGuard:
    """Counts the events that take service away, in all instances; one a process.

    The ledger has the counter and the state. `clock` gives seconds since 1970.
    """

    limit: BlastRate
    store: LedgerStore
    clock: Callable[[], float] = time.time

    async def admit(self) -> None:
        """Let an event take service away, or refuse it; the pipeline asks before its first write.

        Raises:
            Refusal: unavailable; there were too many, and nobody has allowed more.
            LedgerUnavailable: nobody knows how many there were.
        """
        state, _, when = (await self.store.note(NOTE) or "").partition(" ")
        if state == "allowed" and float(when) > self.clock():
            return
        if state != "stopped":
            count = await self.store.count(_COUNTER, 0, self.limit.seconds)
            if count < self.limit.most:
                return
            await self.store.write_note(NOTE, f"stopped {self.clock():.0f}")
            log.write(CRITICAL, "blast guard stopped", blast="stopped", count=count)
        raise Refusal(Outcome.UNAVAILABLE, _REASON, retry_after=_RETRY_AFTER, cause="blast guard")

    async def count(self) -> None:
        """Count an event that took service away; the pipeline calls this after it was applied."""
        await self.store.count(_COUNTER, 1, self.limit.seconds)


async def allow(store: LedgerStore, seconds: float, clock: Callable[[], float] = time.time) -> None:
    """Let all events pass for so long; after that, the guard counts again.

    `connector blast-guard allow` calls this.

    Raises:
        LedgerUnavailable: nobody knows whether the events pass now.
    """
    await store.write_note(NOTE, f"allowed {clock() + seconds:.0f}")
    log.write(WARNING, "blast guard allows all events", blast="allowed", seconds=seconds)
