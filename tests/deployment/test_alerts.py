"""The alerts of a plan, on what the function really logs: which alert fires, and when.

Prometheus evaluates the queries (`tests.support.alerting`), a small reader of Google's query
language the filters. Entries of Google's own logs are written after Google's documentation.
"""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import ANSWERS, Outcome
from tests.support import alerting, failures, terraform
from tests.support.alerting import Alerts
from tests.support.failures import MANY, platform_entry
from tests.support.log_query import Entry, matches
from tests.support.scripted import ScriptedServer
from tests.support.terraform import Copy

SERVICE = "wtl-hlr"  # of the example with everything; in the buffered shape
_REASON = (
    terraform.missing()
    or alerting.missing()
    or (None if terraform.offline() else "needs TF_OFFLINE_SETUP")
)
pytestmark = [
    pytest.mark.deployment,
    pytest.mark.skipif(_REASON is not None, reason=_REASON or ""),
]
OBJECTIVE = {"slo_fast", "slo_slow"}
_HOUR, _DAY = 60, 24 * 60  # minutes
_BEGIN = 2 * _HOUR + 5  # nothing happened before


@pytest.fixture(scope="module")
def every(applied: Copy) -> Alerts:
    return Alerts.of(applied.resources, SERVICE)


@pytest.fixture(scope="module")
def alerts(every: Alerts) -> Alerts:
    """All but those of the objective, which come beside many others."""
    return every.only(*set(every.policies) - OBJECTIVE)


@pytest.fixture(scope="module")
def objective(every: Alerts) -> Alerts:
    return every.only(*OBJECTIVE)


@pytest.fixture(scope="module")
def told(
    scripted: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Entry]]:
    """What the function logged, by the way in which its events failed."""
    return failures.logged(tmp_path_factory.mktemp("function"), scripted, SERVICE)


_ids = itertools.count()


def again(entry: Entry, **changes: Any) -> Entry:
    """The entry of another event, or with `event_id` of the same, with other fields."""
    changes = {"event_id": f"event-{next(_ids)}"} | changes
    return entry | {"jsonPayload": entry["jsonPayload"] | changes}


def settled(entries: list[Entry]) -> list[Entry]:
    return [one for one in entries if one["jsonPayload"]["message"] == "event settled"]


def at(minute: int, entries: list[Entry]) -> list[tuple[int, Entry]]:
    return [(minute, entry) for entry in entries]


def traffic(told: dict[str, list[Entry]], minutes: range) -> list[tuple[int, Entry]]:
    """Events that are applied: 60 in each minute."""
    return [one for minute in minutes for one in at(minute, settled(told["applied"]))]


# --- each outcome that is not accepted


def test_every_outcome_that_is_not_accepted_has_an_alert(alerts: Alerts) -> None:
    refused_at_the_door = {Outcome.UNAUTHORIZED, Outcome.NOT_ALLOWED, Outcome.TOO_LARGE}
    wanted = {outcome for outcome, row in ANSWERS.items() if row.status >= 300}
    named = {name for name in alerts.queries if name.startswith("outcome_")}
    assert named == {f"outcome_{outcome}" for outcome in wanted - refused_at_the_door}


def test_what_is_accepted_is_what_the_answers_say(
    alerts: Alerts, told: dict[str, list[Entry]]
) -> None:
    (line,) = settled(told["stuck"])
    entries = {outcome: again(line, outcome=outcome.value) for outcome in Outcome}
    not_accepted = alerts.counted("unaccepted", entries.values())
    # `queued` is logged by another record, because it is not the end of an event.
    accepted = {outcome for outcome, row in ANSWERS.items() if row.status < 300} - {Outcome.QUEUED}
    for outcome, entry in entries.items():
        assert (entry in not_accepted) == (outcome not in accepted), outcome


@pytest.mark.parametrize(
    "outcome", ["invalid", "unknown_resource", "rejected", "failed", "unavailable"]
)
def test_sixty_events_of_sixty_page(
    outcome: str, alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    assert len(settled(told[outcome])) == MANY
    assert {one["jsonPayload"]["outcome"] for one in settled(told[outcome])} == {outcome}
    fires = {_BEGIN + 2: {f"outcome_{outcome}"}}
    alerts.check(tmp_path, at(_BEGIN, told[outcome]), fires)


def test_all_events_throttled_page_after_a_quarter_of_an_hour(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    fires: dict[int, set[str]] = {_BEGIN + 5: set(), _BEGIN + 20: {"outcome_throttled"}}
    alerts.check(tmp_path, at(_BEGIN, told["throttled"]), fires)


def test_a_burst_that_is_throttled_and_then_accepted_pages_nobody(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    burst = at(_BEGIN, told["throttled"]) + traffic(told, range(_BEGIN + 3, _BEGIN + 4))
    alerts.check(tmp_path, burst, {_BEGIN + 20: set()})


def test_events_that_are_applied_page_nobody(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    assert len(settled(told["applied"])) == MANY
    alerts.check(tmp_path, at(_BEGIN, told["applied"]), {_BEGIN + 2: set()})
    assert alerts.lines(told["applied"]) == set()


def test_one_event_of_a_small_operator_pages_when_it_fails_again_and_again(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    line = settled(told["failed"])[0]
    attempts = [(_BEGIN + minute, line) for minute in (1, 6, 16)]
    fires = {_BEGIN + 10: set(), _BEGIN + 17: {"outcome_failed"}}
    alerts.check(tmp_path, attempts, fires)


def test_attempts_are_not_events(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    """10 % of the attempts fail, but only one event of 3,600 does."""
    line = settled(told["failed"])[0]
    flow = traffic(told, range(_BEGIN, _BEGIN + _HOUR))
    flow += [(_BEGIN + n % _HOUR, line) for n in range(400)]
    alerts.check(tmp_path, flow, {_BEGIN + _HOUR: set()})


# --- events that are stuck


def test_a_stuck_event_pages_in_a_large_flow(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    flow = traffic(told, range(_BEGIN, _BEGIN + 10)) + at(_BEGIN + 5, told["stuck"])
    alerts.check(
        tmp_path,
        flow,
        {_BEGIN + 4: set(), _BEGIN + 6: {"stuck_events"}},
        {(_BEGIN + 6, "stuck_events"): 1},
    )


def test_of_a_hundred_stuck_subscribers_the_operator_sees_a_hundred(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    """Each was tried three times; the flow is large, so no share of it is noticed."""
    (line,) = settled(told["stuck"])
    stuck = [again(line) for _ in range(100)]
    flow = traffic(told, range(_BEGIN, _BEGIN + _HOUR))
    flow += [(_BEGIN + minute, one) for one in stuck for minute in (10, 25, 40)]
    pages = {"stuck_events", "many_stuck_events"}
    alerts.check(
        tmp_path,
        flow,
        {_BEGIN + 50: pages},
        {(_BEGIN + 50, name): 100 for name in pages},
    )


def test_one_event_that_comes_for_days_pages_once_a_day_at_most(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    """NSPS: 100 attempts in a day, then after 1, 2, 4, 8, 16 and 24 hours."""
    (line,) = settled(told["stuck"])
    offsets = [*range(0, _DAY, 14), *(_DAY + hours * _HOUR for hours in (1, 3, 7, 15, 31))]
    attempts = [(_BEGIN + offset, line) for offset in offsets]
    until = max(offsets) + _HOUR // 2
    minutes = range(_BEGIN + 1, _BEGIN + until, 15)
    fires = {minute: {"stuck_events"} if minute < _BEGIN + _HOUR else set() for minute in minutes}
    alerts.only("stuck_events", "many_stuck_events").check(tmp_path, attempts, fires)


def test_an_old_stuck_event_does_not_hide_new_ones(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    (line,) = settled(told["stuck"])
    flow = [(_BEGIN + minute, line) for minute in range(0, 5 * _HOUR, 10)]
    flow += traffic(told, range(_BEGIN, _BEGIN + 5 * _HOUR, 5))
    later = _BEGIN + 4 * _HOUR
    flow += [(later, again(line)) for _ in range(30)]
    pages = {"stuck_events", "many_stuck_events"}
    alerts.check(
        tmp_path, flow, {later - 1: set(), later + 1: pages}, {(later + 1, "stuck_events"): 30}
    )


# --- dead letters

_PUBSUB = (
    "pubsub_googleapis_com:subscription_dead_letter_message_count"
    '{monitored_resource="pubsub_subscription",subscription_id="wtl-hlr-push"}'
)


def test_each_new_dead_letter_pages(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    """The first still lies there when the next 300 come."""
    letter = told["dead letter"]
    first, next_ones = _BEGIN, _BEGIN + 30
    flow = at(first, letter) + [(next_ones, one) for one in letter for _ in range(300)]
    flow += traffic(told, range(_BEGIN, next_ones + 2))
    fires = {
        first + 1: {"dead_letters"},
        next_ones - 1: set(),
        next_ones + 1: {"dead_letters", "many_dead_letters"},
    }
    alerts.check(tmp_path, flow, fires)


def test_an_event_that_pubsub_gave_up_pages(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    flow = traffic(told, range(_BEGIN, _BEGIN + 20))
    fires = {_BEGIN + 4: set(), _BEGIN + 6: {"dead_letters"}, _BEGIN + 17: set()}
    alerts.check(tmp_path, flow, fires, other={_PUBSUB: [_BEGIN + 5]})


def test_letters_page_before_pubsub_deletes_them(alerts: Alerts) -> None:
    (condition,) = alerts.policies["letters_expire"]["conditions"]
    (threshold,) = condition["condition_threshold"]
    assert threshold["threshold_value"] == (31 - 3) * 86400
    assert '"wtl-hlr-dead-letters"' in threshold["filter"]
    assert "oldest_unacked_message_age" in threshold["filter"]


# --- requests that are refused, the ledger, times


@pytest.mark.parametrize(
    ("way", "page"),
    [
        ("wrong token", {"only_refusals"}),
        ("no JSON", {"refused_events", "outcome_invalid"}),
        ("too large", {"refused_events", "only_refusals"}),
        ("ledger", {"ledger_errors", "outcome_unavailable"}),
    ],
)
def test_three_requests_page(
    way: str, page: set[str], alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    two_hours_before = traffic(told, range(_BEGIN - 2 * _HOUR, _BEGIN - 2 * _HOUR + 2))
    alerts.check(tmp_path, two_hours_before + at(_BEGIN, told[way]), {_BEGIN + 2: page})


def test_strangers_page_only_if_they_are_many(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    flow = traffic(told, range(_BEGIN, _BEGIN + 30))
    few = flow + at(_BEGIN + 5, told["wrong token"])
    alerts.check(tmp_path, few, {_BEGIN + 6: set()})
    many = flow + at(_BEGIN + 5, told["wrong token"] * 5)
    alerts.check(tmp_path, many, {_BEGIN + 6: {"unauthorized_callers"}})


def test_hours_without_an_event_page(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    flow = traffic(told, range(_BEGIN, _BEGIN + 2))
    later = _BEGIN + 6 * _HOUR
    alerts.check(tmp_path, flow, {later - 1: set(), later + 10: {"no_traffic"}})


def test_slow_events_page(alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path) -> None:
    lines = settled(told["applied"])
    slow = [again(line, milliseconds=15_000) for line in lines[:3]]
    flow = at(_BEGIN, lines)
    alerts.check(tmp_path, flow + at(_BEGIN, slow), {_BEGIN + 2: {"slow_events"}})
    alerts.check(tmp_path, flow, {_BEGIN + 2: set()})


# --- single lines of the function's log


@pytest.mark.parametrize(
    ("way", "page"),
    [
        ("unavailable", {"circuit_open"}),
        ("failed", {"fails_every_call"}),
        ("credentials", {"refused_credentials", "fails_every_call"}),
        ("blast guard", {"blast_guard"}),
        ("cannot start", {"cannot_start"}),
        ("invalid", set()),
        ("stuck", set()),
        ("dead letter", set()),
    ],
)
def test_single_lines_page(
    way: str, page: set[str], alerts: Alerts, told: dict[str, list[Entry]]
) -> None:
    assert alerts.lines(told[way]) - {"fails_every_call"} == page - {"fails_every_call"}


def test_a_system_that_fails_every_call_pages_once(
    alerts: Alerts, told: dict[str, list[Entry]]
) -> None:
    """The line comes with the 20th call; refused credentials are such failures, too."""
    entries = told["credentials"] + told["failed"]
    found = [one for one in entries if matches(alerts.filters["fails_every_call"], one)]
    assert len(found) == 1
    assert found[0]["jsonPayload"]["message"] == "external system fails every call"


# --- the platform's log

_ABORTED = "The request was aborted because there was no available instance."
_BROKEN = (
    "The request failed because either the HTTP response was malformed or connection to the "
    "instance had an error."
)


def _request(status: int, text: str | None = None) -> Entry:
    fields = {"httpRequest": {"status": status}, "severity": "ERROR"}
    return platform_entry(SERVICE, "requests", **fields, **({"textPayload": text} if text else {}))


def test_answers_of_the_platform_page_and_those_of_the_function_do_not(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    own = [_request(status) for status in (500, 503, 429) for _ in range(3)]
    flow = traffic(told, range(_BEGIN, _BEGIN + 2)) + at(_BEGIN, own)
    alerts.check(tmp_path, flow, {_BEGIN + 2: set()})
    broken = at(_BEGIN, [_request(503, _BROKEN)] * 3)
    alerts.check(tmp_path, flow + broken, {_BEGIN + 2: {"platform_errors"}})
    aborted = at(_BEGIN, [_request(429, _ABORTED)] * 3)
    alerts.check(tmp_path, flow + aborted, {_BEGIN + 2: {"no_instance"}})


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Memory limit of 512 MiB exceeded with 530 MiB used.", "out_of_memory"),
        (
            "While handling this request, the container instance was found to be using too much "
            "memory and was terminated.",
            "out_of_memory",
        ),
        (
            'Default STARTUP TCP probe failed 1 time consecutively for container "worker" on port '
            "8080. The instance was not started.",
            "cannot_start",
        ),
    ],
)
def test_texts_of_the_platform_page(text: str, page: str, alerts: Alerts) -> None:
    system = platform_entry(SERVICE, "varlog%2Fsystem", severity="ERROR", textPayload=text)
    assert alerts.lines([system]) == {page}
    other = platform_entry("wtl-lab", "varlog%2Fsystem", severity="ERROR", textPayload=text)
    assert alerts.lines([other]) == set()


def _audit(log: str, **fields: Any) -> Entry:
    return {"logName": f"projects/my-project/logs/cloudaudit.googleapis.com%2F{log}", **fields}


def test_a_deployment_that_fails_pages(alerts: Alerts) -> None:
    run = platform_entry(SERVICE, "stdout")["resource"]
    labels = {"function_name": SERVICE, "region": "europe-west1"}
    function = {"type": "cloud_function", "labels": labels}
    method = "google.cloud.functions.v2.FunctionService.UpdateFunction"
    update = {"resource": function, "protoPayload": {"methodName": method}}
    assert alerts.lines([_audit("system_event", resource=run, severity="ERROR")]) == {
        "failed_rollout"
    }
    assert alerts.lines([_audit("activity", severity="ERROR", **update)]) == {"failed_rollout"}
    assert alerts.lines([_audit("activity", severity="NOTICE", **update)]) == set()


@pytest.mark.parametrize(
    ("secret", "who", "page"),
    [
        ("wtl-hlr-API_TOKEN", "eve@example.com", {"secret_access"}),
        ("wtl-hlr-HASH_KEY", "eve@example.com", {"secret_access"}),
        ("wtl-hlr-API_TOKEN", "wtl-hlr-runtime@my-project.iam.gserviceaccount.com", set()),
        ("wtl-hlr-API_TOKEN", "nsps-deploy@my-project.iam.gserviceaccount.com", set()),
        ("wtl-lab-API_TOKEN", "eve@example.com", set()),
    ],
)
def test_an_unknown_reader_of_a_secret_pages(
    secret: str, who: str, page: set[str], alerts: Alerts
) -> None:
    payload = {
        "serviceName": "secretmanager.googleapis.com",
        "methodName": "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion",
        "resourceName": f"projects/123456789012/secrets/{secret}/versions/1",
        "authenticationInfo": {"principalEmail": who},
    }
    read = _audit("data_access", resource={"type": "audited_resource"}, protoPayload=payload)
    assert alerts.lines([read | {"severity": "INFO"}]) == page


def test_an_audit_that_ends_or_never_starts_pages(alerts: Alerts) -> None:
    names = {"location": "europe-west1"}
    log = {"logName": "projects/my-project/logs/any"}
    job = {"type": "cloud_run_job", "labels": names | {"job_name": f"{SERVICE}-audit"}}
    scheduler = {"type": "cloud_scheduler_job", "labels": names | {"job_id": f"{SERVICE}-audit"}}
    other = {"type": "cloud_scheduler_job", "labels": names | {"job_id": "other"}}
    page = {"audit_failed"}
    assert (
        alerts.lines([log | {"resource": job, "jsonPayload": {"message": "audit failed"}}]) == page
    )
    assert alerts.lines([log | {"resource": scheduler, "severity": "ERROR"}]) == page
    assert alerts.lines([log | {"resource": other, "severity": "ERROR"}]) == set()
    for why, paged in {
        "Task t failed with message: Image not found.": page,
        # It wrote a line itself, which pages; differences are no fault of the audit.
        "Task t failed with message: The container exited with an error.": set[str](),
    }.items():
        ended = {"resource": job, "severity": "ERROR", "protoPayload": {"status": {"message": why}}}
        assert alerts.lines([_audit("system_event", **ended)]) == paged
    line = {"message": "audit ended", "drift": 2}
    assert alerts.lines([log | {"resource": job, "jsonPayload": line}]) == {"drift"}


# --- the objective


def test_a_failing_hour_pages_fast_and_ends(
    objective: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    """All 60 fail: a hundred times more than 1 %. After the fault, only the long window sees it."""
    both = {"slo_fast", "slo_slow"}
    fires: dict[int, set[str]] = {_BEGIN + 2: both, _BEGIN + 7: {"slo_slow"}, _BEGIN + 40: set()}
    objective.check(tmp_path, at(_BEGIN, told["failed"]), fires)


def test_one_failure_of_eleven_pages_slowly(
    objective: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    flow = traffic(told, range(_BEGIN - 9, _BEGIN + 1))
    objective.check(tmp_path, flow + at(_BEGIN, told["invalid"]), {_BEGIN + 1: {"slo_slow"}})


def test_what_uses_up_no_budget_pages_nobody(
    objective: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    (stuck,) = settled(told["stuck"])  # one event is no burn rate
    few = settled(told["failed"])[:9]  # nor are nine failures without other events
    for events in (settled(told["applied"]) + [stuck] * 100, few):
        objective.check(tmp_path, at(_BEGIN, events), {_BEGIN + 1: set()})


def test_no_alert_needs_a_metric_that_is_not_yet_known(applied: Copy, every: Alerts) -> None:
    """Google refuses them for ten minutes after the metric was made, so the first apply fails."""
    kinds = {one["type"] for one in applied.resources}
    assert "google_monitoring_slo" not in kinds
    for policy in every.policies.values():
        for condition in policy["conditions"]:
            for threshold in condition["condition_threshold"]:
                assert "logging.googleapis.com/user/" not in threshold["filter"]
            for query in condition["condition_prometheus_query_language"]:
                assert query["disable_metric_validation"] is True


def test_no_incident_stays_open_when_its_data_end(every: Alerts) -> None:
    """Without this, Google keeps it open for seven days, in which a new fault tells nobody."""
    for name, policy in every.policies.items():
        closes = policy["alert_strategy"][0]["auto_close"]
        assert int(closes.removesuffix("s")) <= 86_400, name


# --- who gets them


def test_queries_ask_only_for_metrics_that_exist(every: Alerts) -> None:
    made = {one["name"] for one in every.metrics}
    for query in every.queries.values():
        asked = re.findall(r"user_(\w+?)(?:_bucket|_count)?\{", query)
        assert asked
        assert set(asked) <= made


def test_promtool_finds_a_wrong_expectation(
    alerts: Alerts, told: dict[str, list[Entry]], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="outcome_invalid"):
        alerts.check(tmp_path, at(_BEGIN, told["invalid"]), {_BEGIN + 2: set()})
