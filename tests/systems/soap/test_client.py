"""The SOAP client against a server: what arrives, and what replies mean."""

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline, Record
from connector.settings import BadSettings
from connector.systems.soap.envelope import NAMESPACES
from tests.support.events import event
from tests.support.scripted import Received, Scripted, ScriptedServer
from tests.systems.http.test_hostile_values import HOSTILE

MAPPING = """
name: cards
summary: Keeps a directory of cards.
settings:
  url: {{env: URL, type: url}}
  password: {{secret: PASSWORD}}
system:
  soap:
    base_url: "{{{{ settings.url }}}}/s"
    namespaces: {{c: "urn:c"}}
    {soap}
  replies:
    - {{if: reply.fault.detail | element('c:code') == '7', outcome: rejected, because: seven}}
    - {{if: reply.body | element('c:result') == 'refused', outcome: unavailable}}
rules:
  - name: one call
    on: SIM/Updated
    subject: imsi:{{{{ sim.imsi }}}}
    calls:
      - soap: {action}
        idempotent: false
        body: <c:put k="{{{{ variables.value }}}}"><c:v>{{{{ variables.value }}}}</c:v></c:put>
"""
PASSWORD = "s3cret-of-the-system"
Handle = Callable[..., Awaitable[tuple[Result, Record]]]


@pytest.fixture
def handle(system: ScriptedServer, tmp_path: Path) -> Handle:
    async def handle(
        soap: str = "", value: Any = "x", action: str = "urn:c#put", url: str = system.url
    ) -> tuple[Result, Record]:
        file = tmp_path / "cards.yaml"
        file.write_text(MAPPING.format(soap=soap, action=action), encoding="utf-8")
        mapping, settings = load(file), {"url": url, "password": PASSWORD}
        record = Record()
        async with mapping.protocol.client(mapping.system, settings) as client:
            pipeline = Pipeline(mapping, settings, MemoryLedger(), client, 5)
            posted = event(change={"data.variables": {"value": value}})
            return await pipeline.handle(json.dumps(posted).encode(), record), record

    return handle


def envelope(body: str, version: str = "1.1") -> str:
    return (
        f'<e:Envelope xmlns:e="{NAMESPACES[version]}" xmlns:c="urn:c">'
        f"<e:Body>{body}</e:Body></e:Envelope>"
    )


def fault(version: str = "1.1", code: str = "6") -> str:
    detail = f"<c:code>{code}</c:code>"
    if version == "1.1":
        inner = f"<faultcode>e:Server</faultcode><faultstring>no</faultstring><detail>{detail}"
        return envelope(f"<e:Fault>{inner}</detail></e:Fault>")
    return envelope(
        "<e:Fault><e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason>"
        f"<e:Text xml:lang='en'>no</e:Text></e:Reason><e:Detail>{detail}</e:Detail></e:Fault>",
        version,
    )


def replied(text: str, status: int = 200, kind: str = "text/xml; charset=utf-8") -> Scripted:
    return Scripted(status, headers={"content-type": kind}, body=text.encode())


OK = replied(envelope("<c:done/>"))


def put(request: Received, version: str = "1.1") -> ElementTree.Element:
    """The element in the body of a request; there must be one."""
    root = ElementTree.fromstring(request.body)  # noqa: S314 - a server would do the same
    assert root.tag == f"{{{NAMESPACES[version]}}}Envelope"
    (found,) = root.findall(f"{{{NAMESPACES[version]}}}Body/*")
    assert found.tag == "{urn:c}put"
    return found


async def test_a_call_is_posted_as_an_envelope_of_soap_1_1(
    system: ScriptedServer, handle: Handle
) -> None:
    system.script(OK)
    result, _ = await handle()
    (request,) = system.requests
    assert result.outcome is Outcome.APPLIED, result
    assert (request.method, request.path) == ("POST", "/s")
    assert request.headers["content-type"] == "text/xml; charset=utf-8"
    assert request.headers["soapaction"] == '"urn:c#put"'
    assert put(request)[0].text == "x"


async def test_a_call_is_posted_as_an_envelope_of_soap_1_2(
    system: ScriptedServer, handle: Handle
) -> None:
    system.script(replied(envelope("<c:done/>", "1.2")))
    result, _ = await handle("version: '1.2'")
    (request,) = system.requests
    assert result.outcome is Outcome.APPLIED, result
    kind = 'application/soap+xml; charset=utf-8; action="urn:c#put"'
    assert request.headers["content-type"] == kind
    assert "soapaction" not in request.headers
    assert put(request, "1.2")[0].text == "x"


@pytest.mark.parametrize(
    ("soap", "action", "line"),
    [
        ("", "urn:c#put", b'\r\nSOAPAction: "urn:c#put"\r\n'),
        ("quoted: false", "urn:c#put", b"\r\nSOAPAction: urn:c#put\r\n"),
        ("", '""', b'\r\nSOAPAction: ""\r\n'),
    ],
)
async def test_the_action_is_sent_as_it_is_spelt(
    handle: Handle, soap: str, action: str, line: bytes
) -> None:
    """Some systems compare the header's name and its value character for character."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                heads.append(connection.recv(65_536))
                body = envelope("<c:done/>").encode()
                head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(body) + body)

        thread = threading.Thread(target=answer)
        thread.start()
        result, _ = await handle(soap, action=action, url=f"http://127.0.0.1:{port_of(server)}")
        thread.join()
    assert result.outcome is Outcome.APPLIED, result
    assert line in heads[0]


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("version", NAMESPACES)
async def test_a_fault_is_a_failure_with_any_status_and_version(
    system: ScriptedServer, handle: Handle, version: str, status: int
) -> None:
    system.script(replied(fault(version), status))
    result, record = await handle()
    ((_, reply),) = record.calls
    assert result.outcome is Outcome.FAILED
    assert reply.cause == f"HTTP {status}: fault Server: no"
    assert not reply.unknown
    assert len(system.requests) == 1


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("version", NAMESPACES)
async def test_a_rule_reads_the_detail_of_a_fault(
    system: ScriptedServer, handle: Handle, version: str, status: int
) -> None:
    system.script(replied(fault(version, "7"), status))
    result, _ = await handle()
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "seven")


async def test_a_fault_of_a_program_in_between_leaves_the_end_open(
    system: ScriptedServer, handle: Handle
) -> None:
    system.default = replied(fault(), 503)
    result, record = await handle()
    assert result.outcome is Outcome.UNAVAILABLE
    assert record.calls[0][1].unknown


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-2", "windows-1251"])
async def test_a_reply_is_read_in_its_encoding(
    system: ScriptedServer, handle: Handle, encoding: str
) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{envelope("<c:result>refused</c:result>")}'
    system.default = Scripted(headers={"content-type": "text/xml"}, body=text.encode(encoding))
    result, _ = await handle()
    assert result.outcome is Outcome.UNAVAILABLE


FOREIGN = {
    "a page": "<html>Sign in</html>",
    "JSON": '{"result": "done"}',
    "no body": "",
    "an envelope without a body": f'<e:Envelope xmlns:e="{NAMESPACES["1.1"]}"/>',
    "an envelope of another namespace": "<Envelope><Body/></Envelope>",
    "a broken envelope": envelope("<c:done>"),
    "a DTD": f"<!DOCTYPE x [<!ENTITY a 'b'>]>{envelope('<c:done/>')}",
    "deep nesting": envelope("<c:a>" * 200 + "</c:a>" * 200),
    "very many elements": envelope("<c:a/>" * 60_000),
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
async def test_a_reply_that_is_not_soap_is_never_a_success(
    system: ScriptedServer, handle: Handle, text: str
) -> None:
    system.script(replied(text))
    result, record = await handle()
    assert (result.outcome, result.reason) == (Outcome.FAILED, "API Core's reply is not SOAP")
    assert record.calls[0][1].unknown


async def test_the_empty_reply_to_a_one_way_message_is_a_success(
    system: ScriptedServer, handle: Handle
) -> None:
    system.script(Scripted(202, body=b""))
    result, _ = await handle()
    assert result.outcome is Outcome.APPLIED


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_value_arrives_as_data_or_is_refused(
    system: ScriptedServer, handle: Handle, name: str
) -> None:
    system.default = OK
    result, _ = await handle(value=HOSTILE[name])
    if not system.requests:
        assert result.outcome is Outcome.INVALID, result
        assert name == "a NUL"
        return
    (request,) = system.requests
    found = put(request)
    assert (found.attrib, len(found)) == ({"k": HOSTILE[name]}, 1)
    assert (found[0].text, found[0].attrib, len(found[0])) == (HOSTILE[name], {}, 0)
    assert PASSWORD.encode() not in request.body


async def test_a_username_token_is_in_the_header_of_each_envelope(
    system: ScriptedServer, handle: Handle
) -> None:
    system.default = OK
    wsse = "auth: {wsse: {username: connector, password: =settings.password}}"
    result, _ = await handle(wsse)
    (request,) = system.requests
    root = ElementTree.fromstring(request.body)  # noqa: S314 - the connector wrote it
    (token,) = root.iterfind(f"{{{NAMESPACES['1.1']}}}Header/*/*")
    parts = {part.tag.rpartition("}")[2]: part.text or "" for part in token}
    data = base64.b64decode(parts["Nonce"]) + (parts["Created"] + PASSWORD).encode()
    digest = base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
    assert result.outcome is Outcome.APPLIED, result
    assert (parts["Username"], parts["Password"]) == ("connector", digest)
    assert PASSWORD.encode() not in request.body


async def test_the_start_names_the_entry_that_cannot_be_used(handle: Handle) -> None:
    with pytest.raises(BadSettings, match=r"system\.soap\.base_url: must be a URL"):
        await handle(url="ftp://system.test")
