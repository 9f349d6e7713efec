"""What is known of a request whose result does not come, and when credentials are renewed."""

import asyncio

import pytest

from connector.mapping.expression import Scope, compile_condition
from connector.outcome import Outcome
from connector.system import End
from connector.systems.ldap.call import LdapCall, LdapCallEntry
from connector.systems.ldap.client import LdapSystem
from connector.systems.ldap.entry import LdapSystemEntry
from connector.systems.ldap.place import Login, Place
from connector.systems.ldap.result import BadEntry, FoundEntry, LdapFailure, LdapResult, shown
from tests.support.ldap import add, search, send

LOST = LdapFailure("connection closed before the end of the reply", sent=True)
REFUSED = LdapFailure("the bind was refused", sent=False, code=49)
DONE = LdapResult(0)


class Newer:
    """Secrets that have always been rotated."""

    generation = 0

    async def renewed(self, since: int) -> bool:
        self.generation += 1
        return True


class Server:
    """Gives each connection, and then each request, the next of its answers.

    An answer to a connection is a refused bind, or None.
    """

    reusable = True

    def __init__(self, binds: list[LdapFailure | None], results: list[LdapResult | LdapFailure]):
        self._binds, self._results = binds, iter(results)
        self.connections = self.closed = 0

    def system(self) -> LdapSystem:
        entry = LdapSystemEntry.model_validate({"ldap": {"host": "h", "timeout": "5s"}})
        return LdapSystem(entry, {}, self.connect, Newer())

    async def connect(self, place: Place, login: Login | None) -> "Server":
        self.connections += 1
        if self._binds and (refused := self._binds.pop(0)):
            raise refused
        return self

    async def ask(self, call: LdapCall) -> LdapResult:
        answer = next(self._results)
        await asyncio.sleep(0)
        if isinstance(answer, LdapFailure):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


async def test_a_change_whose_result_is_lost_is_unknown_and_not_repeated() -> None:
    server = Server([], [LOST, DONE])
    reply = await send(server.system(), add())
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.UNKNOWN)
    assert (reply.attempts, server.connections, server.closed) == (1, 1, 1)


async def test_a_search_whose_result_is_lost_is_repeated_on_a_new_connection() -> None:
    server = Server([], [LOST, DONE])
    reply = await send(server.system(), search())
    assert (reply.outcome, reply.attempts, server.connections) == (Outcome.APPLIED, 2, 2)


async def test_a_change_that_may_have_been_made_is_not_sent_again_with_newer_credentials() -> None:
    """The bind of its repetition is refused; its first attempt may have been carried out."""
    change = LdapCallEntry.model_validate({"ldap_modify": "cn=x", "replace": {"sn": "a"}})
    server = Server([None, REFUSED], [LOST, DONE])
    reply = await send(server.system(), change.render(Scope({})))
    assert (reply.outcome, reply.end) == (Outcome.FAILED, End.UNKNOWN)
    assert server.connections == 2


async def test_after_a_lost_connection_no_other_that_waits_is_used() -> None:
    """The server has probably been restarted: all connections from before are dead."""
    server = Server([], [DONE, DONE, LOST, DONE])
    system = server.system()
    await asyncio.gather(send(system, search()), send(system, search()))
    assert (server.connections, server.closed) == (2, 0)
    reply = await send(system, search())
    assert (reply.outcome, server.connections, server.closed) == (Outcome.APPLIED, 3, 2)


async def test_newer_credentials_are_for_new_connections_only() -> None:
    """A server that ends a login refuses the requests of all connections that have it."""
    server = Server([], [DONE, LdapResult(49), DONE])
    system = server.system()
    await send(system, search())
    reply = await send(system, search())
    assert (reply.outcome, server.connections, server.closed) == (Outcome.APPLIED, 2, 1)


def test_a_value_that_is_not_text_is_not_read_as_another() -> None:
    with pytest.raises(BadEntry, match="`cn` has a value that is not text in UTF-8"):
        shown(FoundEntry("cn=a", {"cn": [b"a\xff"]}), ["cn"], [])


REPLIES = [
    (0, [], True),
    (0, ["an entry"], False),
    (32, None, True),
    *((code, None, False) for code in (1, 3, 4, 10, 50, 51, 52, 53, 80)),
]
"""Result code, entries, and whether they mean that the server holds no such entry."""


@pytest.mark.parametrize(("code", "entries", "absent"), REPLIES)
def test_only_an_empty_search_and_no_such_object_mean_that_there_is_no_entry(
    code: int, entries: list[str] | None, absent: bool
) -> None:
    condition = compile_condition(LdapCallEntry.convention.absent)
    assert condition.evaluate(Scope(reply={"code": code, "entries": entries})) is absent


@pytest.mark.parametrize("code", [3, 52, 80, 99])
async def test_a_change_after_which_the_server_is_in_doubt_is_unknown(code: int) -> None:
    reply = await send(Server([], [LdapResult(code)]).system(), add())
    assert (reply.outcome is not Outcome.APPLIED, reply.end) == (True, End.UNKNOWN)


async def test_a_server_that_takes_no_changes_now_is_tried_again_later() -> None:
    """slapd says so while its database can only be read."""
    reply = await send(Server([], [LdapResult(53)]).system(), add())
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.ANSWERED)
