"""Mails over real sockets: every stage answers, refuses, falls silent and breaks off."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Renewal, Reply
from connector.systems.smtp.call import MailCall
from connector.systems.smtp.client import SmtpSystem
from connector.systems.smtp.entry import SmtpSystemEntry
from connector.systems.smtp.protocol import PROTOCOL
from tests.support.calls import turn_of
from tests.support.certificates import Authority
from tests.support.mail_server import CLOSE, SILENT, MailServer, mail_server, text_of

MAIL = MailCall(
    "",
    "MAIL",
    "{}",
    once=True,
    to="subscriber@example.com",
    title="Your SIM",
    text="It was changed.\n.\n..dots\nGrüße",
    key="e1",
    thread="account:1",
)
LOGIN = {"username": "acme", "password": "=settings.password"}
BEFORE = ("connection", "EHLO", "MAIL", "RCPT", "DATA")
"""The stages before the mail, each by the word with which it begins."""


def system(
    server: MailServer | int, renewal: Renewal | None = None, settings: Any = None, **smtp: Any
) -> SmtpSystem:
    port = server if isinstance(server, int) else server.port
    usual = {
        "host": "127.0.0.1",
        "port": port,
        "encryption": "none",
        "from": "no-reply@acme.example",
        "name": "Acme Möbile",
        "timeout": "5s",
    }
    entry = SmtpSystemEntry.model_validate({"smtp": usual | smtp})
    made = PROTOCOL.client(entry, settings or {"password": "s3cret"}, renewal)
    assert isinstance(made, SmtpSystem)
    return made


async def sent(server: MailServer | int, call: MailCall = MAIL, **smtp: Any) -> Reply:
    async with system(server, **smtp) as client:
        return await client.send(call, turn_of(8))


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with mail_server() as server:
        reply = await sent(server)
    assert (reply.outcome, reply.end) == (Outcome.APPLIED, End.ANSWERED)
    (mail,) = server.mails
    assert (mail.sender, mail.to) == ("no-reply@acme.example", ["subscriber@example.com"])
    assert mail.content.isascii()
    assert mail.parsed["From"] == "Acme Möbile <no-reply@acme.example>"
    assert mail.parsed["To"] == "subscriber@example.com"
    assert mail.parsed["Subject"] == "Your SIM"
    assert mail.parsed["Auto-Submitted"] == "auto-generated"
    assert mail.parsed["Date"].datetime.tzinfo
    assert mail.text == f"{MAIL.text}\n"
    assert server.commands[0] == "EHLO acme.example"


async def test_one_event_has_one_message_id_and_one_account_has_one_thread() -> None:
    async with mail_server() as server, system(server) as client:
        for call in (MAIL, MAIL, replace(MAIL, key="e2"), replace(MAIL, thread="account:2")):
            await client.send(call, turn_of(8))
    first, again, later, other = (mail.parsed for mail in server.mails)
    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]
    assert first["References"] == first["In-Reply-To"] == later["References"]
    assert first["References"] not in (other["References"], first["Message-ID"])
    assert first["Message-ID"].endswith("@acme.example>")


async def test_mails_share_a_connection_that_ends_with_a_quit() -> None:
    async with mail_server() as server:
        async with system(server) as client:
            for _ in range(3):
                assert (await client.send(MAIL, turn_of(8))).outcome is Outcome.APPLIED
        async with asyncio.timeout(5):
            while server.commands[-1] != "QUIT":  # noqa: ASYNC110 - it comes by itself
                await asyncio.sleep(0.01)
    assert (server.connections, len(server.mails)) == (1, 3)


async def test_a_kept_connection_that_the_server_has_left_is_replaced() -> None:
    async with mail_server() as server, system(server) as client:
        await client.send(MAIL, turn_of(8))
        server.says_once = {"MAIL": "421 4.4.2 idle for too long"}
        reply = await client.send(MAIL, turn_of(8))
    assert (reply.outcome, reply.attempts) == (Outcome.APPLIED, 2)
    assert (server.connections, len(server.mails)) == (2, 2)


async def test_a_mail_with_html_has_both_forms() -> None:
    async with mail_server() as server:
        await sent(server, replace(MAIL, html="<p>Grüße</p>"))
    plain, html = server.mails[0].parsed.iter_parts()
    assert [plain.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    assert text_of(html) == "<p>Grüße</p>\n"


@pytest.mark.parametrize("text", ["x" * 60_000, "ž" * 60_000, "x" * 997 + "\n.\n", "\n\n"])
async def test_long_lines_and_lone_dots_arrive(text: str) -> None:
    async with mail_server() as server:
        assert (await sent(server, replace(MAIL, text=text))).outcome is Outcome.APPLIED
    mail = server.mails[0]
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert mail.text.rstrip("\n") == text.rstrip("\n")


# Refusals at each stage: nothing was sent, and the server says so

REFUSALS = {
    "greeting, later": ("connection", "421 4.3.2 shutting down", Outcome.UNAVAILABLE),
    "greeting, never": ("connection", "554 5.3.2 no mail here", Outcome.FAILED),
    "EHLO": ("EHLO", "550 5.7.1 who are you", Outcome.FAILED),
    "EHLO, later": ("EHLO", "451 4.3.0 not now", Outcome.UNAVAILABLE),
    "sender": ("MAIL", "553 5.1.8 no such sender", Outcome.FAILED),
    "sender, later": ("MAIL", "451 4.3.0 not now", Outcome.UNAVAILABLE),
    "sender, disk full": ("MAIL", "452 4.3.1 disk full", Outcome.THROTTLED),
    "sender must log in": ("MAIL", "530 5.7.0 authentication required", Outcome.FAILED),
    "recipient": ("RCPT", "550 5.1.1 <subscriber@example.com> unknown", Outcome.REJECTED),
    "recipient without status": ("RCPT", "550 unknown", Outcome.REJECTED),
    "recipient, relay": ("RCPT", "554 5.7.1 relaying denied", Outcome.FAILED),
    "recipient, syntax": ("RCPT", "501 5.5.4 bad parameter", Outcome.FAILED),
    "recipient, greylisted": ("RCPT", "450 4.2.0 come back", Outcome.THROTTLED),
    "recipient, local error": ("RCPT", "451 4.3.0 not now", Outcome.THROTTLED),
    "recipient, full": ("RCPT", "452 4.2.2 mailbox full", Outcome.THROTTLED),
    "data": ("DATA", "554 5.5.1 no valid recipients", Outcome.FAILED),
    "data, later": ("DATA", "451 4.3.0 not now", Outcome.UNAVAILABLE),
    "mail too large": ("message", "552 5.3.4 too large", Outcome.REJECTED),
    "mail is spam": ("message", "554 5.6.0 spam", Outcome.REJECTED),
    "mail against a policy": ("message", "550 5.7.1 not signed", Outcome.FAILED),
    "mail, later": ("message", "451 4.3.0 not now", Outcome.UNAVAILABLE),
    "mail, shutting down": ("message", "421 4.3.2 shutting down", Outcome.UNAVAILABLE),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_at_any_stage_sends_nothing_and_names_code_and_stage(case: str) -> None:
    word, text, outcome = REFUSALS[case]
    async with mail_server({word: text}) as server:
        reply = await sent(server)
    assert reply.outcome is outcome
    assert not reply.unknown
    assert text[:3] in (reply.cause or "")
    assert "subscriber" not in f"{reply.reason}{reply.cause}"
    assert reply.seen["text"] == text[4:]


async def test_a_code_without_a_mapping_can_be_given_a_meaning_by_the_file() -> None:
    rules = [{"if": "reply.status == '5.2.1'", "outcome": "unavailable", "because": "locked"}]
    entry = {"host": "127.0.0.1", "encryption": "none", "from": "a@example.com"}
    async with mail_server({"RCPT": "550 5.2.1 locked"}) as server:
        made = SmtpSystemEntry.model_validate(
            {"smtp": entry | {"port": server.port}, "replies": rules}
        )
        async with PROTOCOL.client(made, {}) as client:
            reply = await client.send(MAIL, turn_of(8))
    assert (reply.outcome, reply.reason) == (Outcome.UNAVAILABLE, "locked")


# Silence and broken connections: before the end of the mail nothing was sent, after it all was


@pytest.mark.parametrize("stage", BEFORE)
@pytest.mark.parametrize("fault", [CLOSE, SILENT])
async def test_a_failure_before_the_end_of_the_mail_sent_nothing(stage: str, fault: str) -> None:
    async with mail_server({stage: fault}) as server, system(server, timeout="300ms") as client:
        reply = await client.send(MAIL, turn_of(1))
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert server.mails == []


@pytest.mark.parametrize(("fault", "end"), [(CLOSE, End.UNKNOWN), (SILENT, End.PENDING)])
async def test_a_failure_after_the_end_of_the_mail_counts_as_sent(fault: str, end: End) -> None:
    async with mail_server({"message": fault}) as server:
        reply = await sent(server, timeout="300ms")
    assert (reply.outcome, reply.end, reply.attempts) == (Outcome.APPLIED, end, 1)
    assert "counts as carried out" in (reply.cause or "")
    assert len(server.mails) == 1


@pytest.mark.parametrize("text", ["hello?", "999 what", "354 again"])
async def test_a_reply_to_the_mail_that_is_not_a_verdict_counts_as_sent(text: str) -> None:
    async with mail_server({"message": text}) as server:
        reply = await sent(server)
    assert (reply.outcome, reply.end) == (Outcome.APPLIED, End.UNKNOWN)


@pytest.mark.parametrize("stage", BEFORE)
async def test_a_reply_that_is_not_smtp_before_the_mail_is_a_failure(stage: str) -> None:
    async with mail_server({stage: "HTTP/1.1 400 Bad Request"}) as server:
        reply = await sent(server)
    assert (reply.outcome, reply.unknown) == (Outcome.FAILED, False)
    assert server.mails == []


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
async def test_a_mail_that_breaks_off_in_the_middle_was_not_sent(
    encryption: str, tmp_path: Path
) -> None:
    """The end of the mail is written only when all before has left this process."""
    authority = Authority(tmp_path)
    tls = authority.server() if encryption != "none" else None
    huge = replace(MAIL, text="x" * 8_000_000)  # more than the buffers of a connection hold
    says = {"EHLO": "250-mail\r\n250 STARTTLS"}
    async with mail_server(says, tls=tls, at_once=encryption == "tls") as server:
        server.reads = 1000
        own = {"tls": {"ca": authority.path.read_text()}} if tls else {}
        reply = await sent(server, huge, encryption=encryption, **own)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)


async def test_a_port_that_nobody_listens_at_is_unavailable() -> None:
    async with mail_server() as server:
        pass
    reply = await sent(server.port)
    assert (reply.outcome, reply.reason) == (
        Outcome.UNAVAILABLE,
        "API Core: connection refused",
    )


# Encryption and login

OFFERS = {"EHLO": "250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5"}


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_the_login_and_the_mail_are_encrypted(encryption: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = authority.server()
    async with mail_server(OFFERS, tls=tls, at_once=encryption == "tls") as server:
        ca = {"ca": authority.path.read_text()}
        reply = await sent(server, encryption=encryption, tls=ca, auth=LOGIN)
    assert reply.outcome is Outcome.APPLIED
    assert server.logins == ["acme:s3cret"]
    if encryption == "starttls":
        before = server.commands[: server.commands.index("STARTTLS")]
        assert before == ["EHLO acme.example"], "nothing else goes in the clear"


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    async with mail_server() as server:
        reply = await sent(server, encryption="starttls", auth=LOGIN)
    assert (reply.outcome, reply.reason) == (
        Outcome.FAILED,
        "API Core: the server offers no STARTTLS",
    )
    assert server.commands == ["EHLO acme.example"]


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_certificate_of_another_authority_is_refused(
    encryption: str, tmp_path: Path
) -> None:
    tls, other = Authority(tmp_path).server(), Authority(tmp_path, "other")
    async with mail_server(OFFERS, tls=tls, at_once=encryption == "tls") as server:
        reply = await sent(server, encryption=encryption, tls={"ca": other.path.read_text()})
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert "certificate is signed by an unknown authority" in (reply.reason or "")


async def test_a_wrong_password_is_tried_once_and_asks_for_newer_secrets() -> None:
    says = {"AUTH": "535 5.7.8 no", "EHLO": "250-mail\r\n250 AUTH LOGIN PLAIN"}
    async with mail_server(says) as server:
        reply = await sent(server, auth=LOGIN)
    assert (reply.outcome, reply.refused, reply.end) == (Outcome.FAILED, True, End.ANSWERED)
    assert reply.reason == (
        "API Core refused the connector's credentials: check the secret that it uses"
    )
    assert sum(line.startswith("AUTH") for line in server.commands) == 1


async def test_a_login_with_a_renewed_password_sends_the_mail() -> None:
    settings = {"password": "old"}

    class Rotated:
        generation = 1

        async def renewed(self, since: int) -> bool:
            settings["password"] = "new"
            server.says = {}
            return True

    async with (
        mail_server({"AUTH": "535 5.7.8 no"}) as server,
        system(server, Rotated(), settings, auth=LOGIN) as client,
    ):
        reply = await client.send(MAIL, turn_of(8))
    assert reply.outcome is Outcome.APPLIED
    assert server.logins == ["acme:old", "acme:new"]


async def test_a_login_that_fails_for_now_is_unavailable() -> None:
    async with mail_server({"AUTH": "454 4.7.0 not now"}) as server:
        reply = await sent(server, auth=LOGIN)
    assert (reply.outcome, reply.refused) == (Outcome.UNAVAILABLE, False)


async def test_a_server_that_offers_no_known_login_is_a_failure() -> None:
    async with mail_server({"EHLO": "250-mail\r\n250 AUTH GSSAPI"}) as server:
        reply = await sent(server, auth=LOGIN)
    assert (reply.outcome, reply.end) == (Outcome.FAILED, End.NOT_SENT)


BAD: dict[str, Mapping[str, Any]] = {
    "system.smtp.from: must be one address": {"from": "a@example.com, b@example.com"},
    "system.smtp.reply_to: must be one address": {"reply_to": "a@example.com\nBcc: b@c.de"},
    "system.smtp.name: a header takes printable": {"name": "Acme\r\nBcc: b@example.com"},
    "system.smtp.hello: must have the name": {"hello": "mail\r\nRSET"},
    "system.smtp.host: must be a name": {"host": "a b"},
    "system.smtp.auth.password: is missing": {
        "auth": {"username": "a", "password": "=settings.no"}
    },
}


@pytest.mark.parametrize("problem", BAD)
def test_a_setting_that_cannot_be_used_stops_the_start(problem: str) -> None:
    with pytest.raises(BadSettings, match=problem):
        system(25, settings={"no": ""}, **BAD[problem])


def test_the_context_of_tls_checks_certificates() -> None:
    """Guards against a library whose default is not to."""
    server = system(25, encryption="starttls")._server()
    assert server.tls and server.tls.verify_mode is ssl.CERT_REQUIRED and server.tls.check_hostname
