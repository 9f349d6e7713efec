"""The tests inside a new mapping file. They reach all that `connector test` asks for."""

from collections.abc import Iterator
from typing import Any

from connector_tools.starter import parts
from connector_tools.starter.answers import Answers
from connector_tools.starter.words import NEW, OLD, Seen
from connector_tools.starter.yaml_text import entry, inline

Lines = Iterator[str]
_SUBJECT = "imsi:"


class _Calls:
    """The calls that the tests expect."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.values = {line.name: line.in_tests for line in parts.setting_lines(answers)}
        self.extra = {name: f"=settings.{name}" for name in answers.settings}

    def save(self, seen: Seen = OLD) -> dict[str, Any]:
        call = parts.expected_call(self.answers.save, seen, self.values, self.extra)
        return call | {"subject": _SUBJECT + seen.imsi}

    def create(self, seen: Seen = OLD) -> dict[str, Any]:
        assert self.answers.create  # noqa: S101 - asked before
        call = parts.expected_call(self.answers.create, seen, self.values, self.extra)
        return call | {"subject": _SUBJECT + seen.imsi}

    def remove(self) -> dict[str, Any]:
        assert self.answers.remove  # noqa: S101 - asked before
        return parts.expected_call(self.answers.remove, OLD, self.values) | {
            "subject": _SUBJECT + OLD.imsi
        }

    def release(self) -> dict[str, Any]:
        call = self.remove() if self.answers.remove else self.save(OLD._replace(released=True))
        return call | {"releases": True}


def lines(answers: Answers, events: str) -> Lines:
    """Yield the lines of `tests`."""
    calls = _Calls(answers)

    def test(name: str, event: str, outcome: str = "applied", **more: Any) -> Lines:
        yield f"  - name: {name}"
        yield f"    event: {events}/{event}.json"
        for key in ("change", "replies", "system"):
            if key in more:
                yield from entry(key, more[key], 4)
        if "calls" in more:
            yield "    calls:"
            for call in more["calls"]:
                yield from _item(call)
        yield f"    outcome: {outcome}"
        if "because" in more:
            yield f"    because: {inline(more['because'])}"
        yield ""

    yield "tests:"
    yield from _saving(answers, calls, test)
    yield from _replacing(calls, test)
    yield from _removing(answers, calls, test)
    yield from _refusing(answers, test)


def _item(call: dict[str, Any]) -> Lines:
    """Yield an entry of a list, with its keys in lines of their own."""
    inner = [text for key, value in call.items() for text in entry(key, value, 8)]
    yield f"      - {inner[0].lstrip()}"
    yield from inner[1:]


def _saving(answers: Answers, calls: _Calls, test: Any) -> Lines:
    account = "pb_data.account_info"
    first = calls.save() | parts.proof(answers)
    yield from test("an open account is served", "sim-updated", calls=[first])
    for name, change in (
        ("a blocked account", {f"{account}.blocked": True}),
        ("a suspended account", {f"{account}.bill_status": "suspended"}),
    ):
        if not answers.says_service:
            break
        off = [calls.save(OLD._replace(served=False))]
        yield from test(f"{name} is not served", "sim-updated", change=change, calls=off)
    if answers.create:
        system = {parts.any_path(answers.save): {"status": 404}}
        system |= {parts.any_path(answers.create): {"status": 201}}
        for name, served in (("a", True), ("a blocked", False)):
            seen = OLD._replace(served=served)
            more: dict[str, Any] = {} if served else {"change": {f"{account}.blocked": True}}
            yield from test(
                f"{name} subscriber whom the system does not have is created",
                "sim-created",
                system=system,
                calls=[calls.save(seen), calls.create(seen)],
                **more,
            )
    else:
        yield from test("a new subscriber is served", "sim-created", calls=[calls.save()])
    if answers.error_field:
        body = parts.nested(answers.error_field, "no more licences")
        yield from test(
            "a refusal in a successful reply reaches the operator",
            "sim-updated",
            "failed",
            replies=[{"json": body}],
            calls=[calls.save()],
            because="no more licences",
        )
        down = {parts.any_path(answers.save): {"status": 503, "json": body}}
        yield from test(
            "a system that is down is asked again, whatever its reply says",
            "sim-updated",
            "unavailable",
            system=down,
            calls=[calls.save()],
        )


def _replacing(calls: _Calls, test: Any) -> Lines:
    both = [calls.release(), calls.save(NEW)]
    yield from test(
        "a swapped SIM is released before the new one is served", "sim-replaced", calls=both
    )
    sim, old = "pb_data.sim_info", "pb_data.prev_sim_info"
    for name, change in (
        ("the first SIM of an account releases nothing", {old: None}),
        ("a previous SIM without an IMSI is not released", {f"{old}.imsi": None}),
        ("a SIM that stays is not released", {f"{old}.imsi": NEW.imsi}),
        ("a SIM that another account has by now is not released", {f"{old}.i_account": 42}),
    ):
        yield from test(name, "sim-replaced", change=change, calls=[calls.save(NEW)])
    for name, change in (
        ("a SIM that was taken away is released", {sim: None}),
        ("a SIM without an IMSI only takes the old one away", {f"{sim}.imsi": None}),
    ):
        yield from test(name, "sim-replaced", change=change, calls=[calls.release()])
    yield from test(
        "an account without an old and a new SIM needs nothing",
        "sim-replaced",
        "ignored",
        change={sim: None, old: None},
        because="no SIM was taken away",
    )


def _removing(answers: Answers, calls: _Calls, test: Any) -> Lines:
    if not answers.remove:
        return
    gone: list[dict[str, Any]] = [{"status": 404}]
    if answers.error_field:
        gone[0]["json"] = parts.nested(answers.error_field, "no such subscriber")
    yield from test(
        "a SIM that the system does not have is released already",
        "sim-replaced",
        change={"pb_data.sim_info": None},
        replies=gone,
        calls=[calls.release()],
    )
    yield from test(
        "a SIM that leaves the inventory is removed", "sim-deleted", calls=[calls.remove()]
    )
    yield from test(
        "a SIM that the system does not have is removed already",
        "sim-deleted",
        replies=gone,
        calls=[calls.remove()],
    )


def _refusing(answers: Answers, test: Any) -> Lines:
    account, sim = "pb_data.account_info", "pb_data.sim_info"
    yield from test(
        "a SIM without an account is nobody's",
        "sim-updated",
        "ignored",
        change={f"{sim}.i_account": None},
        because="no account yet",
    )
    for name, event, change, because in (
        ("a short IMSI", "sim-updated", {f"{sim}.imsi": "001010"}, "IMSI must be 15 digits"),
        (
            "a short previous IMSI",
            "sim-replaced",
            {"pb_data.prev_sim_info.imsi": "001010"},
            "previous IMSI must be 15 digits",
        ),
        ("a missing account", "sim-updated", {account: None}, "account_info is missing"),
        *_unknown_states(answers),
    ):
        yield from test(f"{name} is refused", event, "invalid", change=change, because=because)


def _unknown_states(answers: Answers) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    if answers.says_service:
        account = "pb_data.account_info"
        for name, field in (("state", "bill_status"), ("block", "blocked")):
            change = {f"{account}.{field}": None}
            yield f"an unknown {name}", "sim-updated", change, "unknown whether"
