"""What `connector send` prints: each kind of failure once, then a summary; or a document."""

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from connector_tools.send import Group, SendResult, Tally
from connector_tools.terminal import counted, print_json, printable, say, terminal

_MOST = 20  # ids of a group that are printed; the document has all


def failure(result: SendResult) -> str:
    """The line about an event that was not accepted."""
    status = f" {result.status}" if result.status else ""
    return f"{result.item.label}{status} {result.text}"


def print_summary(tally: Tally) -> None:
    """Print the failures by answer, a table of all answers, and how many events were accepted."""
    groups = tally.groups()
    for group in groups if tally.refused > len(groups) else ():  # else each has its line already
        _print_group(group)
    console = terminal()
    box = SIMPLE if console.is_terminal else None
    table = Table("status", "answer", box=box, pad_edge=False)
    for name in ("events", "p50", "p99"):
        table.add_column(name, justify="right")
    for row in tally.rows():
        status = str(row.status or "-")
        message = Text(printable(row.message))
        table.add_row(status, message, str(row.count), *map(_milliseconds, (row.p50, row.p99)))
    if table.rows:
        console.print(table, soft_wrap=False)
    total = tally.accepted + tally.refused
    say(f"{counted(total, 'event')}: {tally.accepted} accepted, {tally.refused} not")


def _print_group(group: Group) -> None:
    status = f" {group.status}" if group.status else ""
    say(f"{counted(len(group.items), 'event')}:{status} {group.text}", "red")
    for item in group.items[:_MOST]:
        say(f"  {item.event_id or '-'}  {item.place}")
    if len(group.items) > _MOST:
        say(f"  and {len(group.items) - _MOST} more: --json prints all, --failed FILE writes them")


def print_document(tally: Tally, stopped: str = "") -> None:
    """Print the same for programs; `stopped` says why not all events were sent."""
    print_json(
        {
            "accepted": tally.accepted,
            "not_accepted": tally.refused,
            "stopped": stopped or None,
            "answers": [
                {
                    "status": row.status,
                    "message": row.message,
                    "events": row.count,
                    "p50_ms": _rounded(row.p50),
                    "p99_ms": _rounded(row.p99),
                }
                for row in tally.rows()
            ],
            "failures": [
                {
                    "status": group.status,
                    "text": group.text,
                    "count": len(group.items),
                    "events": [
                        {"event_id": item.event_id or None, "place": item.place}
                        for item in group.items
                    ],
                }
                for group in tally.groups()
            ],
        }
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"
