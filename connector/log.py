"""One JSON object per line on stdout, as Cloud Logging reads it.

Personal data is masked to its last four digits before it gets here by whoever knows that it is
personal; as a last net every string of an event's record that is not a known identifier loses
its long runs of digits and its e-mail addresses. Lines of other libraries and warnings take the
same way.
"""

import hmac
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from pydantic_core import to_json

# Identifiers without personal data (design of the log record): never masked.
_CLEAR = frozenset(
    "time severity message request_id unique_id event_id event_type handler_id connector outcome "
    "subject_hash logging.googleapis.com/trace logger method status attempts".split()
)
_FOREIGN = ("gunicorn.error", "gunicorn.access", "uvicorn.error", "uvicorn.access")
_DIGITS = re.compile(r"(?<![0-9])[0-9]{6,}(?![0-9])")
_TAIL = re.compile(r".{4,}[0-9]{4}", re.S)
_SUSPECT = re.compile(r"[0-9]{6}|@|[\ud800-\udfff]")  # one search where there is nothing to mask
_bound: ContextVar[dict[str, str]] = ContextVar("bound")
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[A-Za-z]{2,}")


def mask(value: str) -> str:
    """All but the last four digits hidden; all, if it does not end in four or is short."""
    kept = value[-4:] if _TAIL.fullmatch(value) else ""
    return "*" * (len(value) - len(kept)) + kept


def redact(text: str, personal: Iterable[str] = (), secrets: Iterable[str] = ()) -> str:
    """Text that somebody else wrote, without secrets, `personal` data, long numbers, addresses."""
    if not personal and not secrets and not _SUSPECT.search(text):
        return text
    text = text.encode(errors="replace").decode()  # half a surrogate pair, which JSON can say
    for secret in secrets:
        text = text.replace(secret, "***")
    for datum in sorted(set(personal), key=len, reverse=True):
        if len(datum) > 2:  # shorter ones would mask every other word
            text = re.sub(re.escape(datum), lambda found: mask(found[0]), text, flags=re.I)
    text = _EMAIL.sub("***", text)
    return _DIGITS.sub(lambda found: mask(found[0]), text)


def mask_subject(subject: str) -> str:
    """`imsi:001010000000001` as `imsi:***********0001`."""
    kind, colon, name = subject.partition(":")
    return f"{kind}:{mask(name)}" if colon else mask(subject)


def subject_hash(key: bytes, subject: str) -> str:
    """A name by which a subject's lines are found.

    HMAC, since a bare hash of 15 digits is undone by trying them all.
    """
    return hmac.digest(key, subject.encode(), "sha256").hex()[:16]


def bind(**ids: str) -> None:
    """Put these into every line of the request or message that is being handled, from now on."""
    _bound.set(bound() | ids)


def bound() -> dict[str, str]:
    """What every line has for now. One variable: structlog's has one for each, all looked up."""
    return _bound.get({})


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set up our own lines and those of the libraries; may be called again."""
    numeric = logging.getLevelName(level)
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)
    logging.getLogger().setLevel(max(numeric, logging.WARNING))
    adopt()


def adopt() -> None:
    """Take over all loggers again.

    The servers install handlers of their own at their start, and so does the framework where
    `LOG_EXECUTION_ID` is set, as on Google Cloud; it also disables all loggers that it finds.
    """
    logging.getLogger().handlers[:] = [_Foreign()]
    for known in logging.root.manager.loggerDict.values():
        if isinstance(known, logging.Logger):
            known.disabled = False
    for name in _FOREIGN:
        logger = logging.getLogger(name)
        if _to_root not in logger.filters:
            logger.addFilter(_to_root)


def _to_root(record: logging.LogRecord) -> bool:
    """A filter, the one thing that a server leaves alone when it sets up its loggers."""
    logging.getLogger().handle(record)
    return False


class _Foreign(logging.Handler):
    """Writes the lines of other libraries as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        level = min(max(record.levelno, logging.DEBUG), logging.CRITICAL) // 10 * 10
        extra = {"exc_info": record.exc_info} if record.exc_info else {}
        log.log(level, redact(record.getMessage()), logger=record.name, **extra)


def _rendered(_: object, method: str, line: MutableMapping[str, Any]) -> str:
    """The line with Cloud Logging's names, nothing personal in it, as JSON."""
    severity = {"warn": "WARNING", "exception": "ERROR"}.get(method, method.upper())
    line.update(severity=severity, message=line.pop("event"))
    return to_json(_fields({**bound(), **line}), fallback=str).decode()


def _fields(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name in _CLEAR else _safe(value) for name, value in line.items()}


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return _fields(value)
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    return value
