"""The certificates of `system.http.tls` are checked at the start and when a secret changes."""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.systems.http.entry import HttpSystemEntry
from connector.systems.http.protocol import PROTOCOL
from tests.support.calls import PUT, send
from tests.support.certificates import DAY, Authority
from tests.support.mutual_tls import MutualTls, serial_number
from tests.systems.http.test_client_certificate import VERSIONS

TLS = {"certificate": "=settings.pem", "ca": "=settings.ca"}
PAIR = TLS | {"key": "=settings.key"}
CUT = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CUT_KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(authority: Authority) -> Iterator[MutualTls]:
    with MutualTls(VERSIONS["1.3"], authority, authority) as running:
        yield running


def split(pem: str) -> tuple[str, str]:
    """The certificate and the key of a file with both."""
    certificate, begin, key = pem.partition("-----BEGIN PRIVATE KEY")
    return certificate, begin + key


def started(settings: Mapping[str, Any], tls: dict[str, str], url: str = "https://a.test") -> Any:
    entry = HttpSystemEntry.model_validate({"http": {"base_url": url, "tls": tls}})
    return PROTOCOL.client(entry, settings)


def encrypted(key: str, password: str, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    encryption = BestAvailableEncryption(password.encode())
    loaded = load_pem_private_key(key.encode(), None)
    return loaded.private_bytes(Encoding.PEM, form, encryption).decode()


@pytest.mark.parametrize("form", ["one text", "two texts", "escaped", "named", "PKCS8", "old"])
async def test_certificate_and_key_are_accepted_in_all_forms(
    authority: Authority, server: MutualTls, form: str
) -> None:
    pem, tls = authority.certificate().read_text(), PAIR
    settings = {"ca": authority.path.read_text(), "password": "pass word"}
    settings["pem"], settings["key"] = split(pem)
    match form:
        case "one text":
            settings["pem"], tls = pem, TLS
        case "escaped":  # a variable without line breaks
            settings = {name: text.replace("\n", "\\n") for name, text in settings.items()}
        case "named":  # as `openssl pkcs12` writes them
            settings["pem"] = f"Bag Attributes\n    friendlyName: Müller\n{settings['pem']}"
            settings["ca"] = f"subject=CN = Ž\n{settings['ca']}"
        case "PKCS8" | "old":
            kind = PrivateFormat.PKCS8 if form == "PKCS8" else PrivateFormat.TraditionalOpenSSL
            settings["key"] = encrypted(settings["key"], settings["password"], kind)
            tls = PAIR | {"password": "=settings.password"}
    async with started(settings, tls, server.url) as opened:
        assert (await send(opened, PUT)).outcome is Outcome.APPLIED
    assert server.shown == [serial_number(pem)]


WRONG = {
    "expired": "system.http.tls.certificate: has expired on 20",
    "not yet valid": "system.http.tls.certificate: is not valid before 20",
    "not PEM": "system.http.tls.certificate: must be a certificate in PEM format",
    "cut off": "system.http.tls.certificate: must be a certificate in PEM format",
    "without a key": "system.http.tls.key: must be a private key in PEM format",
    "with a key that is cut off": "system.http.tls.key: cannot be read",
    "with an encrypted key": "system.http.tls.key: is encrypted; `password` is missing",
    "with a wrong password": "system.http.tls.key: cannot be read: is the password right?",
    "empty": "system.http.tls.certificate: is missing: check its secret",
    "with a bad authority": "system.http.tls.ca: must be certificates in PEM format",
    "with an authority that is cut off": "system.http.tls.ca: must be certificates in PEM format",
}


def wrong(authority: Authority, kind: str) -> tuple[dict[str, str], dict[str, str]]:
    """The settings and the entry of a deployment with this mistake."""
    days = {"expired": (-3, -1), "not yet valid": (1, 3)}.get(kind, (-1, 1))
    certificate = authority.certificate(begins=days[0] * DAY, ends=days[1] * DAY)
    pem, key = split(certificate.read_text())
    settings = {"pem": pem, "key": key, "ca": authority.path.read_text(), "password": "secret-1"}
    tls = PAIR | {"password": "=settings.password"} if "password" in kind else PAIR
    changes = {
        "not PEM": {"pem": "MIIB-secret-text"},
        "cut off": {"pem": CUT},
        "without a key": {"key": pem},
        "with a key that is cut off": {"key": CUT_KEY},
        "with an encrypted key": {"key": encrypted(key, "secret-2")},
        "with a wrong password": {"key": encrypted(key, "secret-2")},
        "empty": {"pem": ""},
        "with a bad authority": {"ca": "MIIB-secret-text"},
        "with an authority that is cut off": {"ca": CUT},
    }
    return settings | changes.get(kind, {}), tls


@pytest.mark.parametrize("kind", WRONG)
def test_a_certificate_that_cannot_be_used_stops_the_start(authority: Authority, kind: str) -> None:
    settings, tls = wrong(authority, kind)
    with pytest.raises(BadSettings) as caught:
        started(settings, tls)
    assert WRONG[kind] in str(caught.value)
    assert len(caught.value.problems) == 1
    for text in settings.values():
        assert not text or text not in str(caught.value)
    assert "-----BEGIN" not in str(caught.value)


async def test_a_key_of_another_certificate_stops_the_start(authority: Authority) -> None:
    settings, tls = wrong(authority, "")
    settings["key"] = split(authority.certificate().read_text())[1]
    with pytest.raises(BadSettings, match="the key does not belong to the certificate"):
        async with started(settings, tls):
            pass


async def test_a_pair_that_changes_one_by_one_is_used_once_both_have_changed(
    authority: Authority, server: MutualTls, caplog: pytest.LogCaptureFixture
) -> None:
    settings, tls = wrong(authority, "")
    first, new = dict(settings), wrong(authority, "")[0]
    async with started(settings, tls, server.url) as opened:
        for change in ({}, {"pem": new["pem"]}, {"key": new["key"]}):
            settings |= change
            await opened._transport.aclose()  # so that each call has a connection of its own
            await send(opened, PUT)
    old, both = serial_number(first["pem"]), serial_number(new["pem"])
    assert server.shown == [old, old, both]
    assert caplog.messages.count("the client certificate before stays in use") == 1


@pytest.mark.parametrize(("days", "warnings"), [(29, 1), (31, 0)])
async def test_a_certificate_that_ends_soon_is_a_warning(
    authority: Authority, caplog: pytest.LogCaptureFixture, days: int, warnings: int
) -> None:
    pem = authority.certificate(ends=timedelta(days=days)).read_text()
    async with started({"pem": pem}, {"certificate": "=settings.pem"}):
        pass
    found = [one for one in caplog.records if one.message == "the client certificate ends soon"]
    assert [one.levelname for one in found] == ["WARNING"] * warnings
    for one in found:
        assert len(vars(one)["fields"]["ends"]) == len("2027-01-01")


async def test_no_file_with_a_key_stays_behind(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux there is none at all; without its file in memory, there is one for a moment."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    settings = {"pem": authority.certificate().read_text()}
    monkeypatch.setattr("tempfile.tempdir", str(folder / "missing"))
    async with started(settings, {"certificate": "=settings.pem"}):
        pass
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    async with started(settings, {"certificate": "=settings.pem"}):
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "tls", [{}, {"key": "a"}, {"ca": "a", "key": "b"}, {"ca": "a", "password": "b"}]
)
def test_a_key_without_a_certificate_is_no_entry(tls: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"needs? `certificate`"):
        HttpSystemEntry.model_validate({"http": {"base_url": "https://a.test", "tls": tls}})


async def test_certificates_need_a_system_with_tls(authority: Authority) -> None:
    settings = {"ca": authority.path.read_text()}
    with pytest.raises(BadSettings, match="needs a base_url with https"):
        async with started(settings, {"ca": "=settings.ca"}, "http://a.test"):
            pass
