"""How long a burst takes to drain through an HLR/HSS with a limit, and what events cost.

    make drain

A maintenance of NSPS ends and it releases all that it held. The first table is simulated on virtual
time (see benchmarks/burst.py), the others are arithmetic (benchmarks/prices.py). Same figures each
time. `--write` puts them, and a picture, into docs/scaling.md; that takes some minutes.
"""

import argparse
from collections.abc import Iterator, Sequence

from benchmarks.burst import INSTANCES, LIMIT, RATE_LIMIT, Drained, Setting, drained
from benchmarks.curves import drawn
from benchmarks.prices import CPU_MS, costs, instances
from benchmarks.results import Row, markdown
from connector_tools.program import ROOT
from connector_tools.send import quantile

BURSTS = (500, 2_000, 8_000)
LONG = 20_000  # only for what is recommended: the others take long to compute
RECOMMENDED = Setting(RATE_LIMIT, concurrency=RATE_LIMIT)
SETTINGS = {
    "none": Setting(),
    "`rate_limit`": Setting(RATE_LIMIT),
    "`rate_limit`, `concurrency`": RECOMMENDED,
    "none, buffered": Setting(buffered=True),
    "`rate_limit`, buffered": Setting(RATE_LIMIT, buffered=True),
    "`rate_limit`, `concurrency`, buffered": Setting(RATE_LIMIT, RATE_LIMIT, buffered=True),
}
_SCALING = ROOT / "docs" / "scaling.md"
_PICTURE = ROOT / "docs" / "pictures" / "drain.svg"
_MARK = "<!-- What follows is written by `make drain`. -->\n"
_DAY, _HELD = 86_400, 7_200  # seconds: a day; a maintenance of two hours
_SUBSCRIBERS = 10_000_000


def simulated(bursts: Sequence[int], long: int | None) -> dict[str, list[Drained]]:
    """All settings with all bursts; the long one only where a setting keeps up with the rate."""
    found = {}
    for name, setting in SETTINGS.items():
        sizes = [*bursts, long] if long and setting.concurrency == RATE_LIMIT else bursts
        found[name] = [drained(size, setting) for size in sizes]
    return found


def drains(found: dict[str, list[Drained]]) -> Iterator[Row]:
    """How each burst ended."""
    yield (
        "Limits",
        "Events",
        "drained after",
        "events/s",
        "half waited",
        "99 of 100 waited",
        "attempts/event",
        "429 of the HLR",
        "given up",
    )
    for name, rows in found.items():
        for each in rows:
            yield (
                name,
                f"{each.events:,}",
                _seconds(each.last),
                f"{each.events / each.last:.1f}",
                _seconds(quantile(each.waits, 0.5) or 0),
                _seconds(quantile(each.waits, 0.99) or 0),
                f"{each.attempts / each.events:.2f}",
                f"{each.refused:,}",
                f"{each.given_up}",
            )


def mornings() -> Iterator[Row]:
    """Two hours held, released at once, while events go on coming: held / (rate - arriving)."""
    yield "Events/subscriber/day", "arriving", "held", "HLR", "rate", "held / (rate - arriving)"
    for share in (0.05, 0.1, 0.2, 0.4):
        arriving = _SUBSCRIBERS * share / _DAY
        held = arriving * _HELD
        for limit in (LIMIT, 4 * LIMIT):
            rate = limit // INSTANCES * INSTANCES
            after = _duration(held / (rate - arriving))
            yield f"{share}", f"{arriving:.1f}/s", f"{held:,.0f}", f"{limit}/s", f"{rate}/s", after


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def arithmetic(cpu_ms: float = CPU_MS) -> dict[str, str]:
    """The tables that are not simulated, by their headings."""
    return {
        "10 million subscribers after two hours of maintenance (arithmetic)": markdown(mornings()),
        "Instances for a rate (arithmetic)": markdown(instances(cpu_ms)),
        "A million events, in US dollars (arithmetic)": markdown(costs(cpu_ms)),
    }


def main() -> None:
    """Print the tables and, if asked for, write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="into docs/scaling.md")
    parser.add_argument(
        "--cpu-ms", type=float, default=CPU_MS, help=f"CPU of an event in ms (default {CPU_MS})"
    )
    parser.add_argument("--short", action="store_true", help="the smallest burst only")
    options = parser.parse_args()
    bursts, long = (BURSTS[:1], None) if options.short else (BURSTS, LONG)
    found = simulated(bursts, long)
    title = f"A burst; {INSTANCES} instances, an HLR/HSS that bears {LIMIT} a second (simulated)"
    tables = {title: markdown(drains(found)), **arithmetic(options.cpu_ms)}
    text = "\n".join(f"### {title}\n\n{table}" for title, table in tables.items())
    print(text)
    if options.write:
        before = _SCALING.read_text(encoding="utf-8").partition(_MARK)[0]
        _SCALING.write_text(f"{before}{_MARK}\n{text}", encoding="utf-8")
        curves = {name: rows[len(bursts) - 1] for name, rows in found.items()}
        _PICTURE.write_text(drawn(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
