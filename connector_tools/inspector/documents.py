"""Events as JSON documents for the page, masked unless it asks to reveal one."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connector.event import Event
from connector.log import mask_subject
from connector.mapping.protocol import Preview
from connector.system import End, Reply
from connector_tools.explain import as_json
from connector_tools.inspector.observed import Attempt, Observed, ObservedCall, SubjectThen
from connector_tools.inspector.veil import Veil
from connector_tools.masked_event import masked
from connector_tools.records.grouping import shape

Document = dict[str, Any]
_QUOTING = ("reason", "cause", "details", "at")  # fields of the log that can quote the event
_FAR = 300  # a status from which an event counts as a failure


def summary(event: Observed) -> Document:
    """An event as a line of the list; it never holds personal data."""
    line, answer = event.line, event.answer
    return {
        "n": event.n,
        "time": event.time.isoformat(),
        "event_type": str(line.get("event_type") or line.get("method") or ""),
        "outcome": str(line.get("outcome", "")),
        "status": answer.status if answer else 0,
        "masked": _subjects(event),
        "latency_ms": round(event.took * 1000, 1),
        "reason": reason(line),
        "message": str(answer.body.get("message", "")) if answer else "",
        "event_id": str(line.get("event_id", "")),
        "calls": len(event.calls),
        "kind": event.kind,
        "life": event.life,
    }


def reason(line: Mapping[str, Any]) -> str:
    """Why an event ended as it did, from its log record."""
    details = line.get("details")
    told = "; ".join(map(str, details)) if isinstance(details, list) else ""
    return str(line.get("reason") or told or line.get("cause") or "")


def _subjects(event: Observed) -> str:
    """The subjects of an event, or else the SIMs and the account that it names, masked."""
    if event.ledger:
        return " ".join(_subject_shown(one.subject) for one in event.ledger)
    subjects = event.line.get("subject")
    if isinstance(subjects, list) and subjects:
        return " ".join(map(str, subjects))
    names = event.record.names
    return " ".join(map(mask_subject, names.sims or names.account[:1]))


def _subject_shown(subject: str) -> str:
    """A subject, masked unless it is an id of PortaBilling, which the events show too."""
    return subject if subject.startswith("i_") else mask_subject(subject)


def groups(summaries: Iterable[Document]) -> list[Document]:
    """The events that were not accepted, grouped by outcome and reason; the largest group first."""
    found: dict[tuple[str, str], Document] = {}
    for one in summaries:
        if one["status"] < _FAR:
            continue
        key = (one["outcome"], shape(one["reason"]))
        group = found.setdefault(
            key,
            {"reason": one["reason"], "outcome": one["outcome"], "count": 0, "events": []},
        )
        group["count"] += 1
        group["events"].append(one["n"])
    return sorted(found.values(), key=lambda group: -group["count"])


def detail(
    event: Observed,
    plan: Document | None,
    veil: Veil,
    sent_to: Callable[[Preview], str],
    *,
    reveal: bool,
) -> Document:
    """An event with everything that is known of it. `plan` is the explanation of its event."""
    return {
        **summary(event),
        "event": event_document(event.body, veil, reveal=reveal),
        "revealed": reveal,
        "explained": veil.document(plan) if plan else None,
        "calls": [_call(number, call, veil, sent_to) for number, call in enumerate(event.calls)],
        "calls_count": len(event.calls),
        "answer": _answer(event, veil),
        "ledger": {"subjects": [_subject(one, veil) for one in event.ledger]},
        "result": {
            name: veil.document(value) if name in _QUOTING else value
            for name, value in event.line.items()
        },
    }


def event_document(body: bytes, veil: Veil, *, reveal: bool) -> Any:
    """The event as it was posted; text if it is no JSON object, None if there was no body."""
    if not body:
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return veil.text(body.decode(errors="replace"))
    if not isinstance(found, dict):
        return veil.document(found)
    return veil.document(found) if reveal else masked(found)


def _call(
    number: int,
    call: ObservedCall,
    veil: Veil,
    sent_to: Callable[[Preview], str],
) -> Document:
    request = preview(call.request, veil)
    ends = [*call.attempts[1:], None]
    attempts = [
        _attempt(one, call, request, veil, last=following is None)
        for one, following in zip(call.attempts, ends, strict=True)
    ]
    return {
        "index": number,
        "line": call.line or None,
        "name": call.call.id or f"{call.call.method} {call.call.target}",
        "started_ms": _ms(call.began),
        "took_ms": _ms(call.took),
        "sent_to": sent_to(call.request),
        "request": request,
        "attempts": attempts,
        "outcome": call.reply.outcome.value if call.reply else None,
        "because": veil.text((call.reply and (call.reply.reason or call.reply.cause)) or ""),
        "pinned": any(one.pinned for one in call.attempts),
        "write": not call.call.read_only,
    }


def preview(request: Preview, veil: Veil) -> Document:
    """A request that was or would be sent."""
    return {
        "line": veil.text(request.line),
        "headers": {name: veil.text(value) for name, value in request.headers},
        "body": veil.text(request.body),
    }


def _attempt(
    attempt: Attempt,
    call: ObservedCall,
    request: Document,
    veil: Veil,
    *,
    last: bool,
) -> Document:
    reply = attempt.reply or (call.reply if last else None)
    return {
        "request": request,
        "reply": _reply(attempt.reply, veil) if attempt.reply else None,
        "started_ms": _ms(attempt.began),
        "took_ms": _ms(attempt.took),
        "end": _end(attempt, reply, veil),
        "judged": _judged(reply, attempt.line, veil) if reply else None,
        "pinned": attempt.pinned,
    }


def _reply(reply: Reply, veil: Veil) -> Document | None:
    """What the system answered; None if it answered nothing that can be read."""
    seen = dict(reply.seen)
    if not seen and reply.status is None:
        return None
    headers = seen.pop("headers", None)
    text = seen.get("text")
    body = text if isinstance(text, str) else as_json(seen)
    return {
        "status": reply.status,
        "headers": veil.document(headers) if isinstance(headers, dict) else {},
        "body": veil.text(body),
    }


def _end(attempt: Attempt, reply: Reply | None, veil: Veil) -> str:
    """How an attempt ended, in a few words."""
    pinned = "pinned: " if attempt.pinned else ""
    if attempt.reply and (attempt.reply.seen or attempt.reply.status is not None):
        return f"{pinned}replied"
    if reply is None:
        return f"{pinned}no reply"
    sent = "not sent" if reply.end is End.NOT_SENT else "no reply"
    return f"{pinned}{sent}: {veil.text(reply.cause or reply.reason or '')}".rstrip(": ")


def _judged(reply: Reply, line: int | None, veil: Veil) -> Document:
    return {
        "outcome": reply.outcome.value,
        "because": veil.text(reply.reason or reply.cause or ""),
        "line": line,
    }


def _answer(event: Observed, veil: Veil) -> Document | None:
    """The answer as NSPS sees it."""
    if event.answer is None:
        return None
    given = event.answer
    return {
        "status": given.status,
        "headers": dict(given.headers),
        "body": veil.document(dict(given.body)),
    }


def _subject(then: SubjectThen, veil: Veil) -> Document:
    known, leased = then.view
    snapshot = known.snapshot
    state = "leased" if leased else "applied" if snapshot else "unknown"
    kind = then.subject.partition(":")[0]
    return {
        "subject": veil.text(then.subject) if kind else then.subject,
        "state": state,
        "updated": _instant(snapshot.taken) if snapshot else None,
        "created": _instant(snapshot.created) if snapshot else None,
        "owner": known.owner,
        "lease": round(leased, 1),
        "dropped": then.dropped,
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def personal_of(event: Observed) -> Event | None:
    """The event whose personal data is to be hidden; None if it could not be read."""
    return event.record.event


def found_in(event: Observed, text: str) -> bool:
    """Whether an event holds this text anywhere: the page finds a subscriber without revealing."""
    return text.encode() in event.body or text in json.dumps(dict(event.line), default=str)


def matching(events: Iterable[Observed], text: str) -> Iterator[Observed]:
    """Yield the events that hold a text."""
    yield from (event for event in events if found_in(event, text))
