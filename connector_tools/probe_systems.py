"""Where the system of a mapping file is, and how to log in there, for each protocol.

`connector_tools.probe` uses it. A room is imported only if the mapping file names its protocol.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connector.mapping.expression import Scope, formed
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome
from connector.system import Reply, System

_SYSTEM = "the system"
Values = Mapping[str, Any]
LogIn = Callable[[], Awaitable[None]]
"""Logs in once, and ends what it began; raises `NoLogin`."""


class NoLogin(Exception):  # noqa: N818 - an answer of the system, not a bug
    """The login failed; the text is the cause. `refused` is true if the system refused it."""

    def __init__(self, cause: str, *, refused: bool = False) -> None:
        super().__init__(cause)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Target:
    """A server to reach. `what` names it; `key` is the place in the mapping file that names it.

    With `tls`, TLS begins with the connection; with `later`, only after the protocol has asked for
    it, so that the login is the test of TLS. `within` is in seconds.
    """

    what: str
    key: str
    host: str
    port: int
    within: float
    tls: ssl.SSLContext | None = None
    later: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    """A system that can be probed.

    `client` sends calls; it must be open before `log_in`. That is None if there is no login of its
    own; `no_login` then says why.
    """

    targets: tuple[Target, ...]
    client: System
    log_in: LogIn | None = None
    no_login: str = ""


def probed(mapping: MappingFile, values: Values, renewal: Any) -> Probed:
    """The system of a mapping file, with the values of its settings.

    Raises:
        BadSettings: a value cannot be used.
    """
    client = mapping.protocol.client(mapping.system, values, renewal)
    kinds = {
        "http": _http,
        "soap": _http,
        "ldap": _ldap,
        "smtp": _smtp,
        "sql": _sql,
        "line": _line,
        "ctrl": _ctrl,
    }
    return kinds[mapping.protocol.name](mapping.system, values, client)


def _http(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.http.client import configure  # noqa: PLC0415 - one room is imported
    from connector.systems.trust import Trust  # noqa: PLC0415 - as above

    key = f"system.{entry.protocol}"
    config = configure(entry.server, values)
    protocols = ("h2",) if entry.server.http2 else ()
    trust = Trust(entry.server.tls, values, protocols=protocols)
    urls = [(_SYSTEM, f"{key}.base_url", config.base_url), *_endpoints(entry, values, key)]
    targets = tuple(_http_target(*url, config.connect_timeout, trust) for url in urls)
    auth = entry.server.auth
    if auth is None:
        return Probed(targets, client, no_login="the mapping file has no `auth`")
    if auth.session is None or auth.wsse:
        return Probed(targets, client, no_login="the credentials go with each request")
    session = _session_client(entry, values)
    return Probed(targets, session, session.log_in)


def _endpoints(entry: Any, values: Values, key: str) -> Iterator[tuple[str, str, str]]:
    """The token endpoint, if there is one."""
    auth = entry.server.auth
    kind = auth and (auth.oauth2 or auth.assertion)
    if kind:
        from connector.systems.http.session.entry import endpoint  # noqa: PLC0415 - as above

        name = "oauth2" if auth.oauth2 else "assertion"
        url = formed(kind.url, Scope(settings=values), endpoint)
        yield "the token endpoint", f"{key}.auth.{name}.url", url


def _http_target(what: str, key: str, url: str, within: float, trust: Any) -> Target:
    import httpx  # noqa: PLC0415 - as above

    from connector.systems.http.proxy import port_of, proxy_for  # noqa: PLC0415 - as above

    parsed = httpx.URL(url)
    proxy = proxy_for(parsed)
    if proxy:
        what = f"the proxy of the environment before {what}"
        return Target(what, "the environment's proxy", proxy.url.host, port_of(proxy.url), within)
    tls = trust.context() if parsed.scheme == "https" else None
    return Target(what, key, parsed.host, port_of(parsed), within, tls)


def _session_client(entry: Any, values: Values) -> Any:
    from connector.systems.http.session.client import SessionSystem  # noqa: PLC0415 - as above

    class _Session(SessionSystem):
        """A client whose login can be asked for; the session is kept for calls."""

        async def log_in(self) -> None:
            until = asyncio.get_running_loop().time() + self._config.timeout
            found = await self._keeper.session(until)
            if isinstance(found, Reply):
                refused = found.outcome is Outcome.FAILED  # it answered, and not as it should
                raise _no_login(self._hidden(found), refused=refused)

    return _Session(entry, values)


def _ldap(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.ldap.outcomes import of_code  # noqa: PLC0415 - one room is imported
    from connector.systems.ldap.place import login_of, place_of  # noqa: PLC0415 - as above
    from connector.systems.ldap.result import LdapFailure  # noqa: PLC0415 - as above
    from connector.systems.ldap.wire import open_connection  # noqa: PLC0415 - as above

    place, login = place_of(entry.ldap, values), login_of(entry.ldap, values)
    tls, later = (place.context if place.tls == "ldaps" else None), place.tls == "starttls"

    async def log_in() -> None:
        try:
            (await open_connection(place, login)).close()
        except LdapFailure as failure:
            means = None if failure.code is None else of_code(failure.code)
            told = f": LDAP {failure.code} {means.name}" if means else ""
            raise NoLogin(f"{failure}{told}", refused=bool(means and means.refused)) from None

    at = (place.host, place.port, place.connect_timeout)
    target = Target(_SYSTEM, "system.ldap.host", *at, tls, later)
    if login or later:
        return Probed((target,), client, log_in)
    return Probed((target,), client, no_login="the mapping file has no `bind_dn`")


def _smtp(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.connect import NoConnection  # noqa: PLC0415 - one room is imported
    from connector.systems.smtp.client import SmtpSystem  # noqa: PLC0415 - as above
    from connector.systems.smtp.server import (  # noqa: PLC0415 - as above
        Lost,
        NotOffered,
        Refused,
        Server,
    )
    from connector.systems.smtp.wire import open_connection  # noqa: PLC0415 - as above

    class _Mail(SmtpSystem):
        """A client that says where it would connect."""

        def server(self) -> Server:
            return self._server()

    server = _Mail(entry, values, open_connection).server()

    async def log_in() -> None:
        try:
            (await open_connection(server)).close()
        except Refused as error:
            raise NoLogin(str(error), refused=error.answer.refuses_login) from None
        except (NoConnection, Lost, NotOffered) as error:
            raise NoLogin(str(error)) from None

    tls, later = (server.tls if server.at_once else None), bool(server.tls and not server.at_once)
    at = (server.host, server.port, server.within)
    target = Target(_SYSTEM, "system.smtp.host", *at, tls, later)
    return Probed((target,), client, log_in)


def _sql(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.sql.client import driver, place  # noqa: PLC0415 - one room is imported
    from connector.systems.sql.connection import Lost, Refused  # noqa: PLC0415 - as above
    from connector.systems.sql.outcomes import reply_to  # noqa: PLC0415 - as above

    at, connect = place(entry.sql, values), driver(entry.sql.driver)

    async def log_in() -> None:
        try:
            (await connect(at)).close()
        except Refused as refused:
            reply = reply_to(refused)
            raise _no_login(reply, refused=reply.refused) from None
        except Lost as lost:
            raise NoLogin(str(lost)) from None

    later = at.tls is not None
    where = (at.host, at.port, at.connect_timeout)
    target = Target(_SYSTEM, "system.sql.host", *where, None, later)
    return Probed((target,), client, log_in)


def _line(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.line.config import configure  # noqa: PLC0415 - one room is imported
    from connector.systems.line.login import Login, NotReady  # noqa: PLC0415 - as above
    from connector.systems.trust import Trust  # noqa: PLC0415 - as above

    line, config = entry.line, configure(entry.line, values)
    trust = Trust(None if isinstance(line.tls, bool) else line.tls, values, "system.line.tls")
    tls = trust.context() if line.tls else None

    async def log_in() -> None:
        try:
            (await Login(entry, config, values, lambda: tls, None).connection()).close()
            await asyncio.sleep(0)  # so that the logout is sent
        except NotReady as error:
            refused = error.reply.outcome is Outcome.FAILED
            raise _no_login(error.reply, refused=refused) from None

    target = Target(_SYSTEM, "system.line.host", *config.place, config.connect_timeout, tls)
    if line.login or line.greeting is not None:
        return Probed((target,), client, log_in)
    return Probed((target,), client, no_login="the mapping file has no `login`")


def _ctrl(entry: Any, values: Values, client: System) -> Probed:
    from connector.systems.ctrl.client import configure  # noqa: PLC0415 - one room is imported

    config = configure(entry.ctrl, values)
    at = (config.host, config.port, config.connect_timeout)
    target = Target(_SYSTEM, "system.ctrl.host", *at)
    return Probed((target,), client, no_login="the control interface has no login")


def _no_login(reply: Reply, *, refused: bool) -> NoLogin:
    """The failure of a login that ended with this reply."""
    told = reply.reason or reply.cause or reply.outcome.value
    cause = f"{told} ({reply.cause})" if reply.cause and reply.cause not in told else told
    return NoLogin(cause, refused=refused)


@asynccontextmanager
async def opened(found: Probed) -> AsyncIterator[System]:
    """The client of a system that is probed, ready for calls."""
    async with found.client as client:
        yield client
