"""SMS through a real Kannel: one for each change and never two, whatever breaks."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from urllib.parse import unquote_plus, unquote_to_bytes

import httpx
import pytest

from connector_tools.counterparts.notify_kannel import NotifyKannel
from connector_tools.program import NotInstalled
from tests.support.function import Function
from tests.support.lossy_wire import LossyWire
from tests.support.notified import causes, change, notifying, within

MAPPING = "notify-kannel"


@pytest.fixture
def kannel(tmp_path: Path) -> Iterator[NotifyKannel]:
    folder = tmp_path / "kannel"
    folder.mkdir()
    try:
        with NotifyKannel(folder) as running:
            yield running
            assert running.wrong == []
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def function(kannel: NotifyKannel, tmp_path: Path) -> Iterator[Function]:
    with notifying(MAPPING, kannel.variables(*kannel.place), tmp_path / "one") as running:
        yield running


def texts(kannel: NotifyKannel) -> list[str]:
    """The texts that fakesmsc got; a part of a long SMS is one text."""
    return [decoded(kind, text) for _, _, kind, text in kannel.received]


def decoded(kind: str, text: str) -> str:
    """A text as fakesmsc writes it: plain, or encoded as for a URL."""
    if kind == "ucs-2":
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-16-be")
    return unquote_plus(text.partition(" data ")[2]) if kind == "udh" else text


def arrives(kannel: NotifyKannel, count: int = 1) -> bool:
    """True if so many SMS arrive, and no more in the second after that."""
    if not within(5, lambda: len(kannel.received) >= count):
        return False
    time.sleep(1)
    return len(kannel.received) == count


def test_each_change_is_one_sms_to_the_subscriber(kannel: NotifyKannel, function: Function) -> None:
    for kind in ("SIM/Replaced", "Account/Blocked", "Account/Unblocked", "Account/Product/Changed"):
        assert function.post(change(kind)).status_code == 202
    assert arrives(kannel, 4)
    assert {(sender, to) for sender, to, _, _ in kannel.received} == {("Acme", "+420700000001")}
    assert texts(kannel)[1:] == [
        "Your service is blocked. Please call us.",
        "Your service works again.",
        "Your tariff is now Mobile L.",
    ]


def test_an_event_that_comes_again_or_is_replayed_is_no_second_sms(
    kannel: NotifyKannel, function: Function
) -> None:
    told = change("Account/Blocked")
    for second in (10, 10, 50):
        told["updated_at"] = f"2026-03-02T10:15:{second}+00:00"
        assert function.post(told).status_code == 202
    assert arrives(kannel)


NAMES = [
    "a+b & c=d%41#?/\\;|'\"<>{}*)(`$(x)",
    "Žluťoučký kůň 😀",
    "two\r\nlines",
    "../../etc/passwd",
    "x" * 400,
    "&text=other&to=%2B420700000002",
    "nul\0",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_arrives_as_data(
    name: str, kannel: NotifyKannel, function: Function
) -> None:
    assert function.post(change("Account/Product/Changed", product_name=name)).status_code == 202
    assert within(5, lambda: f"Your tariff is now {name}." in joined(kannel)), kannel.received
    assert {to for _, to, _, _ in kannel.received} == {"+420700000001"}


def joined(kannel: NotifyKannel) -> str:
    """The texts of the parts of one long SMS."""
    return "".join(texts(kannel))


@pytest.mark.parametrize("number", ["420700000001;420700000002", "42070\r\n0000001", "*", "a" * 20])
def test_a_number_that_is_none_gets_no_sms(
    number: str, kannel: NotifyKannel, function: Function
) -> None:
    answer = function.post(change("Account/Blocked", id=f"{number}@msisdn"))
    assert answer.status_code in (202, 422), answer.text  # no phone number, or a malformed one
    time.sleep(0.5)
    assert kannel.received == []


def test_an_sms_whose_reply_is_lost_is_sent_once(kannel: NotifyKannel, tmp_path: Path) -> None:
    told = change("Account/Blocked")
    with (
        LossyWire(kannel.place, lose=1) as wire,
        notifying(MAPPING, kannel.variables(*wire.place), tmp_path / "one") as function,
    ):
        assert function.post(told).status_code == 202
        assert function.post(told).status_code == 202
        assert arrives(kannel)
        assert "counts as carried out" in causes(function)[0]


def test_an_sms_that_kannel_keeps_for_too_long_is_sent_once(
    kannel: NotifyKannel, function: Function
) -> None:
    """smsbox waits for a bearerbox that is suspended, longer than the connector waits."""
    told = change("Account/Blocked")
    kannel.begin("suspended")
    assert function.post(told).status_code == 202
    assert "no reply within 2 s: counts as carried out" in causes(function)[0]
    kannel.end()
    assert function.post(told).status_code == 202
    assert arrives(kannel)


def test_an_sms_that_a_killed_kannel_did_not_get_is_sent_when_it_is_back(
    kannel: NotifyKannel, function: Function
) -> None:
    told = change("Account/Blocked")
    kannel.begin("killed")
    assert function.post(told).status_code == 503
    kannel.end()
    assert function.post(told).status_code == 202
    assert arrives(kannel)


def test_a_function_that_is_killed_while_it_sends_sends_no_second_sms(
    kannel: NotifyKannel, tmp_path: Path
) -> None:
    told, variables = change("Account/Blocked"), kannel.variables(*kannel.place)
    more = {"KANNEL_TIMEOUT": "20", "EVENT_BUDGET": "5"}
    kannel.begin("suspended")
    with notifying(MAPPING, variables, tmp_path / "one", **more) as function:
        Timer(1, function.kill).start()
        with pytest.raises(httpx.TransportError):
            function.post(told)
    kannel.end()
    with notifying(MAPPING, variables, tmp_path / "one", **more) as function:
        assert within(80, lambda: function.post(told).status_code == 202)  # once the lease is over
        assert "an earlier delivery ended without a result" in causes(function)[-1]
    assert arrives(kannel)


def test_a_wrong_password_is_a_failure_that_shows_no_password(
    kannel: NotifyKannel, tmp_path: Path
) -> None:
    variables = kannel.variables(*kannel.place) | {"KANNEL_PASSWORD": "wrong-pass&word"}
    with notifying(MAPPING, variables, tmp_path / "one") as function:
        answer = function.post(change("Account/Blocked"))
        assert answer.status_code == 500
        assert answer.json()["error"] == "Authorization failed for sendsms"
        assert "wrong-pass" not in function.log_file.read_text()


def test_a_kannel_that_cannot_be_reached_shows_no_password(
    kannel: NotifyKannel, function: Function
) -> None:
    kannel.begin("killed")
    answer = function.post(change("Account/Blocked"))
    assert answer.json()["error"] == "API Core: connection refused"
    kannel.end()
