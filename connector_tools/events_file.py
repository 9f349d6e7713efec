"""Events from a file or from standard input: JSON, or NDJSON read line by line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import uuid4

_BOM = b"\xef\xbb\xbf"
_NOT_JSON = (ValueError, RecursionError)  # what json.loads raises


@dataclass(frozen=True, slots=True)
class Item:
    """An event of the input: the body to post, or the `problem` why it cannot be posted.

    `place` names it in the input, for example `line 3`. `read` is the number of bytes of the input
    up to its end.
    """

    place: str
    read: int
    event_id: str = ""
    body: bytes = field(default=b"", repr=False)
    problem: str | None = None

    @property
    def label(self) -> str:
        """The beginning of a line about it, e.g. `line 3: event 1c2d:`."""
        return f"{self.place}:" + (f" event {self.event_id}:" if self.event_id else "")


def items(stream: Iterable[bytes], *, new_ids: bool = False) -> Iterator[Item]:
    """Yield the events of JSON (one event or a list, read whole) or of NDJSON (read line by line).

    The input is NDJSON if an unindented line holds a whole JSON object. With `new_ids` each event
    gets a new event_id and loses its `i_event`, which identifies it too (contract 4.4).
    """
    lines = iter(stream)
    head: list[bytes] = []
    for line in lines:
        head.append(line.removeprefix(_BOM))
        if head[-1].lstrip().startswith(b"["):
            head.extend(lines)
        elif head[-1].startswith(b"{") and _is_object(head[-1]):
            yield from _by_line(chain(head, lines), new_ids=new_ids)
            return
    yield from _whole(b"".join(head), new_ids=new_ids)


def _by_line(lines: Iterable[bytes], *, new_ids: bool) -> Iterator[Item]:
    read = 0
    for number, line in enumerate(lines, 1):
        place, body = f"line {number}", line.strip()
        read += len(line)
        if not body:
            continue
        try:
            event = json.loads(body)
        except _NOT_JSON as error:
            yield Item(place, read, problem=_problem(error))
        else:
            yield _item(place, read, event, body, new_ids=new_ids)


def _whole(text: bytes, *, new_ids: bool) -> Iterator[Item]:
    if not text.strip():
        return
    try:
        found = json.loads(text)
    except _NOT_JSON as error:
        yield Item(f"line {getattr(error, 'lineno', 1)}", len(text), problem=_problem(error))
        return
    events = found if isinstance(found, list) else [found]
    for number, event in enumerate(events, 1):
        read = len(text) * number // len(events)
        yield _item(f"event {number}", read, event, new_ids=new_ids)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except _NOT_JSON:
        return False


def _problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "not JSON: not UTF-8"
    return "not JSON: nested too deeply, or a number too long"


def _item(place: str, read: int, event: Any, body: bytes = b"", *, new_ids: bool) -> Item:
    """The item of an event; `body` is its text in the input, which is posted unchanged."""
    if not isinstance(event, dict):
        return Item(place, read, problem="not an event: must be a JSON object")
    if new_ids:
        event, body = _renamed(event), b""
    event_id = str(event.get("event_id") or "-")
    return Item(place, read, event_id, body or json.dumps(event).encode())


def _renamed(event: dict[str, Any]) -> dict[str, Any]:
    event = event | {"event_id": str(uuid4())}
    data = event.get("data")
    variables = data.get("variables") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(variables, dict):
        kept = {name: value for name, value in variables.items() if name != "i_event"}
        event["data"] = data | {"variables": kept}
    return event
