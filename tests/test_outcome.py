"""Every outcome has exactly one answer (contract 3)."""

import json

import pytest

from connector.outcome import ANSWERS, Answer, Detail, Outcome, Refusal, Result, answer
from tests.support import answers

ERRORS = [outcome for outcome in Outcome if ANSWERS[outcome].status >= 400]
ACCEPTED = [outcome for outcome in Outcome if outcome not in ERRORS]
TYPES = {
    "VALIDATION_ERROR",
    "AUTHENTICATION_ERROR",
    "SERVICE_ERROR",
    "CONNECTION_ERROR",
    "RATE_LIMIT_ERROR",
    "INTERNAL_ERROR",
}


def test_every_outcome_has_exactly_one_answer() -> None:
    assert list(ANSWERS) == list(Outcome)


@pytest.mark.parametrize(
    ("outcome", "status", "body"),
    [
        (Outcome.APPLIED, 202, answers.ACCEPTED),
        (Outcome.QUEUED, 202, answers.ACCEPTED),
        (Outcome.DUPLICATE, 202, answers.DUPLICATE),
        (Outcome.SUPERSEDED, 202, answers.SUPERSEDED),
        (Outcome.UNAUTHORIZED, 401, answers.UNAUTHORIZED),
        (Outcome.UNKNOWN_RESOURCE, 404, answers.NOT_FOUND),
        (Outcome.NOT_ALLOWED, 405, answers.NOT_ALLOWED),
        (Outcome.INVALID, 422, answers.INVALID),
        (Outcome.THROTTLED, 429, answers.THROTTLED),
        (Outcome.FAILED, 500, answers.FAILED),
        (Outcome.UNAVAILABLE, 503, answers.UNAVAILABLE),
    ],
)
def test_the_guides_cases_are_answered_word_for_word(
    outcome: Outcome, status: int, body: dict[str, str]
) -> None:
    found = answer(Result(outcome))
    assert (found.status, found.body) == (status, body)


def test_cases_beyond_the_guides_have_the_same_shape() -> None:
    assert answer(Result(Outcome.TOO_LARGE)).status == 413
    rejected = answer(Result(Outcome.REJECTED))
    assert rejected.status == 422
    assert rejected.body == {**answers.INVALID, "error": "Rejected by API Core"}


def test_the_answer_to_an_ignored_event_has_the_reason() -> None:
    found = answer(Result(Outcome.IGNORED, "IMSI is {empty} or not provided"))
    assert found == Answer(202, {"message": "Event ignored: IMSI is {empty} or not provided"}, {})


@pytest.mark.parametrize("outcome", ERRORS)
def test_an_error_has_exactly_the_keys_of_the_contract(outcome: Outcome) -> None:
    body = answer(Result(outcome)).body
    assert list(body) == ["message", "error", "type"]
    assert all(body.values())
    assert body["type"] in TYPES


@pytest.mark.parametrize("outcome", ERRORS)
def test_a_reason_replaces_the_error_text_only(outcome: Outcome) -> None:
    plain = answer(Result(outcome)).body
    assert answer(Result(outcome, "a reason")).body == {**plain, "error": "a reason"}


@pytest.mark.parametrize("outcome", ACCEPTED)
def test_the_answer_to_an_accepted_event_is_a_message_only(outcome: Outcome) -> None:
    found = answer(Result(outcome, "a reason", cause="a cause"))
    assert list(found.body) == ["message"]
    assert found.status == 202


@pytest.mark.parametrize("outcome", Outcome)
def test_the_cause_is_for_the_log_only(outcome: Outcome) -> None:
    told = answer(Result(outcome, "a reason", cause="c0ffee"))
    assert "c0ffee" not in json.dumps([told.body, told.headers])


def test_details_name_field_and_rule() -> None:
    details = (Detail("pb_data.sim_info.imsi", "must be 15 digits"), Detail("", "is required"))
    assert answer(Result(Outcome.INVALID, details=details)).body == {
        **answers.INVALID,
        "details": [
            {"field": "pb_data.sim_info.imsi", "rule": "must be 15 digits"},
            {"field": "", "rule": "is required"},
        ],
    }


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(0, "1"), (0.01, "1"), (1, "1"), (1.01, "2"), (29.5, "30"), (30, "30"), (86_400, "86400")],
)
def test_retry_after_is_in_whole_seconds_rounded_up_and_never_none(
    seconds: float, header: str
) -> None:
    found = answer(Result(Outcome.THROTTLED, retry_after=seconds))
    assert found.headers == {"Retry-After": header}


@pytest.mark.parametrize("outcome", Outcome)
def test_an_unknown_pause_gives_no_retry_after(outcome: Outcome) -> None:
    assert "Retry-After" not in answer(Result(outcome)).headers


def test_a_refused_token_and_a_refused_method_have_the_headers_that_http_requires() -> None:
    assert answer(Result(Outcome.UNAUTHORIZED)).headers == {"WWW-Authenticate": "Bearer"}
    assert answer(Result(Outcome.NOT_ALLOWED)).headers == {"Allow": "POST"}


def test_answers_do_not_share_their_headers() -> None:
    answer(Result(Outcome.UNAUTHORIZED, retry_after=5)).headers["X"] = "1"
    assert answer(Result(Outcome.UNAUTHORIZED)).headers == {"WWW-Authenticate": "Bearer"}


def test_a_refusal_carries_its_result() -> None:
    refusal = Refusal(Outcome.UNAVAILABLE, "busy", retry_after=2, cause="a cause")
    assert refusal.result == Result(Outcome.UNAVAILABLE, "busy", (), 2, "a cause")
    assert str(refusal) == "busy"
    assert str(Refusal(Outcome.INVALID)) == "invalid"


def test_accepted_invalid_and_rejected_events_are_final() -> None:
    assert {outcome for outcome in Outcome if Result(outcome).final} == {
        *ACCEPTED,
        Outcome.INVALID,
        Outcome.REJECTED,
    }
