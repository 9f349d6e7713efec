"""Who may use the inspector: this machine, and on it no other web page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector_tools.counterparts.wtl_hlr_hss import WtlHlrHss
from tests.support import ROOT
from tests.support.events import event
from tests.support.inspector import KEY, Page, inspected

STATE, SEND = "/api/state", "/api/send"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    with WtlHlrHss(tmp_path) as hlr:
        async with inspected(ROOT / "mappings" / "wtl-hlr-hss.yaml", hlr) as opened:
            yield opened


async def test_it_listens_on_loopback_only(page: Page) -> None:
    assert page.client.base_url.host == "127.0.0.1"
    transports = [sock.getsockname()[0] for sock in page.sockets]
    assert transports == ["127.0.0.1"]


async def test_the_page_has_the_key_and_loads_nothing_from_elsewhere(page: Page) -> None:
    answer = await page.client.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in answer.text.replace("http://www.w3.org/", "")
    assert "https:" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", STATE, "/process-event"])
async def test_another_host_name_is_refused(page: Page, host: str, path: str) -> None:
    """A name of another site that points to 127.0.0.1 must not read the page (DNS rebinding)."""
    answer = await page.client.get(path, headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert KEY not in answer.text


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
async def test_the_names_of_this_machine_are_answered(page: Page, host: str) -> None:
    assert (await page.client.get(STATE, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("key", [None, "", "another", KEY[:-1]])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", SEND),
        ("POST", "/api/pins"),
        ("DELETE", "/api/pins/1"),
        ("PUT", "/api/mapping"),
        ("POST", "/api/life/create"),
        ("POST", "/api/tests"),
        ("POST", "/api/plan"),
        ("POST", "/api/history"),
        ("DELETE", "/api/history"),
    ],
)
async def test_a_request_that_changes_something_needs_the_key(
    page: Page, key: str | None, method: str, path: str
) -> None:
    headers = {} if key is None else {"X-Inspector-Key": key}
    answer = await page.client.request(method, path, headers=headers, content="{}")
    assert (answer.status_code, "X-Inspector-Key" in answer.json()["error"]) == (403, True)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_web_page_is_refused_even_with_the_key(page: Page, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "X-Inspector-Key": KEY}
    for method, path in (("GET", STATE), ("POST", SEND)):
        assert (await page.client.request(method, path, headers=headers)).status_code == 403


async def test_the_door_needs_the_bearer_token_and_not_the_key(page: Page) -> None:
    answer = await page.client.post(
        "/process-event", json=event("sim-updated"), headers={"X-Inspector-Key": KEY}
    )
    assert answer.status_code == 401
    assert (await page.send(event("sim-updated"))).status_code == 202


async def test_no_file_beside_the_page_is_served(page: Page) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert (await page.client.get(path)).status_code == 404
