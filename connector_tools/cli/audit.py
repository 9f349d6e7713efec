"""`connector audit`: compare what the external system holds with what it should hold."""

import asyncio
import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from logging import ERROR
from pathlib import Path
from typing import Annotated, cast

import typer

from connector import log
from connector.ledger.records import LedgerStore, LedgerUnavailable
from connector.ledger.sealed import WrongKey, sealing_key, unseal
from connector.mapping.setting import hidden_texts
from connector.masking import hide_secrets
from connector.pipeline import Pipeline
from connector.secrets import SecretsUnreachable
from connector.settings import HASH_KEY, BadSettings
from connector.startup import check_ledger, start
from connector_tools.audit.audit import Audit, Limits
from connector_tools.audit.finding import Kind
from connector_tools.audit.known import BadKnown, Known, read_known, sort
from connector_tools.audit.look import SystemAway
from connector_tools.audit.pace import usual_rate
from connector_tools.audit.progress import (
    BadProgress,
    FileProgress,
    LedgerProgress,
    NoProgress,
    Progress,
)
from connector_tools.audit.repair import REPAIRABLE, Repair
from connector_tools.audit.report import Report
from connector_tools.audit.report_text import Shown, document, lines, write_log
from connector_tools.audit.should_be import Exported, Kept, ShouldBe
from connector_tools.events_file import items
from connector_tools.quiet import quiet
from connector_tools.reading import NotReadOnly
from connector_tools.terminal import FAILED, INTERRUPTED, json_text, opened, say, stop, terminal

app = typer.Typer()

_File = Annotated[Path, typer.Argument(metavar="FILE", envvar="MAPPING_FILE", help="Mapping file.")]
_Events = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|-",
        help="What should be: events that billing or NSPS exported, as JSON or NDJSON. Without it, "
        "the events that the ledger keeps (KEEP_STATE).",
    ),
]
_Known = Annotated[
    Path | None,
    typer.Option(
        metavar="YAML",
        help="Known differences: a list of subject, resource, field, because, owner, until.",
    ),
]
_Rate = Annotated[
    float | None,
    typer.Option(
        min=0.01, max=10_000, help="Reads per second; by default a tenth of `rate_limit`, or 5."
    ),
]
_Again = Annotated[
    float,
    typer.Option(min=0, max=3600, help="Seconds between the two reads of a difference, at least."),
]
_Most = Annotated[
    int | None, typer.Option(min=1, help="Check this many subjects, then end; needs a cursor.")
]
_For = Annotated[float | None, typer.Option("--for", min=0.01, help="End after this many minutes.")]
_ProgressFile = Annotated[
    Path | None,
    typer.Option(
        "--progress",
        metavar="FILE",
        help="Keep the cursor in this file, so that the next run goes on there. Without --events "
        "the ledger keeps it.",
    ),
]
_Repair = Annotated[
    str,
    typer.Option(
        metavar="KINDS",
        help=f"Repair these kinds, with commas: {', '.join(REPAIRABLE)}. Nothing is sent "
        "without --send.",
    ),
]
_Remove = Annotated[
    str,
    typer.Option(
        metavar="extra",
        help="`extra`: remove what the system should not hold. Nothing is sent without --send.",
    ),
]
_Send = Annotated[
    bool, typer.Option("--send", help="Send the repairs and removals; else they are only counted.")
]
_AtMost = Annotated[
    int, typer.Option(min=1, help="Send nothing if more subjects than this would be repaired.")
]
_Clear = Annotated[bool, typer.Option("--clear", help="Do not mask personal data.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_Log = Annotated[
    bool,
    typer.Option("--log", help="Write log lines for Cloud Logging, without any value."),
]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the operator wants."""

    events: str | None
    limits: Limits
    rate: float | None
    progress: Path | None
    kinds: frozenset[Kind]
    send: bool
    at_most: int
    known: tuple[Known, ...]


class _CannotAudit(Exception):  # noqa: N818 - it names what happened
    """The audit cannot be done like this; the text says why."""


_FAILURES = (
    BadSettings,
    SecretsUnreachable,
    LedgerUnavailable,
    WrongKey,
    BadProgress,
    SystemAway,
    NotReadOnly,
    _CannotAudit,
)


def _why(error: Exception) -> str:
    """Why an audit cannot be done, as a sentence."""
    match error:
        case LedgerUnavailable():
            return f"the ledger cannot be reached: {error}"
        case WrongKey():
            return "what the ledger keeps cannot be decrypted: HASH_KEY must be the function's"
        case SystemAway():
            return f"the external system does not answer: {error}; the next run goes on from here"
        case NotReadOnly():
            return f"a call that may write was refused, and not sent: {error}"
    return str(error)


@app.command(
    "audit",
    epilog="Example: connector audit mappings/open5gs.yaml --events export.ndjson --rate 20",
)
def audit(
    file: _File,
    events: _Events = None,
    known: _Known = None,
    rate: _Rate = None,
    again: _Again = 10.0,
    most: _Most = None,
    minutes: _For = None,
    progress: _ProgressFile = None,
    repair: _Repair = "",
    remove: _Remove = "",
    send: _Send = False,
    at_most: _AtMost = 100,
    clear: _Clear = False,
    as_json: _Json = False,
    as_log: _Log = False,
) -> None:
    """Compare what the external system holds with what it should hold. Only reads are sent.

    It needs the settings and secrets of the function. A subject with an event in flight is not
    judged, and a difference is reported only if a second read shows it again. The exit code is 0
    without differences, 1 with differences, 2 if the audit could not be done.
    """
    limits = Limits(
        rate or 1.0, again=again, most=most, seconds=None if minutes is None else minutes * 60
    )
    kinds = _kinds(repair, remove)
    try:
        explained = read_known(known) if known else ()
    except BadKnown as error:
        stop(str(error))
    wish = _Wish(events, limits, rate, progress, kinds, send, at_most, explained)
    report, secrets = _run(file, wish, as_log=as_log)
    shown = Shown(report, file.read_text(encoding="utf-8"), clear)
    if as_json:
        typer.echo(hide_secrets(json_text(document(shown)), secrets))
    elif not as_log:
        console = terminal()
        for text, style in lines(shown):
            say(hide_secrets(text, secrets), style, to=console)
    if report.remaining:
        raise typer.Exit(FAILED)


def _kinds(repair: str, remove: str) -> frozenset[Kind]:
    names = [name.strip() for name in repair.split(",") if name.strip()]
    for name in names:
        if name not in REPAIRABLE:
            stop(f"--repair: unknown kind `{name}`; kinds: {', '.join(REPAIRABLE)}")
    if remove not in ("", Kind.EXTRA):
        stop(f"--remove: only `{Kind.EXTRA}` can be removed")
    return frozenset(Kind(name) for name in [*names, *([remove] if remove else [])])


def _run(file: Path, wish: _Wish, *, as_log: bool) -> tuple[Report, tuple[str, ...]]:
    """Run the audit; end the command with a sentence if it cannot be done."""
    try:
        if as_log:
            log.configure()
        startup = start({**os.environ, "MAPPING_FILE": str(file)})
        bodies = list(_bodies(wish.events)) if wish.events else None
        with nullcontext() if as_log else quiet():
            check_ledger(startup.settings)

            async def main() -> tuple[Report, tuple[str, ...]]:
                async with startup.serve() as pipeline:
                    shared = startup.settings.LEDGER_URL != "memory:"
                    key = sealing_key(startup.secrets.get(HASH_KEY) or "")
                    report = await _audit(
                        pipeline, wish, bodies, partial(unseal, key), shared=shared
                    )
                    if as_log:
                        write_log(report, pipeline.mapping.name)
                    return report, _secrets(pipeline)

            return asyncio.run(main())
    except _FAILURES as error:
        why = _why(error)
        if as_log:
            log.write(ERROR, "audit failed", cause=why)
        stop(why)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


async def _audit(
    pipeline: Pipeline,
    wish: _Wish,
    bodies: list[bytes] | None,
    unseal: Callable[[bytes], bytes],
    *,
    shared: bool,
) -> Report:
    if wish.send and not shared:
        raise _CannotAudit(
            "--send needs the ledger of the function, so that a newer event wins: set LEDGER_URL"
        )
    should_be = _should_be(pipeline, bodies, unseal)
    limits = replace(wish.limits, rate=wish.rate or usual_rate(pipeline.mapping))
    one = Audit(pipeline, should_be, limits, _progress(pipeline, wish))
    report = await one.run()
    if isinstance(should_be, Exported):
        report.left_out.update(should_be.left_out)
    if bodies is None and not report.checked and not report.skipped:
        raise _CannotAudit("the ledger keeps no events: set KEEP_STATE, or name a file: --events")
    report.sorted = sort(report.findings, wish.known, datetime.datetime.now(datetime.UTC).date())
    await _repair_found(pipeline, one, report, wish)
    return report


async def _repair_found(pipeline: Pipeline, one: Audit, report: Report, wish: _Wish) -> None:
    repair = Repair(pipeline, one, wish.kinds)
    todo = repair.todo(report.sorted.count)
    if not wish.send or len(todo) > wish.at_most:
        report.not_sent = len(todo)
        return
    report.repaired = await repair.run(todo)
    report.reads = one.reader.sent


def _should_be(
    pipeline: Pipeline, bodies: list[bytes] | None, unseal: Callable[[bytes], bytes]
) -> ShouldBe:
    if bodies is not None:
        return Exported(bodies, pipeline.plan, pipeline.hash_key)
    return Kept(_store(pipeline), unseal)


def _progress(pipeline: Pipeline, wish: _Wish) -> Progress:
    if wish.progress:
        return FileProgress(wish.progress)
    return NoProgress() if wish.events else LedgerProgress(_store(pipeline))


def _store(pipeline: Pipeline) -> LedgerStore:
    """The ledger of a deployment: each is a store, although the path of an event needs less."""
    return cast(LedgerStore, pipeline.ledger)


def _bodies(name: str) -> Iterator[bytes]:
    with opened(name) as stream:
        for item in items(stream):
            if item.problem:
                raise _CannotAudit(f"{name}: {item.label} {item.problem}")
            yield item.body


def _secrets(pipeline: Pipeline) -> tuple[str, ...]:
    """The secrets of the mapping file: a reply of the system may quote them."""
    names = [name for name, one in pipeline.mapping.settings.items() if one.secret]
    return tuple(text for name in names for text in hidden_texts(pipeline.settings.get(name)))
