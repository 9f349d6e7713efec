"""The benchmark: the function as it is deployed beside a bare forwarder and Node-RED.

    make bench

All of them are loaded in turn in one run, so read the ratios: machines differ. `--write` puts the
tables into benchmarks/RESULTS.md and draws docs/pictures/speed.svg.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import picture, results
from benchmarks.contenders import Contenders, secrets
from benchmarks.load import TOKEN, event_file
from benchmarks.measure import Rounds
from benchmarks.results import CONCURRENT, DELAYS, SIZES, Results
from benchmarks.server import Server, external_system, first_answer
from connector_tools.program import ROOT, NotInstalled
from connector_tools.simulation.store import FirestoreEmulator
from tests.support.secret_manager import SecretManagerServer

_RESULTS = Path(__file__).parent / "RESULTS.md"
_MARK = "<!-- What follows is written by `make bench`. -->\n"
_COLD_STARTS = 11


def told(what: str) -> None:
    """Progress, on standard error."""
    print(f"\r\033[K{what}" if sys.stderr.isatty() else what, file=sys.stderr, flush=True, end="")
    if not sys.stderr.isatty():
        print(file=sys.stderr)


def loads(found: Results, contenders: Contenders, rounds: Rounds, folder: Path) -> None:
    """Throughput and latency by concurrency, the external system at once and after 100 ms."""
    event = event_file(folder, SIZES[0])
    for delay in DELAYS:
        with ExitStack() as stack, external_system(delay, folder) as system:
            servers = {
                "forwarder": stack.enter_context(contenders.forwarder(system.url)),
                "connector": stack.enter_context(contenders.connector(system.url)),
            }
            try:
                servers["node-red"] = stack.enter_context(contenders.node_red(system.url))
            except NotInstalled as missing:
                told(str(missing))
            for concurrent in CONCURRENT:
                found.loads[delay, concurrent] = rounds.compare(servers, event, concurrent)
            if delay:
                del servers["forwarder"]
                servers.pop("node-red", None)
                # 100 connections, each resting until the whole sends half of what can be done.
                rate = found.loads[delay, 100]["connector"].rate / 2
                pause = round(100 / rate * 1000 - delay)
                found.half = rounds.compare(servers, event, 100, pause)


def sizes(found: Results, contenders: Contenders, rounds: Rounds, folder: Path) -> None:
    """The cost of larger events, ten at a time."""
    with (
        external_system(0, folder) as system,
        contenders.forwarder(system.url) as forwarder,
        contenders.connector(system.url) as connector,
    ):
        servers = {"forwarder": forwarder, "connector": connector}
        for size in SIZES:
            found.sizes[size] = rounds.compare(servers, event_file(folder, size), 10)


def emulated(stack: ExitStack) -> str | None:
    """The address of a Firestore emulator that runs until the stack is closed; None without one."""
    try:
        return stack.enter_context(FirestoreEmulator()).address
    except NotInstalled as missing:
        told(str(missing))
        return None


def ledgers(
    found: Results, contenders: Contenders, rounds: Rounds, folder: Path, emulator: str | None
) -> None:
    """The ledgers, 100 events at a time."""
    event = event_file(folder, SIZES[0])
    for delay in DELAYS:
        with external_system(delay, folder) as system, ExitStack() as running:
            servers: dict[str, Server] = {
                "memory": contenders.connector(system.url),
                "sqlite": contenders.sqlite(system.url),
            }
            if emulator:
                servers["firestore"] = contenders.firestore(system.url, emulator)
            for server in servers.values():
                running.enter_context(server)
            found.ledgers[delay] = rounds.compare(servers, event, 100)


def cold(found: Results, contenders: Contenders, folder: Path, emulator: str | None) -> None:
    """From the start of the process to the first 202, in turn; each time another event."""
    event = event_file(folder, SIZES[0]).read_text(encoding="utf-8")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    with external_system(0, folder) as system, SecretManagerServer() as manager:
        manager.secrets = secrets()
        for number in range(1, _COLD_STARTS + 1):
            told(f"cold start {number} of {_COLD_STARTS}")
            servers = {
                "hello": contenders.hello(),
                "forwarder": contenders.forwarder(system.url),
                "connector": contenders.connector(system.url),
            }
            if emulator:
                on_google = contenders.on_google(system.url, emulator, manager.address)
                servers["connector with Firestore and Secret Manager"] = on_google
            body = event.replace("#", str(number).zfill(15)).encode()
            for name, server in servers.items():
                seconds[name].append(first_answer(server, "/process-event", headers, body))
    found.cold = {name: median(values) for name, values in seconds.items()}


def machine(python: Path) -> str:
    """The machine and the Python, in a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    asked = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    version = asked.stdout.strip()
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, {version}"


def text(found: Results) -> str:
    """All tables, as Markdown."""
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}; {found.machine}.\n",
        "## Goals\n",
        results.markdown(results.goals(found)),
    ]
    for delay in DELAYS:
        parts += [f"## The external system takes {delay} ms\n"]
        parts += [results.markdown(results.loads(found, delay))]
    parts += ["## Larger events, 10 concurrent\n", results.markdown(results.sizes(found))]
    parts += ["## Ledgers, 100 concurrent\n", results.markdown(results.ledgers(found))]
    parts += ["## Cold start\n", results.markdown(results.cold(found))]
    return "\n".join(parts)


def main() -> None:
    """Measure all, print it and, if asked for, write it down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the functions'")
    parser.add_argument("--forwarder", type=Path, help="the bare forwarder's, with pyreqwest")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md and the picture")
    options = parser.parse_args()
    found = Results(machine(options.python))
    rounds = Rounds(options.seconds, options.rounds, told)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forwarding = options.forwarder or options.python
        contenders = Contenders(options.python.absolute(), forwarding.absolute(), folder)
        try:
            loads(found, contenders, rounds, folder)
        except NotInstalled as missing:
            parser.exit(2, f"{missing}\n")
        sizes(found, contenders, rounds, folder)
        with ExitStack() as stack:
            emulator = emulated(stack)
            ledgers(found, contenders, rounds, folder, emulator)
            cold(found, contenders, folder, emulator)
    told("\n")
    print(text(found))
    if options.write:
        before = _RESULTS.read_text(encoding="utf-8").partition(_MARK)[0]
        _RESULTS.write_text(before + _MARK + "\n" + text(found), encoding="utf-8")
        (ROOT / "docs" / "pictures" / "speed.svg").write_text(
            picture.drawn(found), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
