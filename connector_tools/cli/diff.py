"""`connector diff`: what another mapping file would do otherwise for recorded events."""

from pathlib import Path
from typing import Annotated

import typer

from connector_tools.cli.mapping_settings import load_for_explaining
from connector_tools.events_file import items
from connector_tools.plan_diff import Comparison, Group, Side
from connector_tools.terminal import (
    CANNOT_RUN,
    FAILED,
    counted,
    opened,
    print_json,
    say,
    stop,
    terminal,
)

app = typer.Typer()

_SHOWN = 3  # events of a group that are named


@app.command(
    "diff",
    epilog="Example: connector diff mappings/wtl-hlr-hss.yaml my-mapping.yaml events.ndjson",
)
def compare_mappings(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Mapping file that serves now.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Mapping file that shall serve.")],
    events: Annotated[
        list[str],
        typer.Argument(metavar="EVENTS|-", help="Files with events: JSON, a list, or NDJSON."),
    ],
    as_document: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Do not mask personal data.")] = False,
) -> None:
    """Compare what two mapping files would do for events, without sending anything.

    Settings come from the environment; missing ones are made up. Calls that need replies of the
    external system are not compared. The exit code is 1 if an event differs, and 2 if an event
    cannot be read.
    """
    sides = []
    for path in (old, new):
        mapping, settings = load_for_explaining(path)
        sides.append(Side(mapping, settings.values))
    found = Comparison(sides[0], sides[1], clear)
    for name in events:
        with opened(name) as stream:
            for item in items(stream):
                found.add(item)
    if not (found.equal or found.different or found.unreadable):
        stop(f"there is no event in {', '.join(events)}")
    groups = sorted(found.groups.values(), key=lambda group: -len(group.events))
    if as_document:
        print_json(_document(found, groups))
    else:
        _show(found, groups)
    if found.unreadable:
        raise typer.Exit(CANNOT_RUN)
    if groups:
        raise typer.Exit(FAILED)


def _show(found: Comparison, groups: list[Group]) -> None:
    errors = terminal(stderr=True)
    for problem in found.unreadable:
        say(problem, "red", to=errors)
    for group in groups:
        say(f"{counted(len(group.events), 'event')}, {_rules(group)}", "bold")
        for place, (before, after) in zip(group.places, group.examples, strict=True):
            values = "" if place.endswith((": new", ": gone")) else f": {before} -> {after}"
            say(f"  {place}{values}")
        more = len(group.events) - _SHOWN
        say("  in " + ", ".join(group.events[:_SHOWN]) + (f" and {more} more" if more > 0 else ""))
    say(f"{counted(found.equal, 'event')} the same, {found.different} different")


def _rules(group: Group) -> str:
    old, new = (f"rule `{name}`" if name else "no rule" for name in group.rules)
    return old if old == new else f"{old} -> {new}"


def _document(found: Comparison, groups: list[Group]) -> dict[str, object]:
    return {
        "equal": found.equal,
        "different": found.different,
        "unreadable": found.unreadable,
        "groups": [
            {
                "rules": list(group.rules),
                "differences": [
                    {"place": place, "before": before, "after": after}
                    for place, (before, after) in zip(group.places, group.examples, strict=True)
                ],
                "events": group.events,
            }
            for group in groups
        ],
    }
