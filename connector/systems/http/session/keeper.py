"""A session at the external system: one login for all events that wait for it.

A login runs in a task of its own, so an event that no longer waits does not end it. While the old
session still lives, the new one is made in the background and nobody waits. After a login that
failed, the next one is tried after a pause; until then all events get the same reply.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field, replace
from logging import INFO, WARNING
from math import inf
from typing import Any

import httpx

from connector import log
from connector.outcome import Outcome
from connector.system import End, Renewal, Reply

_FIRST_PAUSE = 1.0  # seconds after a login that failed; doubled each time
_LONGEST_PAUSE = 60.0
_LAST_LOGIN = 2.0  # seconds that the stop waits for a login
_MARGIN = 0.1  # of a session's life; it is renewed when that much is left,
_LONGEST_MARGIN = 60.0  # or that many seconds
_MOST_IN_VAIN = 2  # sessions in a row that the system refuses from their beginning
_KEPT = 3  # sessions whose secrets are hidden: replies to earlier calls may still quote them
_SHORTEST_SECRET = 4  # characters; hiding shorter text would hide common words
_LATE = Reply(
    Outcome.UNAVAILABLE,
    "API Core did not answer the login in time",
    cause="the login takes too long",
    end=End.NOT_SENT,
)


@dataclass(slots=True)
class Session:
    """What a login gave.

    `values` are for expressions, `base_url` is for calls if it is not None. `refresh` is the
    refresh token, `lifetime` is in seconds. `worked` is true once the system accepted a call.
    """

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    base_url: str | None = field(default=None, repr=False)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, repr=False)
    refresh: str | None = field(default=None, repr=False)
    lifetime: float = inf
    worked: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """All texts of the session that must not be shown."""
        found = [*self.values.values(), self.base_url, self.refresh]
        found += [cookie.value for cookie in self.cookies.jar]
        texts = [str(value) for value in found if value is not None]
        return tuple(text for text in texts if len(text) >= _SHORTEST_SECRET)


LogIn = Callable[[Session | None], Awaitable[Session | Reply]]
"""Logs in; it gets the session before, for its refresh token. A Reply says why there is none."""


class Keeper:
    """Keeps the session of one client, and renews it. `log_in` never raises."""

    def __init__(self, log_in: LogIn, renewal: Renewal | None) -> None:
        self.secrets: tuple[str, ...] = ()
        self._log_in = log_in
        self._renewal = renewal
        self._session: Session | None = None
        self._last: Session | None = None
        self._renew_at = self._ends = 0.0
        self._failure: Reply | None = None
        self._failures = 0
        self._pause_ends = 0.0
        self._generation = -1  # of the secrets that the last login used
        self._known: deque[tuple[str, ...]] = deque(maxlen=_KEPT)
        self._login: asyncio.Task[Session | Reply] | None = None

    async def session(self, until: float) -> Session | Reply:
        """The session; or, if there is none, the reply for the call that needs it.

        It waits for a login until the time `until` of the event loop's clock.
        """
        now = _now()
        if self._session and now < self._renew_at and not self._outdated:
            return self._session
        login = self._begun(now)
        if self._session and now < self._ends:
            return self._session
        if login is None:
            return self._paused(now)
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.shield(login)
        except TimeoutError:
            return _LATE

    def accepted(self, session: Session) -> None:
        """Note that the system accepted a call with a session."""
        session.worked = True
        self._failures = 0

    def refused(self, session: Session) -> bool:
        """Note that the system refused a call with a session; whether to try with another one.

        After several sessions in a row that never worked, the last one stays until a pause has
        ended: another login would not help. Calls that are refused meanwhile do not prolong it.
        """
        if session is not self._session:
            return True
        if not session.worked:
            if _now() < self._pause_ends and not self._under_way:
                return False
            self._failures += 1
        if session.worked or self._failures < _MOST_IN_VAIN or self._under_way:
            self._session = None
            return True
        self._wait()
        return False

    def learn(self, session: Session) -> None:
        """Hide the secrets of a session from now on; call it again when they change."""
        if session.secrets not in self._known:
            self._known.append(session.secrets)
        self.secrets = tuple({text for texts in self._known for text in texts})

    async def close(self) -> Session | None:
        """Wait for a login that is under way, but not long; returns the session that is left.

        The system would keep the session of a login that is cut off, and nobody would log out.
        """
        if self._login:
            await asyncio.wait((self._login,), timeout=_LAST_LOGIN)
            self._login.cancel()
            await asyncio.wait((self._login,))
        return self._session

    @property
    def _under_way(self) -> bool:
        return self._login is not None and not self._login.done()

    @property
    def _outdated(self) -> bool:
        """True if the secrets were rotated after the login."""
        return self._renewal is not None and self._renewal.generation != self._generation

    def _begun(self, now: float) -> asyncio.Task[Session | Reply] | None:
        """The login that is under way, or a new one; None during the pause after a failure."""
        if self._under_way:
            return self._login
        if now < self._pause_ends and not self._outdated:
            return None
        # The ids of the event that happens to be first must not be in the lines of the login.
        self._login = asyncio.create_task(self._logged_in(), context=Context())
        return self._login

    def _paused(self, now: float) -> Reply:
        failure = self._failure or _LATE
        return replace(failure, retry_after=failure.retry_after or self._pause_ends - now)

    async def _logged_in(self) -> Session | Reply:
        started = _now()
        found = await self._attempts()
        took = round((_now() - started) * 1000, 1)
        if isinstance(found, Reply):
            self._failures += 1
            self._failure = found
            self._wait()
            log.write(WARNING, "login failed", cause=found.cause, milliseconds=took)
            return found
        self._failure, self._pause_ends = None, 0.0
        self.learn(found)
        self._session = self._last = found
        self._ends = started + found.lifetime
        self._renew_at = self._ends - min(found.lifetime * _MARGIN, _LONGEST_MARGIN)
        log.write(INFO, "logged in", milliseconds=took)
        return found

    async def _attempts(self) -> Session | Reply:
        """Log in; if the system refuses the secrets and there are newer ones, once more."""
        self._generation = used = self._renewal.generation if self._renewal else -1
        found = await self._log_in(self._last)
        if not isinstance(found, Reply) or found.outcome is not Outcome.FAILED:
            return found
        if self._renewal is None or not await self._renewal.renewed(used):
            return found
        self._generation = self._renewal.generation
        return await self._log_in(None)

    def _wait(self) -> None:
        """Begin a pause; the next login is tried after it."""
        pause = _FIRST_PAUSE * 2 ** min(self._failures - 1, 10)
        self._pause_ends = _now() + min(pause, _LONGEST_PAUSE)
        self._renew_at = min(self._renew_at, self._pause_ends)


def _now() -> float:
    return asyncio.get_running_loop().time()
