"""Probes the external system of a mapping file: can it be reached, and does it let us in?

Nothing is changed there. The steps: the name, the connection, TLS, the login, and one read. Each
step that cannot be tried is told with its reason. See
docs/counterparts.md#probe-the-real-system.
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.call import Call
from connector.event import parse
from connector.mapping.schema import MappingFile
from connector.mapping.setting_values import SettingValues
from connector.outcome import Outcome, Refusal
from connector.plan.planner import plan
from connector.plan.step import Talk, next_call
from connector.settings import BadSettings, read
from connector.startup import function_secrets
from connector.system import System, Turn
from connector.systems.causes import cause_of
from connector.systems.connect import NoConnection, connect
from connector_tools.mapping_tests.events import event_of
from connector_tools.probe_systems import NoLogin, Probed, Target, opened, probed
from connector_tools.quiet import quiet
from connector_tools.reading import ReadOnly

_SECONDS = 30.0  # for the read
_DAYS = 30  # a certificate that ends earlier is worth a word
_MENDS = {
    "name not found": "correct {key}, or let this machine ask the name server that knows the name",
    "connection refused": "correct the port in {key}; does the system run, and listen there?",
    "unreachable|no answer|no connection within": "let a firewall or a route admit this machine",
    "does not speak TLS": "correct scheme or port in {key}: TLS is wanted, and the port has none",
    "unknown authority": "give the authority's certificate: `tls.ca`, or SSL_CERT_FILE",
    "for another name": "use in {key} the name that the certificate has",
    "has expired|is not valid yet|was revoked": "the system needs another certificate",
    "client certificate|connector's certificate": "give `tls.certificate` and `tls.key` for it",
    "within .* s": "the system is slow or silent: raise `timeout`, or ask its operator",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a probe.

    `passed` is None if it was not tried; `text` says what was found, or why it was not tried.
    `took` is in seconds. `mend` says what to do after a failure.
    """

    name: str
    passed: bool | None
    text: str
    took: float | None = None
    mend: str = ""


class _Failed(Exception):  # noqa: N818 - the end of one step
    """A step failed: the cause, and the mend."""

    def __init__(self, cause: str, mend: str) -> None:
        super().__init__(cause)
        self.mend = mend


async def probe(mapping: MappingFile, environ: Mapping[str, str]) -> AsyncIterator[Step]:
    """Yield the steps, each as soon as it has ended.

    Raises:
        BadSettings: the settings or secrets of this environment are missing or wrong.
        SecretsUnreachable: the secrets cannot be read.
    """
    with quiet():
        found, values, took = await _settings(mapping, environ)
        names = len(mapping.settings)
        yield Step("settings", True, f"{names} read from the environment and the secrets", took)
        async for step in _reached(mapping, found, values):
            yield step


async def _settings(
    mapping: MappingFile, environ: Mapping[str, str]
) -> tuple[Probed, SettingValues, float]:
    """The system, and the values of its settings as the function reads them."""
    began = time.perf_counter()
    secrets = function_secrets(read(environ), [mapping], environ)
    async with secrets:
        values = SettingValues(mapping, environ, secrets)
        values.check()
        found = probed(mapping, dict(values), None)
    return found, values, time.perf_counter() - began


async def _reached(
    mapping: MappingFile, found: Probed, values: SettingValues
) -> AsyncIterator[Step]:
    reached = True
    for target in found.targets:
        async for step in _target(target):
            reached = reached and step.passed is not False
            yield step
    if not reached:
        yield Step("login", None, "not tried, because the steps before it failed")
        yield Step("read", None, "not tried, because the steps before it failed")
        return
    try:
        async with opened(found) as client:
            login = await _logged_in(mapping, found)
            yield login
            if login.passed is False:
                yield Step("read", None, "not tried, because the login failed")
            else:
                yield await _read(mapping, client, dict(values))
    except BadSettings as bad:
        yield Step("login", False, str(bad), mend="correct this setting")


async def _target(target: Target) -> AsyncIterator[Step]:
    """The steps to a server: its name, the connection, TLS."""
    about = f"{target.what}, {target.host}:{target.port}"
    steps = [("name", _resolve), ("connection", _connect), ("TLS", _handshake)]
    failed = False
    for name, act in steps:
        if name == "TLS" and target.tls is None:
            why = "begins at the login" if target.later else "the mapping file wants none"
            yield Step(name, None, f"not tried ({about}): {why}")
        elif failed:
            yield Step(name, None, f"not tried ({about}), because the step before it failed")
        else:
            step = await _timed(name, act(target), about)
            failed = step.passed is False
            yield step


async def _timed(name: str, act: Awaitable[str], about: str = "") -> Step:
    began = time.perf_counter()
    place = f"{about}: " if about else ""
    try:
        text = await act
    except _Failed as failed:
        took = time.perf_counter() - began
        return Step(name, False, f"{place}{failed}", took, failed.mend)
    return Step(name, True, f"{place}{text}", time.perf_counter() - began)


async def _resolve(target: Target) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.within):
            found = await loop.getaddrinfo(target.host, target.port)
    except TimeoutError:
        cause = f"name not found within {target.within:g} s"
        raise _Failed(cause, _mend(cause, target)) from None
    except (OSError, UnicodeError) as error:
        raise _Failed(cause_of(error), _mend(cause_of(error), target)) from None
    return ", ".join(dict.fromkeys(str(address[4][0]) for address in found))


async def _connect(target: Target) -> str:
    await _opened(replace(target, tls=None))
    return "connected"


async def _handshake(target: Target) -> str:
    return await _opened(target)


class _Watch(asyncio.Protocol):
    """Keeps the transport above TLS."""

    transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = transport


async def _opened(target: Target) -> str:
    """Connect and close; the version of TLS and the end of the certificate."""
    place = target.host, target.port
    try:
        watch, below = await connect(_Watch, place, target.within, target.tls)
    except NoConnection as error:
        raise _Failed(str(error), _mend(str(error), target)) from None
    try:
        return _of_tls(watch.transport)
    finally:
        below.abort()


def _of_tls(transport: asyncio.BaseTransport | None) -> str:
    spoken = transport.get_extra_info("ssl_object") if transport else None
    if spoken is None:
        return ""
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(spoken.getpeercert()["notAfter"]), UTC)
    days = (ends - datetime.now(UTC)).days
    soon = f", which is in {days} days" if days < _DAYS else ""
    return f"{spoken.version()}, the certificate is valid until {ends:%Y-%m-%d}{soon}"


def _mend(cause: str, target: Target) -> str:
    for pattern, mend in _MENDS.items():
        if re.search(pattern, cause):
            return mend.format(key=target.key)
    return f"check {target.key} and the network"


async def _logged_in(mapping: MappingFile, found: Probed) -> Step:
    log_in = found.log_in
    if log_in is None:
        return Step("login", None, f"not tried: {found.no_login}")

    async def act() -> str:
        try:
            await log_in()
        except NoLogin as error:
            raise _Failed(str(error), _mend_login(mapping, found, error)) from None
        return "the system let the connector in"

    return await _timed("login", act())


def _mend_login(mapping: MappingFile, found: Probed, error: NoLogin) -> str:
    return _mend_secret(mapping) if error.refused else _mend(str(error), found.targets[-1])


def _mend_secret(mapping: MappingFile) -> str:
    names = [str(setting.secret) for setting in mapping.settings.values() if setting.secret]
    return f"check the user and {' and '.join(names) or 'its secret'}"


async def _read(mapping: MappingFile, client: System, values: dict[str, Any]) -> Step:
    """Send one read that the mapping file makes for an event of its own tests."""
    found = next(_reads(mapping, values), None)
    if found is None:
        why = "no rule begins with a read for an event of the file's tests"
        return Step("read", None, f"not tried: {why}; nothing else is sent")
    talk, call = found
    return await _timed("read", _asked(mapping, client, talk, call))


def _reads(mapping: MappingFile, values: dict[str, Any]) -> Iterator[tuple[Talk, Call]]:
    """The first calls of plans that only read."""
    for case in mapping.tests:
        if case.outcome is not Outcome.APPLIED:
            continue
        try:
            steps = plan(parse(event_of(mapping, case)), mapping, values).steps
            talk = steps[0].talk({}) if steps and steps[0].reads else None
            call = next(talk, None) if talk else None
        except (Refusal, ValueError):  # with the settings of this environment it ends early
            continue
        if talk and call and call.read_only:
            yield talk, call


async def _asked(mapping: MappingFile, client: System, talk: Talk, call: Call) -> str:
    now = asyncio.get_running_loop().time()
    turn = Turn(now + _SECONDS, patience=now + _SECONDS / 2, read_only=True)
    try:
        reply = await ReadOnly(client).send(call, turn)
    finally:
        client.leave(turn)
    cause = reply.cause or "a reply"
    try:
        next_call(talk, reply)
    except Refusal as refusal:
        told = f"{refusal.result.reason or refusal.result.outcome}: {cause}"
        other = "compare address and rights with the system's documentation"
        raise _Failed(told, _mend_secret(mapping) if reply.refused else other) from None
    finally:
        talk.close()
    return f"{call.method} for an event of the file's tests: {cause}"
