"""The external system of a mapping file, real or a stand-in, as all tools use it.

`connector simulate mapping` and `connector run` start it, let the function work with it, and
compare what it holds with billing. The module of a counterpart names its class as `COUNTERPART`;
that of `mappings/open5gs.yaml` is `open5gs.py`, that of `hss-ldap.yaml` is `hss_ldap.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

Record = Mapping[str, Any]
"""What a system holds for one SIM or account, in the words of billing.

    served    True if the subscriber has service
    number    the phone number as digits, or None
    product   the name of the product, found from the profile, plan or speed that the system holds
    addons    the names of the add-ons in effect, sorted
    throttled True if the data quota is used up
    account   i_account as a number
    email     the address of the subscriber
    name      first and last name with a blank between them

A record has only the words that the system knows.
"""


class Counterpart(ABC):
    """An external system for one mapping file; use it as a context manager.

    `folder` is an empty folder for its files.
    """

    mapping: ClassVar[str]
    """The name of the mapping file in `mappings/`, without `.yaml`."""
    what: ClassVar[str]
    """What it is, for the report, such as `a real slapd` or `a stand-in of the web UI's API`."""
    by: ClassVar[Literal["imsi", "account", "nothing"]] = "imsi"
    """What the keys of `holds` are: IMSIs, or i_account as text; a system that only receives
    messages holds nothing."""
    outages: ClassVar[tuple[str, ...]] = ()
    """The names of outages that `begin` knows, such as `stopped`, `suspended`, `killed`, `full`.
    Whatever has none is cut off from the network instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wrong: list[str] = []
        self.not_promised: list[str] = []
        """What happened and is no failure, because at such a system the connector cannot prevent
        it; sentences as in `wrong`."""

    @property
    def wrong(self) -> list[str]:
        """What the connector did and must never do; a counterpart adds to it.

        They are sentences without personal data, such as "two messages for one event".
        """
        self._wrong.extend(found for found in self.doubles() if found not in self._wrong)
        return self._wrong

    @wrong.setter
    def wrong(self, notes: list[str]) -> None:
        self._wrong = notes

    def by_hand(self) -> list[str]:
        """Commands with which a person can ask the system, for `connector run`."""
        return []

    def doubles(self) -> list[str]:
        """What is found wrong only by looking, such as in the log of a real program."""
        return []

    def __enter__(self) -> Self:
        """Start it, and wait until it answers.

        Raises:
            NotInstalled: a program is not on this machine; the text says how to get it.
            DidNotStart: it does not start; the text has the end of its log.
        """
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it, in whatever state it is."""
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """See `__enter__`."""

    @abstractmethod
    def stop(self) -> None:
        """See `__exit__`."""

    @property
    @abstractmethod
    def place(self) -> tuple[str, int]:
        """Address and port where it listens."""

    @abstractmethod
    def variables(self, host: str, port: int) -> dict[str, str]:
        """The environment of a function that reaches it at this address: settings and secrets.

        The address is not always `place`: a simulation stands between the two.
        """

    @abstractmethod
    def holds(self) -> dict[str, Record]:
        """What it holds, by the keys that `by` names; asked of the system itself, not of a copy."""

    def begin(self, outage: str) -> None:
        """Begin an outage of `outages`; what it holds stays."""
        raise ValueError(f"{self.what} has no outage `{outage}`")

    def end(self) -> None:  # noqa: B027 - by default there is nothing to end
        """End the outage that was begun; do nothing if there is none."""

    def rotate(self) -> dict[str, str]:
        """Accept only new credentials from now on; returns the secrets that changed, by name."""
        return {}
