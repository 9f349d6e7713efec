"""Certificates of the environment that OpenSSL would leave out in silence."""

from pathlib import Path

import pytest

from connector.settings import BadSettings
from tests.support.calls import client
from tests.support.certificates import Authority

WRONG = {
    "SSL_CERT_FILE": ["missing.pem", "", "empty.pem", "authority.der", "garbage.pem"],
    "SSL_CERT_DIR": ["missing", "empty.pem", "missing:gone"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Authority(tmp_path)
    (tmp_path / "empty.pem").touch()
    (tmp_path / "garbage.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    (tmp_path / "authority.der").write_bytes(b"\x30\x82\x01\x00")
    for name in WRONG:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
async def test_certificates_that_cannot_be_read_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value or str(folder))
    with pytest.raises(BadSettings, match=f"{name}: must be a "):
        async with client("https://hlr.example"):
            pass
    async with client("http://hlr.example"):  # which needs no certificates
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "authority.pem"), ("SSL_CERT_DIR", "missing:."), ("SSL_CERT_FILE", "")],
)
async def test_certificates_that_can_be_read_are_accepted(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    async with client("https://hlr.example"):
        pass
