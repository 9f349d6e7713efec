"""No answer of the inspector, and no message of its stream, holds a secret."""

import asyncio
import base64
import json
from pathlib import Path
from secrets import token_urlsafe

import pytest

from tests.support.events import event
from tests.support.inspector import TOKEN, Page, inspected
from tests.support.scripted import Scripted, ScriptedServer

_MAPPING = """\
name: with-secrets
summary: Has each kind of credentials.
settings:
  url: {{env: SECRET_TEST_URL, type: url}}
  first: {{secret: SECRET_TEST_FIRST}}
  second: {{secret: SECRET_TEST_SECOND, optional: true}}
system:
  http:
    base_url: =settings.url
    auth: {auth}
    headers: {headers}
rules:
  - name: a subscriber changed
    on: SIM/Updated
    subject: imsi:{{{{ sim.imsi }}}}
    calls:
      - {{id: found, get: "/cards/{{{{ sim.imsi }}}}"}}
      - {{put: "/cards/{{{{ sim.imsi }}}}", json: {{plan: gold, key: =settings.first}}}}
tests: []
"""
_KINDS = {
    "bearer": ("{bearer: =settings.first}", "{}"),
    "basic": ("{basic: {username: operator, password: =settings.first}}", "{}"),
    "api key in a header": ("{api_key: {header: X-Key, value: =settings.first}}", "{}"),
    "api key in the query": ("{api_key: {query: key, value: =settings.first}}", "{}"),
    "login": (
        "{login: {requests: [{post: /login, json: {password: =settings.first}, "
        "take: {token: =reply.json.token}, example: {json: {token: t}}}]}}",
        '{Authorization: "Bearer {{ session.token }}"}',
    ),
    "header of the file": ("{bearer: =settings.first}", '{X-Other: "v {{ settings.second }}"}'),
}


def forms(secret: str) -> list[str]:
    """The secret in the spellings in which it could be sent."""
    plain = secret.encode()
    found = [secret, plain.hex(), json.dumps(secret)[1:-1]]
    for offset in range(3):
        coded = base64.b64encode(b"x" * offset + plain).decode().rstrip("=")
        found.append(coded[4 if offset else 0 : -2])
    return found


async def everything(page: Page, system: ScriptedServer) -> str:
    """All that the page can read about an event whose reply quotes the credentials."""
    told: list[str] = []

    async def listen() -> None:
        async with page.client.stream("GET", "/api/stream") as stream:
            async for line in stream.aiter_lines():
                told.append(line)

    listening = asyncio.create_task(listen())
    await page.post("/pins", {"kind": "status", "status": 500, "times": 1, "line": 1})
    await page.send(event("sim-updated"))
    answers = [await page.ask("GET", path) for path in ("/state", "/events", "/events?find=plan")]
    for number in (1, 2):
        for path in (f"/events/{number}", f"/events/{number}?reveal=1"):
            answers.append(await page.ask("GET", path))
        for call in (0, 1):
            answers.append(await page.ask("GET", f"/events/{number}/curl/{call}?reveal=1"))
    body = {"event": json.dumps(event("sim-updated"))}
    answers.append(await page.ask("POST", "/plan", body))
    answers.append(await page.ask("POST", "/send", body))
    answers.append(await page.ask("POST", "/tests", {"n": 1, "name": "with secrets"}))
    answers.append(await page.ask("GET", "/state"))
    answers.append(await page.client.get("/"))
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert "event: event" in told
    return "\n".join([*told, *(answer.text for answer in answers)])


@pytest.mark.parametrize("kind", _KINDS)
async def test_no_answer_holds_a_secret(
    kind: str, tmp_path: Path, system: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system quotes the credentials that it got in its reply, as some do."""
    secrets = [f"Se-{token_urlsafe(18)}9" for _ in range(2)]
    monkeypatch.setenv("SECRET_TEST_URL", system.url)
    for name, secret in zip(("FIRST", "SECOND"), secrets, strict=True):
        monkeypatch.setenv(f"SECRET_TEST_{name}", secret)
    auth, headers = _KINDS[kind]
    file = tmp_path / "with-secrets.yaml"
    file.write_text(_MAPPING.format(auth=auth, headers=headers), encoding="utf-8")
    session = f"Se-{token_urlsafe(18)}9"
    quoting = {"said": f"your key is {secrets[0]}, {secrets[1]}, {session}", "token": session}
    system.default = Scripted(json=quoting)
    async with inspected(file, real=True) as page:
        text = await everything(page, system)
    assert "your key is" in text
    found = [
        form
        for secret in (*secrets, *([session] if kind == "login" else []), TOKEN)
        for form in forms(secret)
        if form in text
    ]
    assert found == []
