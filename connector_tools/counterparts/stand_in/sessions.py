"""Who is logged in at a system."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4


class NotAllowed(Exception):  # noqa: N818 - an answer to the caller
    """The user name or the password is wrong."""


class TooMany(Exception):  # noqa: N818 - an answer to the caller
    """The user has as many sessions as the system allows."""


@dataclass
class Sessions:
    """The sessions of one user.

    A session ends `lifetime` seconds after its login (None: never), with a logout, or when a test
    calls `end_all`. At most `limit` live at once; one more login is refused, or ends the oldest
    one. `now` is the clock; tests move it with `later`. All counters count from the start.
    """

    username: str = "connector"
    password: str = "pass-" + uuid4().hex
    lifetime: float | None = None
    limit: int | None = None
    when_full: Literal["refuse", "end the oldest"] = "refuse"
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.logins = 0
        self.refused_logins = 0
        self.logouts = 0
        self.most = 0
        self.refused = 0  # requests with a session that is not alive, or without one
        self.all_names: list[str] = []  # of all sessions, also those that ended
        self._alive: dict[str, float] = {}  # the session's name -> when it began
        self._later = 0.0

    @property
    def live(self) -> int:
        """How many sessions are alive."""
        self._end_old()
        return len(self._alive)

    def login(self, username: str | None, password: str | None) -> str:
        """Begin a session; returns its name.

        Raises:
            NotAllowed: the credentials are wrong.
            TooMany: there are too many sessions.
        """
        if (username, password) != (self.username, self.password):
            self.refused_logins += 1
            raise NotAllowed
        if self.limit is not None and self.live >= self.limit:
            if self.when_full == "refuse":
                self.refused_logins += 1
                raise TooMany
            del self._alive[next(iter(self._alive))]
        name = uuid4().hex
        self._alive[name] = self._time()
        self.all_names.append(name)
        self.logins += 1
        self.most = max(self.most, len(self._alive))
        return name

    def alive(self, name: str | None) -> bool:
        """Whether a session of this name is alive; nothing is counted."""
        self._end_old()
        return name in self._alive

    def check(self, name: str | None) -> bool:
        """Whether a request with this session is let in; a refusal is counted."""
        alive = self.alive(name)
        self.refused += not alive
        return alive

    def logout(self, name: str) -> None:
        """End a session that is alive."""
        del self._alive[name]
        self.logouts += 1

    def end_all(self) -> None:
        """End all sessions, as a restart of the system does."""
        self._alive.clear()

    def later(self, seconds: float) -> None:
        """Let time pass for the sessions."""
        self._later += seconds

    def _time(self) -> float:
        return self.now() + self._later

    def _end_old(self) -> None:
        if self.lifetime is not None:
            oldest = self._time() - self.lifetime
            self._alive = {name: at for name, at in self._alive.items() if at > oldest}
