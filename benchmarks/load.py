"""NSPS's share of a measurement: wrk (Debian's package `wrk`) posts events as fast as it can."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from connector_tools.program import NotInstalled

_SCRIPT = Path(__file__).parent / "load.lua"
_EVENT = Path(__file__).parents[1] / "mappings" / "events" / "sim-updated.json"
_starts = count(
    100_000_000_000_001, 10_000_000
)  # no two measurements share an event or a subscriber

TOKEN = "token-of-the-benchmark"  # noqa: S105 - of nothing else


@dataclass(frozen=True)
class Load:
    """What was sent and how it was answered; latencies in milliseconds.

    `refused` were answered something else than 2xx, `lost` had no answer.
    """

    events: int
    seconds: float
    p50: float
    p99: float
    refused: int
    lost: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def event_file(folder: Path, size: int) -> Path:
    """An event of that many bytes: NSPS's example, made longer with bundles' quotas.

    A $ stands for its id, a # for the number that makes it an event of its own (see load.lua).
    """
    event = json.loads(_EVENT.read_text(encoding="utf-8"))
    variables, enriched = event["data"]["variables"], event["pb_data"]
    account, sim = enriched["account_info"], enriched["sim_info"]
    event = {"event_id": "$"} | event  # the first field: see load.lua
    event["event_id"] = "$"
    variables["i_event"] = variables["i_account"] = "#"
    account["i_account"] = sim["i_account"] = sim["imsi"] = "#"
    account["id"] = "#@msisdn"
    counter = {"service_name": "Internet", "unit": "MB", "i_vd_plan": 1591, "i_dest_group": 11}
    counter |= {"vdp_name": "Bundle", "allocated_amount": 1024.5, "remaining": "512.25"}
    short = len(json.dumps(event)) + 7 * 14
    missing = max(0, size - short) // (len(json.dumps(counter)) + 2)
    if missing:
        event["pb_data"]["full_vd_counter_info"] = [counter] * missing
    file = folder / f"event-{size}.json"
    text = json.dumps(event)
    for name in ("i_account", "i_event"):  # NSPS sends them as numbers
        text = text.replace(f'"{name}": "#"', f'"{name}": #')
    file.write_text(text, encoding="utf-8")
    return file


def load(url: str, event: Path, concurrent: int, seconds: int, pause: int = 0) -> Load:
    """Send events of a kind for some seconds over so many connections, one at a time on each.

    `pause` is how long a connection rests on average before its next event, in milliseconds.

    Raises:
        NotInstalled: wrk is missing.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NotInstalled("wrk sends the events and is not here: apt-get install wrk")
    command = [wrk, "-t1", f"-c{concurrent}", f"-d{seconds}s", "--timeout=30s", "-s", str(_SCRIPT)]
    command += [url, "--", TOKEN, str(event), str(next(_starts)), str(pause)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return Load(**json.loads(done.stdout.splitlines()[-1]))
