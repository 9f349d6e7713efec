"""The faults by name, with their usual rates; `--fault` of `connector simulate` chooses them."""

from collections.abc import Mapping
from dataclasses import dataclass

# Faults of the network: the share of requests that meet each.
NETWORK = {
    "slow": 0.05,  # answered late, but before the connector gives up
    "timeout": 0.01,  # not carried out, no answer in time
    "late": 0.01,  # carried out at once, no answer in time
    "overdue": 0.005,  # carried out after the connector gave up
    "drop": 0.01,  # connection closed, not carried out
    "drop-after": 0.01,  # connection closed after it was carried out
    "throttle": 0.02,  # 429, with and without Retry-After
    "error": 0.02,  # 500 or 503
    "error-after": 0.01,  # 500 after it was carried out
    "refusal": 0.01,  # 200 with an error inside
    "garbage": 0.01,  # a body that is not the API's, carried out or not
}
# Faults of NSPS: the share of events that meet each.
NSPS = {
    "duplicate": 0.05,  # posted twice: at once, or up to days apart
    "reorder": 0.2,  # up to minutes late
    "delay": 0.005,  # days late
    "stale": 0.02,  # posted hours after it was enriched
    "replay": 0.02,  # an old event is enriched anew and replayed by hand
}
# Faults of the whole world: times a simulated hour.
WORLD = {
    "outage": 0.5,  # the network is down for minutes
    "maintenance": 0.1,  # NSPS holds all events for an hour or two, then releases them at once
    "credentials": 0.3,  # the network accepts only a new token
    "kill": 2.0,  # an instance is killed, another one starts
    "ledger": 1.0,  # the ledger is slow or unreachable for a while
}
ALL = NETWORK | NSPS | WORLD
# What is not promised to end well (docs/reliability.md#what-is-not-promised): it happens only if
# it is named. The share of a subscriber's changes that are an exchange of numbers with another.
NOT_PROMISED = {"exchange": 0.05}
# The faults of a load test, which breaks nothing of the deployment.
DEPLOYED = NSPS | {"maintenance": WORLD["maintenance"]}


def without(name: str) -> dict[str, float]:
    """All faults but one."""
    return {other: rate for other, rate in ALL.items() if other != name}


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each fault happens; a fault without a rate never happens."""

    rates: dict[str, float]

    def __getitem__(self, name: str) -> float:
        """The rate of a fault: a share from 0 to 1, or times an hour for those of `WORLD`."""
        return self.rates.get(name, 0.0)


def read(
    texts: list[str], known: Mapping[str, float] = ALL, named: Mapping[str, float] | None = None
) -> Faults:
    """Read faults from texts: `all`, `none`, `NAME` or `NAME=RATE`.

    Later texts change earlier ones. Without texts, all faults happen.

    Args:
        texts: The values of `--fault`, in order.
        known: The faults that can happen, with their usual rates.
        named: Those that happen only if they are named, with their usual rates.

    Raises:
        ValueError: A name is unknown, or a rate is out of range. The text says what is allowed.
    """
    rest = {**known, **(named or {})}
    rates = {} if texts and texts[0] not in ("all", "none") else dict(known)
    for text in texts:
        name, given, rate = text.partition("=")
        if name in ("all", "none") and not given:
            rates = dict(known) if name == "all" else {}
        elif name not in rest:
            raise ValueError(f"there is no fault `{name}` here; the faults are {', '.join(rest)}")
        else:
            rates[name] = _rate(name, rate) if given else rest[name]
    return Faults(rates)


def _rate(name: str, text: str) -> float:
    most = 60 if name in WORLD else 1
    try:
        rate = float(text)
    except ValueError:
        rate = -1
    if not 0 <= rate <= most:
        unit = "times an hour" if name in WORLD else "a share of all"
        raise ValueError(f"`{name}` is {unit}: a number from 0 to {most}")
    return rate
