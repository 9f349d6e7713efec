"""Calls to a system that wants a certificate, with a real TLS server: `system.http.tls`."""

import ssl
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector.outcome import Outcome
from connector.system import End, Reply
from tests.support.calls import PUT, client, forget_proxies, send
from tests.support.certificates import DAY, Authority
from tests.support.mutual_tls import MutualTls, serial_number
from tests.support.peer import LOOPS, Loop, Peer, replies, run
from tests.support.tunnel import Tunnel

TLS = {"certificate": "=settings.pem", "ca": "=settings.ca"}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
on_both_versions = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
through_a_proxy_or_not = pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxy"])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


class Pki(NamedTuple):
    """Two authorities, and the secrets of a connector."""

    folder: Path
    authority: Authority
    other: Authority

    @property
    def ca(self) -> str:
        return self.authority.path.read_text()

    def secrets(self, kind: str = "good") -> dict[str, str]:
        begins, ends = (-3 * DAY, -DAY) if kind == "expired" else (-DAY, DAY)
        signer = self.other if kind == "of another authority" else self.authority
        return {"pem": signer.certificate(begins=begins, ends=ends).read_text(), "ca": self.ca}


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path, Authority(tmp_path), Authority(tmp_path, "other"))


async def ask(url: str, settings: dict[str, str], **tls: str) -> Reply:
    async with client(url, tls=tls or TLS, settings=settings) as opened:
        return await send(opened, PUT)


class World(NamedTuple):
    """How a test's calls are made: the event loop, the version of TLS, and whether by a proxy."""

    loop: Loop
    version: ssl.TLSVersion
    proxied: bool


WORLDS = {
    f"{loop} {version}{' by proxy' * proxied}": World(LOOPS[loop], VERSIONS[version], proxied)
    for loop in LOOPS
    for version in VERSIONS
    for proxied in (False, True)
}
in_all_worlds = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)


class Tried(NamedTuple):
    """What happened to two calls over one client."""

    replies: list[Reply]
    server: MutualTls
    tunnels: int


def tried(world: World, pki: Pki, kind: str, monkeypatch: pytest.MonkeyPatch) -> Tried:
    """Make two calls to a server that wants a certificate."""
    tls = {"ca": "=settings.ca"} if kind == "none" else TLS
    found: list[Reply] = []
    with MutualTls(world.version, pki.authority, pki.authority) as server:
        tunnel = Tunnel()

        async def calls() -> None:
            async with tunnel:
                if world.proxied:
                    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
                settings = pki.secrets(kind)
                async with client(server.url, tls=tls, settings=settings) as opened:
                    found.extend([await send(opened, PUT), await send(opened, PUT)])

        run(world.loop, calls)
        return Tried(found, server, len(tunnel.opened))


@in_all_worlds
def test_a_good_certificate_is_shown_and_accepted(
    world: World, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tried(world, pki, "good", monkeypatch)
    assert [reply.outcome for reply in result.replies] == [Outcome.APPLIED] * 2
    assert (result.server.requests, len(result.server.shown)) == (2, 1)
    assert result.tunnels == int(world.proxied)


REFUSALS = {
    "expired": "API Core: the connector's certificate was refused: it has expired",
    "of another authority": "API Core: the connector's certificate was refused: "
    "its authority is not known there",
    "none": "API Core: a client certificate is required",
}


@in_all_worlds
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_certificate_fails_the_event_and_nothing_was_carried_out(
    world: World, pki: Pki, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In TLS 1.3 the refusal comes after the request was sent."""
    result = tried(world, pki, kind, monkeypatch)
    result.server.refuses(2)
    assert (result.server.requests, result.server.shown) == (0, [])
    for reply in result.replies:
        if kind == "none" and world.version is ssl.TLSVersion.TLSv1_2:  # it has no alert for it
            assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
            continue
        assert (reply.outcome, reply.end) == (Outcome.FAILED, End.NOT_SENT)
        assert (reply.reason, reply.attempts, reply.refused) == (REFUSALS[kind], 1, True)


async def test_a_connection_that_ends_without_a_word_may_be_a_refusal(pki: Pki) -> None:
    tls = pki.authority.server_that_asks(VERSIONS["1.3"], pki.authority)
    async with Peer(replies(OK), tls) as peer:
        reply = await ask(peer.url, pki.secrets("of another authority"))
        assert (reply.outcome, peer.requests) == (Outcome.UNAVAILABLE, [])
        assert "perhaps the connector's certificate was refused" in str(reply.reason)


async def test_own_authorities_replace_those_of_the_machine(
    pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.authority.path))
    async with Peer(replies(OK), pki.authority.server()) as peer:
        async with client(peer.url) as opened:
            assert (await send(opened, PUT)).outcome is Outcome.APPLIED
        own = {"ca": pki.other.path.read_text()}
        reply = await ask(peer.url, own, ca="=settings.ca")
        assert reply.reason == "API Core: certificate is signed by an unknown authority"
        own = {"ca": own["ca"] + pki.ca}
        assert (await ask(peer.url, own, ca="=settings.ca")).outcome is Outcome.APPLIED
        monkeypatch.setenv("SSL_CERT_FILE", "missing.pem")
        assert (await ask(peer.url, own, ca="=settings.ca")).outcome is Outcome.APPLIED


async def test_the_proxy_is_trusted_by_the_machine_and_sees_no_certificate(
    pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.other.path))
    with MutualTls(VERSIONS["1.3"], pki.authority, pki.authority) as server:
        context = pki.other.server()
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(pki.other.path)  # it would refuse the connector's
        async with Tunnel(context) as tunnel:
            monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
            reply = await ask(server.url, pki.secrets())
            assert (reply.outcome, len(tunnel.opened)) == (Outcome.APPLIED, 1)


class Rotating:
    """Secrets whose new values come when somebody asks for them."""

    def __init__(self, settings: dict[str, str], new: dict[str, str]) -> None:
        self.generation = 0
        self.settings = settings
        self._new = new

    async def renewed(self, since: int) -> bool:
        if self.generation == since and self._new:
            self.settings.update(self._new)
            self.generation += 1
        return self.generation != since


@on_both_versions
async def test_a_refused_certificate_is_read_again_and_the_call_repeated_once(
    pki: Pki, version: ssl.TLSVersion
) -> None:
    secrets = Rotating(pki.secrets("expired"), pki.secrets())
    with MutualTls(version, pki.authority, pki.authority) as server:
        async with opened_with(server.url, secrets) as opened:
            assert (await send(opened, PUT)).outcome is Outcome.APPLIED
        server.refuses(1)
        assert (server.refused, server.requests, secrets.generation) == (1, 1, 1)
        async with opened_with(server.url, Rotating(pki.secrets("expired"), {})) as opened:
            assert (await send(opened, PUT)).outcome is Outcome.FAILED
        server.refuses(2)
        assert (server.refused, server.requests) == (2, 1)


def opened_with(url: str, secrets: Rotating) -> Any:
    from connector.systems.http.client import HttpSystem  # noqa: PLC0415
    from connector.systems.http.entry import HttpSystemEntry  # noqa: PLC0415

    entry = HttpSystemEntry.model_validate({"http": {"base_url": url, "tls": TLS}})
    return HttpSystem(entry, secrets.settings, secrets)


@through_a_proxy_or_not
async def test_a_new_certificate_is_shown_on_new_connections(
    pki: Pki, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = pki.secrets()
    with MutualTls(VERSIONS["1.3"], pki.authority, pki.authority) as server:
        async with Tunnel() as tunnel:
            if proxied:
                monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
            expected = []
            for _ in range(2):
                async with client(server.url, tls=TLS, settings=settings) as opened:
                    await send(opened, PUT)
                    expected.append(serial_number(settings["pem"]))
                    settings |= pki.secrets()
                    if proxied:  # where idle connections belong to the certificate
                        await send(opened, PUT)
                        expected.append(serial_number(settings["pem"]))
        assert server.shown == expected
