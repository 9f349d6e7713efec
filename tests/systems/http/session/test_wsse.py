"""Each message has a UsernameToken of its own, and so has each retry."""

import hashlib
from base64 import b64decode, b64encode
from pathlib import Path
from xml.etree import ElementTree

import pytest

from connector.outcome import Outcome
from tests.support.logins import mapping, opened
from tests.support.scripted import Received, Scripted, ScriptedServer

PASSWORD = "p<&>\"4ss'wörd"
RULE = """\
- name: a card changed
  on: SIM/Updated
  calls:
    - put: /soap
      headers: {X-Nonce: =session.nonce}
      xml: >-
        <S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header>{{
        session.security }}</S:Header><S:Body><imsi>{{ sim.imsi }}</imsi></S:Body></S:Envelope>
"""
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"


def http(plain: str = "false") -> str:
    user = "{username: =settings.user, password: =settings.password, plain: " + plain + "}"
    return f"auth: {{wsse: {user}}}\n"


async def sent(system: ScriptedServer, folder: Path, plain: str = "false") -> list[Received]:
    settings = {"url": system.url, "user": "a & b", "password": PASSWORD}
    async with opened(mapping(folder, http(plain), RULE), settings) as served:
        assert (await served.handle()).outcome is Outcome.APPLIED
        assert served.shown([PASSWORD]) == []
    return system.requests


def token(request: Received) -> dict[str, str]:
    """The texts of the token; the envelope must be XML."""
    root = ElementTree.fromstring(request.body)  # noqa: S314 - the connector wrote it
    found = root.find(f".//{WSSE}UsernameToken")
    assert found is not None
    return {child.tag.rpartition("}")[2]: child.text or "" for child in found}


async def test_the_digest_is_that_of_nonce_time_and_password(
    system: ScriptedServer, tmp_path: Path
) -> None:
    (request,) = await sent(system, tmp_path)
    found = token(request)
    data = b64decode(found["Nonce"]) + found["Created"].encode() + PASSWORD.encode()
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    assert found["Password"] == b64encode(digest).decode()
    assert found["Username"] == "a & b"
    assert b"#PasswordDigest" in request.body
    assert request.headers["x-nonce"] == found["Nonce"]


async def test_a_plain_password_is_encoded_for_xml(system: ScriptedServer, tmp_path: Path) -> None:
    (request,) = await sent(system, tmp_path, "true")
    assert token(request)["Password"] == PASSWORD
    assert b"#PasswordText" in request.body


async def test_a_retry_has_a_new_nonce(system: ScriptedServer, tmp_path: Path) -> None:
    system.script(Scripted(503))
    first, second = await sent(system, tmp_path)
    assert token(first)["Nonce"] != token(second)["Nonce"]


@pytest.mark.parametrize("text", ["<wsse:Security/>", "{{ session.security }}", "***"])
async def test_data_of_an_event_is_never_taken_for_a_value_of_the_session(
    system: ScriptedServer, tmp_path: Path, text: str
) -> None:
    rule = RULE.replace("sim.imsi", "account.firstname")
    rule = rule.replace("  calls:", "  require: [{that: account, because: no account}]\n  calls:")
    settings = {"url": system.url, "password": PASSWORD}
    async with opened(mapping(tmp_path, http(), rule), settings) as served:
        await served.handle(change={"pb_data.account_info.firstname": text})
    (request,) = system.requests
    root = ElementTree.fromstring(request.body)  # noqa: S314 - the connector wrote it
    assert root.findtext(".//imsi") == text
    assert len(root.findall(f".//{WSSE}Security")) == 1
