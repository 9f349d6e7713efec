"""What is read from the lines of a reply: its text, its status, and its fields."""

from collections.abc import Iterator, Sequence
from typing import Any

from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.line.entry import ReplyFormat
from connector.systems.line.status import status_of

_LONGEST_STATUS = 40  # characters in the log


def own_reply(lines: Sequence[str], sent: str, form: ReplyFormat, *, decides: bool = True) -> Reply:
    """The reply to the command `sent` by the protocol's own rule: its status decides.

    Without a status in the format, or if it does not decide, every reply counts as success.
    """
    found = seen(lines, sent, form)
    said = found["status"]
    if form.status is None or (said is None and not decides):
        return Reply(Outcome.APPLIED, seen=found)
    if said is None:
        reason = "API Core's reply has no status"
        return Reply(
            Outcome.FAILED, reason, "a reply without a status", end=End.UNKNOWN, seen=found
        )
    outcome = Outcome.APPLIED if said in form.success else Outcome.FAILED
    return Reply(outcome, cause=f"status {said[:_LONGEST_STATUS]}", seen=found)


def seen(lines: Sequence[str], sent: str, form: ReplyFormat) -> dict[str, Any]:
    """The fields of a reply to the command `sent`, without the echo of the command."""
    kept = _without_blanks(lines)
    if sent and kept and kept[0].strip() == sent.strip():
        kept = _without_blanks(kept[1:])
    return {
        "status": status_of(kept, form.status) if form.status else None,
        "fields": dict(_fields(kept, form.fields)) if form.fields else {},
        "lines": kept,
        "text": "\n".join(kept),
    }


def _fields(lines: Sequence[str], separator: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of the lines with both, backwards, so that the first of a name wins."""
    for line in reversed(lines):
        name, found, value = line.partition(separator)
        if found and name.strip():
            yield name.strip(), value.strip()


def _without_blanks(lines: Sequence[str]) -> list[str]:
    """The lines without the empty ones at the beginning."""
    first = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    return list(lines[first:])
