"""Test the deployed connectors: health, a wrong token, and an event that changes nothing.

    python terraform/smoke.py               test each connector of the Terraform state
    python terraform/smoke.py wtl-hlr       test only this connector

The token comes from the environment variable API_TOKEN, or else from Secret Manager, with the
caller's own Google credentials. It is never shown.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx

PATIENCE = 120  # seconds until a new function, and the permission to call it, work everywhere


def targets(file: str | None) -> dict[str, dict[str, str]]:
    """Terraform's output `smoke_test`: `url`, `health_url` and `token` of each connector."""
    if file:
        text = Path(file).read_text()
    else:
        terraform = [os.environ.get("TERRAFORM", "terraform"), f"-chdir={Path(__file__).parent}"]
        command = [*terraform, "output", "-json", "smoke_test"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def token(version: str) -> str:
    """The token of NSPS; `version` names a version of its secret."""
    given = os.environ.get("API_TOKEN")
    if given:
        return given
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415 - slow

    client = SecretManagerServiceClient()
    return client.access_secret_version(name=version).payload.data.decode().strip()


def problems(target: dict[str, str], client: httpx.Client, patience: float) -> list[str]:
    """The problems of a deployed connector; empty if there are none."""
    if not healthy(target["health_url"], client, patience):
        return [f"{target['health_url']} did not answer 200 in {patience:.0f} s"]
    found = []
    refused = post(client, target["url"], "a-wrong-token")
    if refused.status_code != 401:
        found.append(f"a wrong token was answered {refused.status_code}, not 401")
    accepted = post(client, target["url"], token(target["token"]))
    if accepted.status_code != 202:
        found.append(f"the test event was answered {accepted.status_code}, not 202")
    return found


def healthy(url: str, client: httpx.Client, patience: float) -> bool:
    """Whether `/health` answers 200 within `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            if client.get(url).status_code == 200:
                return True
        except httpx.TransportError:
            pass  # not reachable yet; the loop ends after `patience`
        if time.monotonic() > until:
            return False
        time.sleep(2)


def post(client: httpx.Client, url: str, bearer: str) -> httpx.Response:
    """Send an event of a type that no mapping handles."""
    event = {
        "event_id": str(uuid4()),
        "data": {"event_type": "Connector/SmokeTest", "variables": {}},
    }
    return client.post(url, json=event, headers={"Authorization": f"Bearer {bearer}"})


def main() -> int:
    """Test the named connectors, or all; the exit code is 0 if they have no problems."""
    parser = argparse.ArgumentParser(description="Smoke test of the deployed connectors")
    parser.add_argument("connector", nargs="*", help="default: all")
    parser.add_argument("--targets", help="file with the output `smoke_test` as JSON")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for /health")
    asked = parser.parse_args()
    known = targets(asked.targets)
    unknown = set(asked.connector) - set(known)
    if unknown or not known:
        sys.exit(f"Not deployed: {', '.join(unknown) or 'anything'}")
    bad = False
    with httpx.Client(timeout=60) as client:
        for name in asked.connector or known:
            found = problems(known[name], client, asked.patience)
            bad = bad or bool(found)
            print(f"{name}: " + ("; ".join(found) or "healthy, safe, and accepts events"))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
