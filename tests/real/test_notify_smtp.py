"""Mails through a real Exim: one for each change and never two, whatever breaks."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector_tools.counterparts.notify_smtp import NotifySmtp
from connector_tools.program import NotInstalled
from tests.support.function import Function
from tests.support.lossy_wire import LossyWire
from tests.support.mail_server import text_of
from tests.support.notified import causes, change, notifying, within

MAPPING = "notify-smtp"
MOST = 16  # requests of one mail, with TLS and login; there are fewer


@pytest.fixture
def exim(tmp_path: Path) -> Iterator[NotifySmtp]:
    folder = tmp_path / "exim"
    folder.mkdir()
    try:
        with NotifySmtp(folder) as running:
            yield running
            assert running.wrong == []
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def function(exim: NotifySmtp, tmp_path: Path) -> Iterator[Function]:
    with notifying(MAPPING, exim.variables(*exim.place), tmp_path / "one") as running:
        yield running


def arrive(exim: NotifySmtp, count: int = 1) -> bool:
    """True if so many mails are delivered, and no more in the second after that."""
    if not within(10, lambda: len(exim.delivered) >= count):
        return False
    time.sleep(1)
    return len(exim.delivered) == count


def test_each_change_is_one_mail_in_the_thread_of_its_account(
    exim: NotifySmtp, function: Function
) -> None:
    for kind in ("SIM/Replaced", "Account/Blocked", "Account/Unblocked"):
        assert function.post(change(kind)).status_code == 202
    assert function.post(change("Account/Blocked", i_account=7)).status_code == 202
    assert arrive(exim, 4)
    *mails, other = exim.delivered
    assert {str(mail["Subject"]) for mail in mails} == {
        "Your new SIM card",
        "Your service is blocked",
        "Your service works again",
    }
    assert len({str(mail["Message-ID"]) for mail in mails}) == 3
    assert len({str(mail["References"]) for mail in mails}) == 1
    assert other["References"] != mails[0]["References"]
    assert mails[0]["To"] == "subscriber@example.com"


def test_an_event_that_comes_again_or_is_replayed_is_no_second_mail(
    exim: NotifySmtp, function: Function
) -> None:
    told = change("Account/Blocked")
    for second in (10, 10, 50):
        told["updated_at"] = f"2026-03-02T10:15:{second}+00:00"
        assert function.post(told).status_code == 202
    assert arrive(exim)


@pytest.mark.parametrize(
    "name", ["a\n.\n..b", "Žluťoučký kůň 😀 & <b>", "\r\n.\r\nMAIL FROM:<a@b.example>", "x" * 2000]
)
def test_a_name_of_any_kind_arrives_as_data(
    name: str, exim: NotifySmtp, function: Function
) -> None:
    assert function.post(change("Account/Product/Changed", product_name=name)).status_code == 202
    assert arrive(exim)
    said = name.replace("\r\n", "\n")
    assert text_of(exim.delivered[0]) == f"Dear Ada,\n\nyour tariff is now {said}.\n"


@pytest.mark.parametrize(
    "email", ["a@example.com, b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>", "<a@b>"]
)
def test_an_address_that_is_not_one_is_refused(
    email: str, exim: NotifySmtp, function: Function
) -> None:
    assert function.post(change("Account/Blocked", email=email)).status_code == 422
    assert exim.delivered == []


def test_whichever_answer_is_lost_the_mail_is_delivered_once(
    exim: NotifySmtp, tmp_path: Path
) -> None:
    """Each answer in turn, from the greeting's to that to the mail."""
    doubts = 0
    for lost in range(1, MOST + 1):
        told = change("Account/Blocked")
        with (
            LossyWire(exim.place, lost) as wire,
            notifying(MAPPING, exim.variables(*wire.place), tmp_path / str(lost)) as function,
        ):
            for _ in range(3):
                answer = function.post(told)
                assert answer.status_code in (202, 503)
            assert answer.status_code == 202
            doubts += any("counts as carried out" in cause for cause in causes(function))
        if wire.requests < lost:
            break
    assert wire.requests < lost, "there are more requests than were tried"
    assert doubts == 1
    assert arrive(exim, lost)


def test_a_mail_that_a_killed_server_did_not_get_is_sent_when_it_is_back(
    exim: NotifySmtp, function: Function
) -> None:
    told = change("Account/Blocked")
    exim.begin("killed")
    assert function.post(told).status_code == 503
    exim.end()
    assert function.post(told).status_code == 202
    assert arrive(exim)


def test_a_mail_to_a_suspended_server_is_sent_later(exim: NotifySmtp, function: Function) -> None:
    told = change("Account/Blocked")
    exim.begin("suspended")
    assert function.post(told).status_code == 503
    exim.end()
    assert function.post(told).status_code == 202
    assert arrive(exim)


def test_a_wrong_password_is_a_failure_that_shows_no_password(
    exim: NotifySmtp, tmp_path: Path
) -> None:
    variables = exim.variables(*exim.place) | {"SMTP_PASSWORD": "wrong-password"}
    with notifying(MAPPING, variables, tmp_path / "one") as function:
        answer = function.post(change("Account/Blocked"))
    assert answer.status_code == 500
    assert "refused the connector's credentials" in answer.json()["error"]
