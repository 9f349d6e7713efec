"""Test the deployed connectors: the code that serves, a wrong token, and a harmless event.

The token comes from the environment variable API_TOKEN, or else from Secret Manager, with the
caller's own Google credentials. It is never shown. In the buffered shape, the test also waits until
the event was delivered: it looks for its record in Cloud Logging.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import typer

from connector_tools.terminal import FAILED, INTERRUPTED, say, stop

PATIENCE = 120  # seconds until a new function, and the permission to call it, work everywhere
LOGGING = "https://logging.googleapis.com"
_LOG_SCOPE = "https://www.googleapis.com/auth/logging.read"
_WRONG_TOKEN = "a-wrong-token"  # noqa: S105 - it is no secret


@dataclass(frozen=True)
class Target:
    """A deployed connector, as Terraform's output `smoke_test` describes it."""

    url: str
    health_url: str
    token: str  # the name of a version of a secret
    source: str | None = None  # hash of the source that must serve; None: do not compare
    delivery: dict[str, str] | None = None  # `project`, and `filter` of the record of a delivery


@dataclass(frozen=True)
class Smoke:
    """The test of one connector."""

    target: Target
    client: httpx.Client
    patience: float
    logging: str

    def problems(self) -> Iterator[str]:
        """The problems of the connector, in the order in which an operator must correct them."""
        unhealthy = self._unhealthy()
        if unhealthy:
            yield unhealthy
            return
        try:
            yield from self._events()
        except httpx.TransportError as error:
            yield f"{self.target.url} did not answer ({type(error).__name__})"

    def _events(self) -> Iterator[str]:
        refused = self._post(_WRONG_TOKEN, str(uuid4()))
        if refused.status_code != 401:
            yield f"a wrong token was answered {refused.status_code}, not 401"
        event_id = str(uuid4())
        accepted = self._post(token(self.target.token), event_id)
        if accepted.status_code != 202:
            yield f"the test event was answered {accepted.status_code}, not 202"
        elif self.target.delivery:
            yield from self._undelivered(self.target.delivery, event_id)

    def _unhealthy(self) -> str | None:
        """Why `/health` is not as it should be, also after `patience` seconds; None if it is."""
        said: list[str] = []
        if self._wait(lambda: self._health(said), 2):
            return None
        return f"{self.target.health_url} {said[-1]} in {self.patience:.0f} s"

    def _health(self, said: list[str]) -> bool:
        try:
            answer = self.client.get(self.target.health_url)
        except httpx.TransportError:
            said.append("did not answer")  # not reachable yet
            return False
        if answer.status_code != 200:
            said.append("did not answer 200")
            return False
        source = _source(answer)
        said.append(f"answered as the source {source}, not as {self.target.source},")
        return self.target.source in (None, source)

    def _post(self, bearer: str, event_id: str) -> httpx.Response:
        """Send an event of a type that no mapping handles."""
        data = {"event_type": "Connector/SmokeTest", "variables": {}}
        headers = {"Authorization": f"Bearer {bearer}"}
        event = {"event_id": event_id, "data": data}
        return self.client.post(self.target.url, json=event, headers=headers)

    def _undelivered(self, delivery: dict[str, str], event_id: str) -> Iterator[str]:
        wanted = {
            "resourceNames": [f"projects/{delivery['project']}"],
            "filter": f'{delivery["filter"]} AND jsonPayload.event_id="{event_id}"',
            "pageSize": 1,
        }
        headers = _log_headers(self.logging)
        if not self._wait(lambda: self._settled(wanted, headers), 4):
            yield (
                f"the test event was accepted, but not delivered in {self.patience:.0f} s: look at "
                "the push subscription (output pubsub), and do not let NSPS send events"
            )

    def _settled(self, wanted: dict[str, Any], headers: dict[str, str]) -> bool:
        url = f"{self.logging}/v2/entries:list"
        answer = self.client.post(url, json=wanted, headers=headers)
        if answer.status_code in (401, 403):
            stop("may not read the log: give this account the role roles/logging.viewer")
        return answer.status_code == 200 and bool(answer.json().get("entries"))

    def _wait(self, condition: Callable[[], bool], pause: float) -> bool:
        """Whether the condition is met within `patience` seconds."""
        until = time.monotonic() + self.patience
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(min(pause, self.patience / 10))
        return True


def _source(health: httpx.Response) -> str | None:
    """The hash of the source that serves; None if it does not say."""
    try:
        return str(health.json()["source"])
    except (ValueError, KeyError, TypeError):
        return None


def targets(file: str | None) -> dict[str, Target]:
    """The connectors of Terraform's output `smoke_test`, or of a file with it."""
    try:
        text = Path(file).read_text() if file else _output()
        return {name: Target(**target) for name, target in json.loads(text).items()}
    except OSError as error:
        stop(f"cannot read {file}: {error.strerror}")
    except (ValueError, TypeError, AttributeError):
        stop("the output `smoke_test` is not as expected: apply with this version first")


def _output() -> str:
    terraform = [os.environ.get("TERRAFORM", "terraform"), f"-chdir={Path(__file__).parent}"]
    command = [*terraform, "output", "-json", "smoke_test"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
    except OSError as error:
        stop(f"cannot run {terraform[0]}: {error.strerror}")
    except subprocess.CalledProcessError:
        stop("`terraform output smoke_test` fails: run `terraform init`, and apply first")


def token(version: str) -> str:
    """The token of NSPS; `version` names a version of its secret."""
    given = os.environ.get("API_TOKEN")
    if given:
        return given
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - slow
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415 - slow

    try:
        client = SecretManagerServiceClient()
        return client.access_secret_version(name=version).payload.data.decode().strip()
    except (GoogleAuthError, GoogleAPIError) as error:
        stop(f"cannot read {version}: {str(error).splitlines()[0]} (or set API_TOKEN)")


def _log_headers(url: str) -> dict[str, str]:
    """The caller's own credentials; only Google gets them."""
    if not (urlsplit(url).hostname or "").endswith(".googleapis.com"):
        return {}
    import google.auth  # noqa: PLC0415 - slow
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow
    from google.auth.transport.requests import Request  # noqa: PLC0415 - slow

    try:
        credentials, _ = google.auth.default(scopes=[_LOG_SCOPE])
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        stop(f"cannot log in to Google: {str(error).splitlines()[0]}")
    return {"Authorization": f"Bearer {credentials.token}"}


def smoke(
    connector: Annotated[list[str] | None, typer.Argument(help="Default: all")] = None,
    file: Annotated[
        str | None, typer.Option("--targets", help="File with the output `smoke_test` as JSON")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for each step")] = PATIENCE,
    logging: Annotated[str, typer.Option(help="URL of Cloud Logging")] = LOGGING,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON")] = False,
) -> None:
    """Test the deployed connectors; the exit code is 0 if they have no problems.

    Example: python terraform/smoke.py wtl-hlr
    """
    known = targets(file)
    unknown = set(connector or ()) - set(known)
    if unknown or not known:
        stop(f"not deployed: {', '.join(sorted(unknown)) or 'anything'}")
    found: dict[str, list[str]] = {}
    with httpx.Client(timeout=60) as client:
        for name in connector or known:
            found[name] = list(Smoke(known[name], client, patience, logging).problems())
            if not as_json:
                say(f"{name}: " + ("; ".join(found[name]) or _praise(known[name])))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    raise typer.Exit(FAILED if any(found.values()) else 0)


def _praise(target: Target) -> str:
    return "healthy, safe, and " + ("delivers events" if target.delivery else "accepts events")


if __name__ == "__main__":
    try:
        typer.run(smoke)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
