"""The base URL that the reply with a token gives."""

from pathlib import Path
from typing import Any

import pytest

from connector.mapping.document import BadMapping
from connector.outcome import Outcome
from connector.systems.http.session.logins import NoLogin, new_base_url
from tests.support.logins import RULE, mapping, opened
from tests.support.scripted import Scripted, ScriptedServer

ASKED = "https://login.example.com/token"
OAUTH2 = """\
auth:
  oauth2:
    url: {url}/token
    client_id: one
    client_secret: =settings.password
    base_url: =reply.json.instance_url
    example: {{json: {{access_token: t-1, instance_url: "http://system.test"}}}}
"""


def test_a_base_url_can_be_on_another_host_or_relative() -> None:
    assert new_base_url("https://eu.example.com/", ASKED) == "https://eu.example.com"
    assert new_base_url("/eu", ASKED) == "https://login.example.com/eu"


@pytest.mark.parametrize(
    "found", ["http://eu.example.com", "https://user@eu.example.com", " ", "ftp://a"]
)
def test_a_base_url_without_tls_or_that_is_none_is_refused(found: str) -> None:
    with pytest.raises(NoLogin) as caught:
        new_base_url(found, ASKED)
    assert "example.com" not in str(caught.value.reply.reason)


def test_a_base_url_needs_an_example_of_the_reply(tmp_path: Path) -> None:
    text = OAUTH2.format(url="http://login.test")
    with pytest.raises(BadMapping, match="needs an `example`"):
        mapping(tmp_path, text[: text.index("    example")])


@pytest.mark.parametrize("instance", [None, "", "ftp://a"])
async def test_a_reply_without_a_base_url_fails_and_no_call_is_sent(
    tmp_path: Path, instance: Any
) -> None:
    with ScriptedServer() as server:
        server.default = Scripted(json={"access_token": "token-1", "instance_url": instance})
        made = mapping(tmp_path, OAUTH2.format(url=server.url), RULE)
        async with opened(made, {"url": server.url}) as served:
            result = await served.handle()
    assert result.outcome is Outcome.FAILED
    assert [request.path for request in server.requests] == ["/token"]
