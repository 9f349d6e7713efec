"""Refuse a plan that would lose data: run this between `terraform plan` and `terraform apply`.

`prevent_destroy` in the code stops most of these plans already. But it goes away together with the
block that it stands in, so a deleted `module` block would pass. This gate looks at the plan itself.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connector_tools.terminal import FAILED, INTERRUPTED, counted, opened, say, stop

ALLOWED = Path(__file__).parent / "destroys.txt"

# What is lost if Terraform deletes or replaces a resource of this type.
HOLDS = {
    "google_cloudfunctions2_function": "NSPS gets 404 until the function is there again",
    "google_compute_address": "it is in the firewalls of external systems",
    "google_compute_global_address": "it is in your DNS",
    "google_firestore_backup_schedule": "the ledger gets no more backups",
    "google_firestore_database": "without its ledger, the connector can apply old events again",
    "google_pubsub_subscription": "it holds events that NSPS considers delivered, or dead letters",
    "google_pubsub_topic": "its subscriptions get nothing more, and its kept events are gone",
    "google_secret_manager_secret": "Terraform does not know the values of the secret",
    "google_secret_manager_secret_version": "with another HASH_KEY the ledger is useless",
    "google_storage_bucket": "it holds the archive of dead letters",
}
# Copies of the repository: nothing is lost with them.
REPLACEABLE = (".google_storage_bucket.source",)
# Attributes with a time in seconds, which may not become shorter; 0 stands for "not set".
TIMES = ("message_retention_duration", "version_destroy_ttl", "retention")
# Attributes that protect a resource, with the value that protects.
PROTECTIONS = {
    "deletion_protection": True,
    "delete_protection_state": "DELETE_PROTECTION_ENABLED",
    "point_in_time_recovery_enablement": "POINT_IN_TIME_RECOVERY_ENABLED",
}


@dataclass(frozen=True)
class Problem:
    """A change that would lose data: the resource's address, what happens to it, what is lost."""

    address: str
    change: str
    loss: str


def problems(plan: dict[str, Any], allowed: set[str]) -> Iterator[Problem]:
    """The changes of a plan (`terraform show -json`) that lose data and that nobody allowed."""
    for resource in plan["resource_changes"]:
        if resource["mode"] == "managed" and resource["address"] not in allowed:
            yield from _destroyed(resource)
            yield from _weakened(resource)


def _destroyed(resource: dict[str, Any]) -> Iterator[Problem]:
    address, actions = resource["address"], resource["change"]["actions"]
    loss = HOLDS.get(resource["type"])
    if loss and "delete" in actions and not address.endswith(REPLACEABLE):
        change = "would be replaced" if "create" in actions else "would be deleted"
        yield Problem(address, change, loss)


def _weakened(resource: dict[str, Any]) -> Iterator[Problem]:
    if resource["change"]["actions"] != ["update"]:
        return
    before, after = resource["change"]["before"], resource["change"]["after"]
    for name, protects in PROTECTIONS.items():
        if before.get(name) == protects and after.get(name) != protects:
            yield Problem(resource["address"], f"would lose {name}", "what it keeps is in danger")
    kept, keeps = _times(before), _times(after)
    for name, seconds in kept.items():
        if keeps[name] < seconds:
            loss = f"what is older than {keeps[name]:.0f} s is gone at once"
            yield Problem(resource["address"], f"would get a shorter {name}", loss)


def _times(values: dict[str, Any]) -> dict[str, float]:
    """How long something is kept, in seconds."""
    policies = values.get("retention_policy") or [{}]  # of a bucket
    return {name: _seconds(values.get(name)) for name in TIMES} | {
        "retention_policy": _seconds(policies[0].get("retention_period"))
    }


def _seconds(value: object) -> float:
    """The seconds of `2678400s` or 2678400; 0 if there is none, or if it is unknown."""
    return float(str(value).removesuffix("s")) if value else 0


def addresses(text: str, today: date) -> set[str]:
    """The addresses that a list allows today: lines of a last day, an address and a comment.

    Raises ValueError for a line that is not like this: `2026-12-31 ADDRESS # why`.
    """
    found = set()
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].split()
        if not content:
            continue
        try:
            last, address = date.fromisoformat(content[0]), " ".join(content[1:])
        except ValueError:
            address = ""
        if not address:
            raise ValueError(f"line {number}: write a last day and an address: 2026-12-31 ADDRESS")
        if today <= last:
            found.add(address)
    return found


def _plan(name: str) -> dict[str, Any]:
    with opened(name) as stream:
        text = stream.read()
    try:
        plan = json.loads(text)
    except ValueError:
        stop(f"{name} is not JSON: make it with `terraform show -json tfplan`")
    if not isinstance(plan, dict) or "resource_changes" not in plan:
        stop(f"{name} is not a plan: it has no resource_changes")
    return plan


def _allowed(file: Path) -> set[str]:
    if not file.exists():
        return set()
    try:
        return addresses(file.read_text(), datetime.now(UTC).date())
    except ValueError as error:
        stop(f"{file}, {error}")


def gate(
    plan: Annotated[str, typer.Argument(help="Output of `terraform show -json`; - is stdin")],
    allowed: Annotated[Path, typer.Option(help="List of what may be destroyed")] = ALLOWED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON")] = False,
) -> None:
    """Refuse a plan that would lose data (exit code 1).

    Example: terraform show -json tfplan | python terraform/gate.py -
    """
    found = list(problems(_plan(plan), _allowed(allowed)))
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in found], indent=2))
    else:
        _print(found, allowed)
    raise typer.Exit(FAILED if found else 0)


def _print(found: list[Problem], allowed: Path) -> None:
    for problem in found:
        say(f"{problem.address} {problem.change}: {problem.loss}", "red")
    if found:
        say(
            f"Refused: {counted(len(found), 'change')} would lose data. To allow a change on "
            f"purpose, add a line to {allowed.name}: its last day and the address (docs/deploy.md)."
        )
    else:
        say("The plan loses no data.")


if __name__ == "__main__":
    try:
        typer.run(gate)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
