"""A function whose system wants a certificate, from its mapping file and its secrets."""

import asyncio
import json
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.mapping.load import load
from connector.outcome import Outcome
from connector.pipeline import Pipeline, Record
from connector.settings import BadSettings
from connector.startup import Startup, start
from connector_tools.deployment import deployment as deployment_of
from connector_tools.mapping_tests import run_cases
from tests.support.certificates import DAY, Authority
from tests.support.events import FOLDER, event
from tests.support.mutual_tls import MutualTls, serial_number
from tests.systems.http.test_tls_secrets import CUT, split

MAPPING = """\
name: cards
summary: Keeps a directory of cards.
settings:
  url: {env: URL, type: url}
  pem: {secret: PEM, type: pem}
  key: {secret: KEY, type: pem}
  ca: {secret: CA, type: pem}
system:
  http:
    base_url: =settings.url
    tls: {certificate: =settings.pem, key: =settings.key, ca: =settings.ca}
rules:
  - {name: a card changed, on: SIM/Updated, calls: [{put: /cards, json: {}}]}
"""


class Deployment(NamedTuple):
    """A function whose secrets are files, and the system that it calls."""

    folder: Path
    authority: Authority
    server: MutualTls

    @property
    def mapping(self) -> Path:
        return self.folder / "cards.yaml"

    def put(self, **secrets: str) -> None:
        """Write secrets; they take effect when they are read the next time."""
        for name, text in secrets.items():
            (self.folder / name).write_text(text)

    def start(self) -> Startup:
        environ = {"SECRETS": f"file:{self.folder}", "URL": self.server.url}
        return start(environ | {"MAPPING_FILE": str(self.mapping)})


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    authority = Authority(tmp_path)
    with MutualTls(ssl.TLSVersion.TLSv1_3, authority, authority) as server:
        found = Deployment(tmp_path, authority, server)
        found.mapping.write_text(MAPPING)
        found.put(API_TOKEN="token-of-the-tests-1", CA=authority.path.read_text())
        yield found


async def applied(pipeline: Pipeline) -> bool:
    """Whether an event is applied over a connection of its own."""
    await pipeline.system._transport.aclose()  # type: ignore[attr-defined]
    return (await pipeline.handle(json.dumps(event()).encode(), Record())).outcome is (
        Outcome.APPLIED
    )


def test_the_tests_in_the_mapping_file_and_its_preview_need_no_certificate(tmp_path: Path) -> None:
    file = tmp_path / "cards.yaml"
    shutil.copy(FOLDER / "sim-updated.json", tmp_path)
    expected = "{name: one, event: sim-updated.json, calls: [{put: /cards}], outcome: applied}"
    file.write_text(f"{MAPPING}tests: [{expected}]\n")
    assert [case.problems for case in run_cases(load(file))] == [[]]
    assert deployment_of(load(file), {}).made_up == ("url", "pem", "key", "ca")


async def test_certificate_and_key_can_be_two_secrets_that_change_one_by_one(
    deployment: Deployment,
) -> None:
    pairs = [split(deployment.authority.certificate().read_text()) for _ in range(2)]
    named = f"Bag Attributes\n    friendlyName: Ž\n{pairs[0][0]}"
    deployment.put(PEM=named, KEY=pairs[0][1])
    startup = await asyncio.to_thread(deployment.start)
    async with startup.serve() as pipeline:
        for change in ({}, {"PEM": pairs[1][0]}, {"KEY": pairs[1][1]}):
            deployment.put(**change)
            await startup.secrets.load()
            assert await applied(pipeline)
    old, new = (serial_number(pem) for pem, _ in pairs)
    assert deployment.server.shown == [old, old, new]


async def test_a_new_certificate_that_has_expired_does_not_replace_the_one_in_use(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    pem, key = split(deployment.authority.certificate().read_text())
    expired = deployment.authority.certificate(begins=-3 * DAY, ends=-DAY).read_text()
    deployment.put(PEM=pem, KEY=key)
    startup = await asyncio.to_thread(deployment.start)
    async with startup.serve() as pipeline:
        deployment.put(PEM=expired)
        await startup.secrets.load()
        assert await applied(pipeline)
    assert deployment.server.shown == [serial_number(pem)]
    (line,) = [one for one in caplog.records if "last good value" in one.message]
    assert "has expired on" in vars(line)["fields"]["cause"]


@pytest.mark.parametrize(
    ("secret", "text", "told"),
    [
        ("PEM", CUT, "system.http.tls.certificate: must be a certificate in PEM format"),
        ("KEY", "word", "KEY: must be in PEM format"),
        ("CA", "-----BEGIN CERTIFICATE-----", "CA: must be in PEM format"),
    ],
    ids=["PEM", "KEY", "CA"],
)
def test_the_function_does_not_start_with_texts_that_cannot_be_used(
    deployment: Deployment, secret: str, text: str, told: str
) -> None:
    pem, key = split(deployment.authority.certificate().read_text())
    deployment.put(PEM=pem, KEY=key)
    deployment.put(**{secret: text})
    with pytest.raises(BadSettings) as caught:
        deployment.start()
    assert told in str(caught.value)


def test_a_setting_with_a_text_in_pem_format_needs_its_type(deployment: Deployment) -> None:
    pem, key = split(deployment.authority.certificate().read_text())
    deployment.put(PEM=pem, KEY=key)
    deployment.mapping.write_text(MAPPING.replace(", type: pem", ""))
    with pytest.raises(BadSettings, match="PEM: is in PEM format: the setting needs `type: pem`"):
        deployment.start()
