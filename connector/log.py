"""Write the log: one JSON object a line on stdout, in the form that Cloud Logging reads.

Callers mask what they know to be personal. As a last safeguard, all text except known identifiers
loses long numbers and e-mail addresses here (docs/decisions/0007-log-masking.md). Records of
other libraries and warnings are written in the same form.
"""

import hmac
import logging
import re
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from pydantic_core import to_json

from connector.masking import mask, redact

OURS = logging.getLogger("connector")

# Fields that hold identifiers without personal data; they are never masked.
_CLEAR = frozenset(
    "time severity message request_id unique_id event_id event_type handler_id connector outcome "
    "subject_hash account_hash created_at source logging.googleapis.com/trace logger method status "
    "attempts".split()
)
_IDS = ("request_id", "unique_id", "event_id", "logging.googleapis.com/trace")
_FOREIGN = ("gunicorn.error", "gunicorn.access", "uvicorn.error", "uvicorn.access")
_NUMBER = re.compile("[0-9]{6}")
_PROCESS: dict[str, str] = {}
_bound: ContextVar[dict[str, Any]] = ContextVar("bound")
_known: ContextVar[Callable[[str], str]] = ContextVar("known", default=redact)
_numbers: ContextVar[Sequence[str]] = ContextVar("numbers", default=())


def mask_subject(subject: str) -> str:
    """Mask a subject's name, as in `imsi:***********0001`."""
    kind, colon, name = subject.partition(":")
    return f"{kind}:{mask(name)}" if colon else mask(subject)


def subject_hash(key: bytes, subject: str) -> str:
    """The name by which a subject's lines are found (docs/decisions/0007-log-masking.md).

    The name may hold half of a surrogate pair: an event can, and must be logged all the same.
    """
    return hmac.digest(key, subject.encode(errors="replace"), "sha256").hex()[:16]


def begin(**ids: Any) -> None:
    """Begin a request: each of its lines has these `ids`, and nothing of an earlier request.

    The server starts a request that was sent before the earlier one of its connection had an
    answer in the context of that one.
    """
    _bound.set(ids)
    _known.set(redact)
    _numbers.set(())


def bind(**ids: Any) -> None:
    """Put `ids` into every further line of the current request or message."""
    _bound.set(bound() | ids)


def bound() -> dict[str, Any]:
    """The ids that every line has now."""
    return _bound.get({})


def protect(redact_known: Callable[[str], str], numbers: Sequence[str]) -> None:
    """Keep an event's personal data out of all further lines of the current request or message.

    `redact_known` hides it in the lines of other libraries, which can quote it. `numbers` are the
    subscriber's: some senders make the ids of requests and events of them.
    """
    _known.set(redact_known)
    _numbers.set(numbers)


def name_process(connector: str, source: str | None) -> None:
    """Put the mapping's name and the source's hash into every further line of this process."""
    _PROCESS.clear()
    _PROCESS["connector"] = connector
    if source:
        _PROCESS["source"] = source


def write(level: int, message: str, **fields: Any) -> None:
    """Write one line; `level` is a constant of `logging`.

    The record is made here, because `Logger.log` searches the stack for a line number that no
    line shows.
    """
    if OURS.isEnabledFor(level):
        record = logging.LogRecord(OURS.name, level, "", 0, message, None, None)
        vars(record)["fields"] = fields
        OURS.handle(record)


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write to `stream`, or to stdout; may be called again.

    `level` is the least severity of our own lines; other libraries' records start at WARNING.
    """
    numeric = logging.getLevelName(level)
    _WRITER.setStream(stream or sys.stdout)
    logging.captureWarnings(True)
    logging.getLogger().setLevel(max(numeric, logging.WARNING))
    OURS.setLevel(numeric)
    adopt()


def adopt() -> None:
    """Make our handler the only one again; called when the framework or the server may set theirs.

    What: replaces the handlers of the root logger, enables all loggers, and puts a filter on those
        of gunicorn and uvicorn that passes their records on to the root logger.
    Why: where `LOG_EXECUTION_ID` is set, as on Google Cloud, the framework installs a handler for
        plain text and disables the loggers that exist. The worker gives uvicorn's loggers
        gunicorn's handlers. Cloud Logging needs JSON.
    Upstream: GoogleCloudPlatform/functions-framework-python issue 337 and pull request 320 (the
        framework's log); Kludex/uvicorn issue 614 and pull request 623 (the worker's).
    Remove when: both leave the loggers of an application that has set them up as they are.
    """
    logging.getLogger().handlers[:] = [_WRITER]
    for known in logging.root.manager.loggerDict.values():
        if isinstance(known, logging.Logger):
            known.disabled = False
    for name in _FOREIGN:
        logger = logging.getLogger(name)
        if _to_root not in logger.filters:
            logger.addFilter(_to_root)


def _to_root(record: logging.LogRecord) -> bool:
    """Pass a record on to the root logger; a filter, because the servers replace handlers only."""
    logging.getLogger().handle(record)
    return False


class _Line(logging.Formatter):
    """Writes a record as JSON, with Cloud Logging's names and without personal data."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        ours = record.name == OURS.name
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "severity": logging.getLevelName(min(max(record.levelno // 10, 1), 5) * 10),
            **_PROCESS,
            **bound(),
            "message": record.msg,
            **(vars(record)["fields"] if ours else self._foreign(record)),
        }
        line = _safe(line)
        if numbers := _numbers.get():
            line |= {name: _id(line[name], numbers) for name in _IDS if name in line}
        return to_json(line, fallback=str).decode()

    def _foreign(self, record: logging.LogRecord) -> dict[str, Any]:
        hide = _known.get()
        line = {"message": hide(record.getMessage()), "logger": record.name}
        if record.exc_info:
            line["exception"] = hide(self.formatException(record.exc_info))
        return line


_WRITER = logging.StreamHandler()
_WRITER.setFormatter(_Line())


def _id(text: str, numbers: Sequence[str]) -> str:
    """An id without these numbers; one without any of them stays as it is."""
    found = [number for number in numbers if number in text]
    return redact(text, found) if found else text


def _is_suspect(text: str) -> bool:
    """False for text that needs no masking; several times as fast as one pattern for all."""
    return "@" in text or not text.isascii() or _NUMBER.search(text) is not None


def _safe(value: Any) -> Any:
    """Redact all text in a value, at any depth, except known identifiers."""
    if isinstance(value, str):
        return redact(value) if _is_suspect(value) else value
    if isinstance(value, dict):
        return {name: item if name in _CLEAR else _safe(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    return value
