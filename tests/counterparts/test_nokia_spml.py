"""The mapping for SPML with its stand-in, and what the stand-in refuses as a gateway does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.outcome import Outcome, Result
from connector_tools.counterparts.nokia_spml import PATH, SPML, SUBSCRIBER, NokiaSpml
from connector_tools.counterparts.stand_in.soap_messages import sealed
from tests.support.catalogue import served

OLD, NEW, NUMBER = "001010000000001", "001010000000002", "420700000001"
Handle = Callable[..., Awaitable[Result]]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[NokiaSpml]:
    with NokiaSpml(tmp_path) as found:
        yield found


@pytest.fixture
async def handle(gateway: NokiaSpml) -> AsyncIterator[Handle]:
    async with served(gateway, SPML_TIMEOUT="5") as connector:
        yield connector.handle_new


def holds(number: str | None = NUMBER, *, served: bool = True) -> dict[str, Any]:
    return {"served": served, "number": number}


# --- the mapping


async def test_a_subscriber_is_added_barred_swapped_and_deleted(
    gateway: NokiaSpml, handle: Handle
) -> None:
    assert (await handle("sim-created")).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds()}
    blocked = {"pb_data.account_info.blocked": True, "updated_at": "2026-03-03T00:00:00Z"}
    assert (await handle("sim-updated", change=blocked)).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds(served=False)}
    later = {"updated_at": "2026-03-04T00:00:00Z"}
    assert (await handle("sim-replaced", change=later)).outcome is Outcome.APPLIED
    assert gateway.holds() == {OLD: holds(None, served=False), NEW: holds()}
    assert (await handle("sim-deleted", change=later)).outcome is Outcome.APPLIED
    assert gateway.holds() == {NEW: holds()}
    assert gateway.wrong == []


async def test_a_failure_with_status_200_is_told_in_the_words_of_the_system(
    gateway: NokiaSpml, handle: Handle
) -> None:
    gateway.subscribers[NEW] = {"msisdn": NUMBER, "odboc": "0", "odbic": "0", "odbgprs": "0"}
    result = await handle("sim-updated")
    reason = "the object or its alias exists already"
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert gateway.holds() == {NEW: holds()}


async def test_a_wrong_password_is_a_failure(gateway: NokiaSpml, handle: Handle) -> None:
    gateway.rotate()
    assert (await handle("sim-updated")).outcome is Outcome.FAILED
    assert gateway.holds() == {}


# --- what the gateway refuses


SOAP = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


@pytest.fixture
def sent(gateway: NokiaSpml, web: httpx.Client) -> Callable[..., str]:
    return partial(send, gateway, web)


def send(
    gateway: NokiaSpml, web: httpx.Client, name: str, inner: str, version: str = "SUBSCRIBER_v10"
) -> str:
    """The error code of a request of somebody without the connector; empty for a success."""
    variables = gateway.variables(*gateway.place)
    spaces = f"xmlns:p='{SPML}' xmlns:s='{SUBSCRIBER}' "
    spaces += "xmlns:i='http://www.w3.org/2001/XMLSchema-instance'"
    body = f"<p:{name} {spaces}><version>{version}</version>{inner}</p:{name}>"
    login = (variables["SPML_USER"], variables["SPML_PASSWORD"])
    url = f"{variables['SPML_URL']}{PATH}"
    reply = web.post(url, content=sealed(body), auth=login, headers=SOAP)
    assert reply.status_code == (200 if name.startswith(("add", "mod", "del", "sea")) else 500)
    assert ('result="failure"' in reply.text) == ("errorCode" in reply.text)
    return reply.text.partition("errorCode>")[2].partition("<")[0]


def added(inner: str = f"<msisdn>{NUMBER}</msisdn>", imsi: str = OLD) -> str:
    held = f"<identifier>{imsi}</identifier><hlr>{inner}</hlr>"
    return f"<object i:type='s:Subscriber'>{held}</object>"


def modified(inner: str, imsi: str = OLD) -> str:
    return f"<objectclass>Subscriber</objectclass><identifier>{imsi}</identifier>{inner}"


def change(name: str, operation: str = "setoradd", inner: str = "<value>1</value>") -> str:
    return f"<modification name='{name}' operation='{operation}'>{inner}</modification>"


def test_setoradd_can_be_repeated_and_what_exists_or_is_unknown_is_refused(
    gateway: NokiaSpml, sent: Callable[..., str]
) -> None:
    bar = modified(change("hlr/odboc"))
    assert sent("modifyRequest", bar) == "5003"
    assert sent("deleteRequest", modified("")) == "5003"
    assert [sent("addRequest", added()) for _ in range(2)] == ["", "5004"]
    assert sent("addRequest", added(imsi=NEW)) == "5004"  # the number
    assert [sent("modifyRequest", bar) for _ in range(2)] == ["", ""]
    assert gateway.subscribers[OLD]["odboc"] == "1"
    assert gateway.wrong == []


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("addRequest", added("<color>red</color>")),
        ("addRequest", added("<msisdn>+420</msisdn>")),
        ("addRequest", added("<odboc>yes</odboc>")),
        ("addRequest", added("<odboc>1</odboc><odboc>0</odboc>")),
        ("addRequest", added(imsi="1")),
        ("addRequest", added().replace("s:Subscriber", "s:Other")),
        ("addRequest", added().replace("hlr>", "hss>")),
        ("addRequest", added().replace("<object ", "<object color='red' ")),
        ("modifyRequest", modified("")),
        ("modifyRequest", modified(change("hlr/color"))),
        ("modifyRequest", modified(change("auc/odboc"))),
        ("modifyRequest", modified(change("hlr/odboc", "add"))),
        ("modifyRequest", modified(change("hlr/odboc", inner="<value>2</value>"))),
        ("modifyRequest", modified(change("hlr/odboc", "remove", ""))),
        ("modifyRequest", modified(change("hlr/odboc")).replace("Subscriber", "Other")),
        ("searchRequest", "<base><objectclass>Subscriber</objectclass></base>"),
        ("searchRequest", "<base><objectclass>Subscriber</objectclass><alias name='x'/></base>"),
        ("searchRequest", "<base><objectclass>Subscriber</objectclass><alias name='imsi'/></base>"),
    ],
)
def test_a_request_that_breaks_the_schema_is_refused_and_noted(
    gateway: NokiaSpml, sent: Callable[..., str], name: str, inner: str
) -> None:
    gateway.subscribers[OLD] = {}
    if name == "addRequest":
        gateway.subscribers.clear()
    before = dict(gateway.subscribers)
    assert sent(name, inner) == "5001"
    assert gateway.subscribers == before
    assert gateway.wrong == [f"a {name} that breaks the schema"]


def test_another_version_operation_path_or_login_is_refused(
    gateway: NokiaSpml, sent: Callable[..., str], web: httpx.Client
) -> None:
    assert sent("addRequest", added(), "SUBSCRIBER_v9") == "5001"
    assert sent("wipeRequest", "") == ""
    url = f"http://127.0.0.1:{gateway.place[1]}"
    login = ("connector", gateway.variables("", 0)["SPML_PASSWORD"])
    assert web.post(f"{url}{PATH}", content=sealed("<x/>")).status_code == 401
    assert web.post(f"{url}/other", content=sealed("<x/>"), auth=login).status_code == 404
    door, kind = partial(web.post, f"{url}{PATH}", auth=login), {"Content-Type": "text/xml"}
    assert door(content=b"garbage", headers=SOAP).status_code == 500
    assert door(content=sealed("<x/>"), headers=kind).status_code == 500  # without a SOAPAction
    assert door(headers=SOAP | {"SOAPAction": '"urn:x#addRequest"'}).status_code == 500
    assert door(headers=SOAP | {"Content-Type": "application/soap+xml"}).status_code == 415
    assert door(headers=SOAP | {"Content-Type": "application/json"}).status_code == 415
    assert gateway.subscribers == {}
