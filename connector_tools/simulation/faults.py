"""What can go wrong, by name, and how often; each is a switch of `connector simulate`."""

from collections.abc import Mapping
from dataclasses import dataclass

# Share of the requests that it happens to at the network.
NETWORK = {
    "slow": 0.05,  # answers late, but in time
    "timeout": 0.01,  # nothing done, no answer in time
    "late": 0.01,  # done at once, no answer in time
    "overdue": 0.005,  # done only after the connector gave up
    "drop": 0.01,  # connection closed, nothing done
    "drop-after": 0.01,  # connection closed after it was done
    "throttle": 0.02,  # 429, with and without Retry-After
    "error": 0.02,  # 500 or 503
    "error-after": 0.01,  # 500 after it was done
    "refusal": 0.01,  # 200 with an error inside
    "garbage": 0.01,  # a body that is none, done or not
}
# Share of the events that it happens to at NSPS.
NSPS = {
    "duplicate": 0.05,  # posted twice: at once, or up to days apart
    "reorder": 0.2,  # up to minutes late
    "delay": 0.005,  # days late
    "stale": 0.02,  # enriched, then hours on the way
    "replay": 0.02,  # an old event is replayed by hand, enriched afresh
}
# Times an hour.
WORLD = {
    "outage": 0.5,  # the network is down for minutes
    "maintenance": 0.1,  # NSPS holds all events for an hour or two, then releases them at once
    "credentials": 0.3,  # the network takes a new token only
    "kill": 2.0,  # an instance is killed, another one starts
    "ledger": 1.0,  # the ledger is slow or cannot be reached for a while
}
ALL = NETWORK | NSPS | WORLD
# What happens to a deployment that is not ours to break.
DEPLOYED = NSPS | {"maintenance": WORLD["maintenance"]}


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each happens; one that is not named never does."""

    rates: dict[str, float]

    def __getitem__(self, name: str) -> float:
        """How often."""
        return self.rates.get(name, 0.0)


def read(texts: list[str], known: Mapping[str, float] = ALL) -> Faults:
    """From `all`, `none`, `name` or `name=rate`, later ones on top; nothing is `all`.

    `known` are those that can happen.

    Raises:
        ValueError: a name or a rate that makes no sense.
    """
    rates = {} if texts and texts[0] not in ("all", "none") else dict(known)
    for text in texts:
        name, given, rate = text.partition("=")
        if name in ("all", "none") and not given:
            rates = dict(known) if name == "all" else {}
        elif name not in known:
            raise ValueError(f"there is no fault `{name}` here; the faults are {', '.join(known)}")
        else:
            rates[name] = _rate(name, rate) if given else known[name]
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
