"""The path of an event: event -> plan -> claim -> calls -> settle -> result, and its log record.

Read this file first. Whatever ends an event, `handle` turns it into a `Result` and one log record.
Only a cancellation leaves it as an exception.
"""

import asyncio
import hashlib
import random
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from logging import ERROR, INFO, WARNING
from typing import TYPE_CHECKING, Any

from connector import log
from connector.call import Call
from connector.event import Event, numbers, parse, personal, readable
from connector.ledger.records import (
    Busy,
    Claim,
    ClaimRequest,
    Duplicate,
    Ledger,
    LedgerUnavailable,
    LostClaim,
    Superseded,
)
from connector.mapping.schema import MappingFile
from connector.mapping.setting import hidden_texts
from connector.masking import redact
from connector.names import Names, names_in, names_of
from connector.outcome import ANSWERS, Outcome, Refusal, Result
from connector.plan.holding import place, summary, takes_away
from connector.plan.planner import Plan, plan
from connector.plan.step import Replies, Step, confirmed, next_call
from connector.system import End, Reply, System, Turn
from connector.unreadable import Unreadable

if TYPE_CHECKING:
    from connector.blast_guard import BlastGuard

_MOST_NAMES = 20  # of unreadable fields in one line of the log
_CRASHED = "an earlier delivery ended without a result: its call counts as carried out"
_BUSY = "Subject busy: another event of this subscriber is being applied"


@dataclass(slots=True)
class Record:
    """What happened to an event, for its log record and for the tools that explain events.

    `dropped` are the subjects whose calls are left out. `calls` are the calls that were made, with
    their replies, and `steps` the steps that they belong to. `touched` are the subjects that were
    changed, or may have been. `unanswered` is true while the system may still be working on the
    last call. `replies` are what the plan's steps learned. `turn` knows the secrets that the system
    gave the connector. `at` is the step that is being carried out; after a failure it is the one
    that failed. `sent` is true once a call that must not be made twice was made, or may have been.
    `names` are those under which the record is found. `writes` is true once a call that writes was
    about to be made; `guard` is the blast guard if it has let an event pass that takes service.
    """

    event: Event | None = None
    plan: Plan | None = None
    dropped: frozenset[str] = frozenset()
    calls: list[tuple[Call, Reply]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    unanswered: bool = False
    replies: dict[str, Any] = field(default_factory=dict, repr=False)
    turn: Turn | None = None
    at: Step | None = None
    sent: bool = False
    names: Names = field(default=Names(), repr=False)
    guard: "BlastGuard | None" = None
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that the path of an event needs. The doors call `handle`.

    `settings` are the values of the mapping file's settings. `budget` is how many seconds one event
    may take. `hash_key` is the key of the hashes that stand for subjects in the log. `seal`
    encrypts the body of an event for the ledger, which keeps it; None if it keeps none. `watch`
    is told of each event that was read, when it has ended: what was decided, and the replies.
    `blast_guard` stops an accident that takes service from many.
    """

    mapping: MappingFile
    settings: Mapping[str, Any]
    ledger: Ledger
    system: System
    budget: float = 50
    hash_key: bytes = b""
    seal: Callable[[bytes], bytes | None] | None = None
    watch: Callable[[Event, Plan | Result, Replies], None] | None = None
    blast_guard: "BlastGuard | None" = None

    async def handle(self, body: bytes, record: Record | None = None) -> Result:
        """Apply an event, given as the bytes that NSPS sent, and log what became of it.

        The result has no personal data and no secrets. A caller that passes a `record` can read it
        afterwards.
        """
        record = record or Record()
        clock = asyncio.get_running_loop().time  # the clock of the calls' deadlines, too
        started = clock()
        try:
            result = await self._carry_out(body, record)
        except Refusal as refusal:
            result = refusal.result
        except LedgerUnavailable as error:
            cause = f"{type(error).__name__}: {error}"
            result = Result(Outcome.UNAVAILABLE, "The ledger cannot be reached", cause=cause)
        except Exception as error:  # the last net: an event must always get an answer
            trace = self._safe(traceback.format_exc(), record)
            log.write(ERROR, "unexpected failure", exception=trace)
            result = Result(Outcome.FAILED, cause=type(error).__name__)
        decided = record.plan or result  # before masking: the shadow has not masked its own
        if not (record.plan and record.plan.quotes_nothing):  # masking takes 0.1 ms
            result = self._fit_for_people(result, record)
        self._log(result, record, clock() - started)
        if self.watch and record.event:
            self.watch(record.event, decided, record.replies)
        return result

    async def _carry_out(self, body: bytes, record: Record) -> Result:
        deadline = asyncio.get_running_loop().time() + self.budget
        event = record.event = _read(body, record)
        log.protect(lambda text: self._safe(text, record) or "", numbers(event))
        self._warn(event)
        todo = record.plan = self.plan(event)
        if todo.result:
            return todo.result
        if not todo.steps:
            return Result(Outcome.IGNORED, "nothing to do for this event")
        wanted = _claim_request(event, todo, self.budget)
        if self.seal:
            wanted = wanted._replace(kept=self.seal(body))
        claim = await self._claim(wanted, deadline)
        if isinstance(claim, Duplicate):
            return Result(Outcome.DUPLICATE, cause=_CRASHED if claim.crashed else None)
        if isinstance(claim, Superseded):
            return Result(Outcome.SUPERSEDED)
        record.dropped = claim.dropped
        try:
            await self._call(todo, claim, record, deadline)
            await self._settle(claim)
        except BaseException:
            await self._release(claim, record)
            raise
        if record.guard:
            await self._count(record.guard)
        return Result(Outcome.APPLIED, cause=_doubt(record))

    def plan(self, event: Event) -> Plan:
        """The plan of an event; the repairs of an audit carry out only a part of it.

        Raises:
            Refusal: see `connector.plan.planner.plan`.
        """
        return plan(event, self.mapping, self.settings)

    async def _claim(
        self, request: ClaimRequest, deadline: float
    ) -> Claim | Duplicate | Superseded:
        """Claim the event. While others hold its subjects, wait, for half of the budget at most.

        Raises:
            Refusal: unavailable; the subjects are still busy.
            LedgerUnavailable: see `Ledger.claim`.
        """
        clock = asyncio.get_running_loop().time
        patience, pause = deadline - self.budget / 2, 0.01
        while True:
            verdict = await self.ledger.claim(request)
            if not isinstance(verdict, Busy):
                return verdict
            if clock() + pause > patience:
                raise Refusal(Outcome.UNAVAILABLE, _BUSY, retry_after=verdict.wait)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(pause * 1.5, 0.2)

    async def _call(self, todo: Plan, claim: Claim, record: Record, deadline: float) -> None:
        """Make the calls one after the other, then commit them if the system has transactions.

        Raises:
            Refusal: a call did not succeed; those after it were not made.
        """
        replies = record.replies
        turn = record.turn = Turn(deadline, patience=deadline - self.budget / 2)
        try:
            for step in todo.steps:
                if step.subject in claim.dropped:
                    continue
                record.at = step
                talk = step.talk(replies)
                call = next(talk, None)
                while call is not None:
                    reply = await self._send(step, call, record, turn)
                    call = next_call(talk, reply)
            record.at = None
            await _commit(turn, record)
        finally:
            if turn.transaction and not turn.transaction.lasting:
                record.touched, record.unanswered = set(), False
            self.system.leave(turn)

    async def _send(self, step: Step, call: Call, record: Record, turn: Turn) -> Reply:
        """Make one call. Until its reply has come, `record` says that it may be carried out."""
        if not call.read_only and not record.writes:
            record.writes = True
            await self._admit(record)
        before = set(record.touched)
        if step.subject and not call.read_only:
            record.touched.add(step.subject)
        if not call.read_only:
            record.unanswered = True
        record.sent = record.sent or call.once
        reply = await self.system.send(call, turn)
        if call.once:
            record.sent = reply.outcome is Outcome.APPLIED
        record.calls.append((call, reply))
        record.steps.append(step)
        if not call.read_only:
            record.unanswered = reply.end is End.PENDING
        if reply.outcome is not Outcome.APPLIED and not reply.unknown:
            record.touched = before
        return reply

    async def _admit(self, record: Record) -> None:
        """Ask the blast guard, before the first call that writes, if the event takes service away.

        Raises:
            Refusal: unavailable; the guard has stopped such events.
            LedgerUnavailable: the guard cannot tell.
        """
        if self.blast_guard is None or record.event is None or record.plan is None:
            return
        from connector.blast_guard import takes_service  # noqa: PLC0415 - only if it is used

        if takes_service(record.event, record.plan.steps, record.dropped, record.replies):
            await self.blast_guard.admit()
            record.guard = self.blast_guard

    async def _count(self, guard: "BlastGuard") -> None:
        try:
            await guard.count()
        except LedgerUnavailable as error:  # the event was applied
            log.write(WARNING, "blast guard cannot count", cause=type(error).__name__)

    async def _settle(self, claim: Claim) -> None:
        try:
            await self.ledger.settle(claim)
        except LostClaim:
            # The event was applied, but perhaps over a newer state that another event wrote
            # meanwhile. NSPS must send it again, so that the ledger can decide.
            raise Refusal(
                Outcome.UNAVAILABLE, "The event took longer than its claim", cause="lost claim"
            ) from None

    async def _release(self, claim: Claim, record: Record) -> None:
        if record.sent:  # the event must not come to its call again
            with suppress(LostClaim, LedgerUnavailable):
                await self.ledger.settle(claim)
            return
        rest = self.budget / 2 if record.unanswered else 0
        try:
            await self.ledger.release(claim, frozenset(record.touched), rest)
        except LedgerUnavailable as error:  # the claim ends with its lease; the result stays
            log.write(WARNING, "claim not released", cause=type(error).__name__)

    def _fit_for_people(self, result: Result, record: Record) -> Result:
        """Mask personal data and secrets in texts that may quote the event or the system."""
        if not (result.reason or result.cause or result.details):
            return result
        return result._replace(
            reason=self._safe(result.reason, record),
            cause=self._safe(result.cause, record),
            details=tuple(
                item._replace(rule=self._safe(item.rule, record) or "") for item in result.details
            ),
        )

    def _safe(self, text: str | None, record: Record) -> str | None:
        names = [name for name, setting in self.mapping.settings.items() if setting.secret]
        secrets = [text for name in names for text in hidden_texts(self.settings.get(name))]
        secrets += record.turn.secrets if record.turn else ()
        if not (event := record.event):
            return text and redact(text, (), secrets)
        return text and redact(text, personal(event), secrets, clear=readable(event))

    def _warn(self, event: Event) -> None:
        """Log what is odd about an event that is read in spite of it (contract 6.1, 6.3)."""
        ids = {"connector": self.mapping.name, "event_id": event.event_id}
        if event.unreadable:
            names = [found.detail.field for found in event.unreadable]
            more = {"more": len(names) - _MOST_NAMES} if len(names) > _MOST_NAMES else {}
            log.write(
                WARNING, "event has unreadable fields", **ids, fields=names[:_MOST_NAMES], **more
            )
        if event.ahead is not None:
            ahead = round(event.ahead, 1)
            log.write(WARNING, "snapshot from the future", **ids, seconds_ahead=ahead)

    def found_by(self, names: Names) -> dict[str, Any]:
        """The fields of a log record by which the event is found; the doors log them, too."""
        found = {
            "subject_hash": self._hashes(names.sims),
            "account_hash": self._hashes(names.account),
        }
        return {name: hashes for name, hashes in found.items() if hashes}

    def _hashes(self, names: Iterable[str]) -> list[str]:
        return [log.subject_hash(self.hash_key, name) for name in names]

    def _log(self, result: Result, record: Record, took: float) -> None:
        event, subjects = record.event, _subjects(record.plan)
        line: dict[str, Any] = {
            "connector": self.mapping.name,
            "outcome": result.outcome.value,
            "status": ANSWERS[result.outcome].status,
            "reason": result.reason,
            "details": [str(detail) for detail in result.details],
            "cause": result.cause,
            "rule": record.plan.rule.name if record.plan and record.plan.rule else None,
            "subject": [log.mask_subject(subject) for subject in subjects],
            "subject_hash": self._hashes(subjects or record.names.sims),
            "account_hash": self._hashes(record.names.account),
            "dropped": [log.mask_subject(subject) for subject in record.dropped],
            "at": place(record.at),
            "calls": [_call_record(call, reply) for call, reply in record.calls],
            "milliseconds": round(took * 1000, 1),
        }
        rule = record.plan.rule if record.plan else None
        if rule and rule.has_resources and record.plan and record.replies:
            line["resources"] = summary(record.replies, record.plan.steps) or None
        if event:
            line |= {
                "event_id": event.event_id,
                "event_type": _event_type(event, record.plan),
                "handler_id": event.handler_id if isinstance(event.handler_id, str) else None,
            }
            if isinstance(event.created_at, datetime):
                line["created_at"] = event.created_at.isoformat()
                line["age_seconds"] = round(time.time() - event.created_at.timestamp(), 1)
            if event.updated_at:
                line["snapshot_age_seconds"] = round(time.time() - event.updated_at.timestamp(), 1)
        line = {name: value for name, value in line.items() if value is not None and value != []}
        log.write(_level(result), "event settled", **line)


def _read(body: bytes, record: Record) -> Event:
    """Read an event, and note its names in the record.

    Raises:
        Refusal: see `event.parse`.
    """
    try:
        event = parse(body)
    except Refusal:
        record.names = names_in(body)
        raise
    record.names = names_of(event)
    return event


async def _commit(turn: Turn, record: Record) -> None:
    """Make what the calls changed last, at a system with transactions.

    Raises:
        Refusal: nothing was changed, or the end of the commit is unknown.
    """
    if turn.transaction:
        reply = await turn.transaction.commit()
        record.unanswered = reply.end is End.PENDING
        confirmed(reply)


def hash_key(secret: str) -> bytes:
    """Make the key of `log.subject_hash` from a secret."""
    return hashlib.sha256(b"subject-hash:" + secret.encode()).digest()


def _claim_request(event: Event, todo: Plan, budget: float) -> ClaimRequest:
    """The request for an event's claim.

    Raises:
        Refusal: invalid; a SIM would be released, and nobody can read for which account.
    """
    subjects = _subjects(todo)
    kept = {step.subject for step in todo.steps if not step.releases}
    released, owner = frozenset(subjects) - kept, event.i_account
    if isinstance(owner, Unreadable):
        if released:
            owner.refuse()
        owner = None
    return ClaimRequest(
        identities=event.identities,
        subjects=tuple(subjects),
        released=released,
        snapshot=event.snapshot,
        owner=owner,
        unbound=any(step.subject is None for step in todo.steps),
        again=todo.rule is None or todo.rule.replay == "apply",
        lease=budget + 30,  # more than the event can take: it expires only after a crash
        once=todo.rule is not None and todo.rule.has_once,
        leave=frozenset(subjects) - {step.subject for step in todo.steps if not takes_away(step)},
    )


def _doubt(record: Record) -> str | None:
    """For the log: why a call counts as carried out although the system did not confirm it."""
    return next((reply.cause for call, reply in record.calls if call.once and reply.unknown), None)


def _event_type(event: Event, todo: Plan | None) -> str:
    """The event's type for the log, masked if no rule names it: then it may be any text."""
    if todo and todo.rule:
        return event.event_type
    return redact(event.event_type, personal(event))


def _subjects(todo: Plan | None) -> list[str]:
    return sorted({step.subject for step in todo.steps if step.subject}) if todo else []


def _call_record(call: Call, reply: Reply) -> dict[str, Any]:
    return {
        "method": call.method,
        "target": call.target,
        "status": reply.status,
        "outcome": reply.outcome.value,
        "attempts": reply.attempts,
        "milliseconds": round(reply.took * 1000, 1),
    }


def _level(result: Result) -> int:
    """ERROR for what an operator must look at, WARNING for what the sender or time will solve."""
    if result.accepted:
        return INFO
    return ERROR if result.outcome in (Outcome.FAILED, Outcome.UNAVAILABLE) else WARNING
