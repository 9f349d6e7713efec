"""The client over SQL with a connection that a test plays: transactions, repeats, ends."""

import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome
from connector.settings import BadSettings
from connector.system import End, Reply, Turn
from connector.systems.sql.call import SqlCall, Values
from connector.systems.sql.client import SqlSystem, driver, place
from connector.systems.sql.connection import Lost, Place, Refused, Result
from connector.systems.sql.entry import Sql, SqlSystemEntry
from connector.systems.sql.outcomes import MEANINGS, NUMBERS, SQLSTATES, kind_of, reply_to
from connector.systems.sql.statement import Statement, statement
from tests.support.calls import turn_of

DATABASE = {
    "driver": "postgresql",
    "host": "db.test",
    "database": "radius",
    "user": "connector",
    "password": "secret",
    "timeout": "1s",
}
READ = SqlCall("", "SELECT", "t", read_only=True, statement=statement("select a from t"))
WRITE = SqlCall("", "INSERT", "t", statement=statement("insert into t values (1)"))
Played = Exception | Callable[[], Any]


@dataclass
class PlayedConnection:
    """Notes what it is asked, and raises what `plays` has for the next request of that name."""

    notes: list[str]
    plays: dict[str, list[Played]]
    reusable: bool = True

    async def begin(self, *, read_only: bool) -> None:
        await self.played("begin read only" if read_only else "begin")

    async def mark(self) -> None:
        await self.played("mark")

    async def run(self, statement: Statement, values: Values) -> Result:
        await self.played(statement.verb)
        return Result([{"a": 1}], 1)

    async def back(self) -> None:
        await self.played("back")

    async def commit(self) -> None:
        await self.played("commit")

    def close(self) -> None:
        self.reusable = False
        self.notes.append("close")

    async def played(self, name: str) -> None:
        self.notes.append(name)
        plays = self.plays.get(name)
        play = plays.pop(0) if plays else None
        if isinstance(play, Exception):
            raise play
        if play:
            await play()


@dataclass
class World:
    plays: dict[str, list[Played]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    async def connect(self, place: Place) -> PlayedConnection:
        self.notes.append("connect")
        plays = self.plays.get("connect")
        if plays:
            play = plays.pop(0)
            assert isinstance(play, Exception)
            raise play
        return PlayedConnection(self.notes, self.plays)

    def system(self, **keys: Any) -> SqlSystem:
        entry = SqlSystemEntry.model_validate({"sql": {**DATABASE, **keys}})
        return SqlSystem(entry, {}, connect=self.connect)


async def ended(system: SqlSystem, *calls: SqlCall, turn: Turn | None = None) -> list[Reply]:
    """The replies to calls of one turn, and to its commit if all were applied."""
    turn = turn or turn_of(5)
    replies = []
    for call in calls:
        replies.append(await system.send(call, turn))
        if replies[-1].outcome is not Outcome.APPLIED:
            break
    else:
        assert turn.transaction
        replies.append(await turn.transaction.commit())
    system.leave(turn)
    return replies


async def test_a_turn_is_one_transaction_on_one_connection() -> None:
    world = World()
    async with world.system() as system:
        await ended(system, READ, WRITE, WRITE)
        await ended(system, READ)
    one = "begin select mark insert mark insert commit"
    assert world.notes == ["connect", *one.split(), "begin", "select", "commit", "close"]


async def test_a_refused_reading_that_the_mapping_accepts_undoes_nothing_before_it() -> None:
    world = World({"select": [Refused("22P02")]})
    accepting = replace(READ, accept=frozenset({"data"}))
    async with world.system() as system:
        replies = await ended(system, WRITE, accepting, WRITE)
    assert [reply.outcome for reply in replies] == [Outcome.APPLIED] * 4
    one = "begin insert mark select back insert commit"
    assert world.notes == ["connect", *one.split(), "close"]


async def test_a_turn_that_may_only_read_begins_so() -> None:
    world, turn = World(), turn_of(5)
    turn.read_only = True
    async with world.system() as system:
        await ended(system, READ, turn=turn)
    assert "begin read only" in world.notes


async def test_a_turn_without_a_commit_is_undone() -> None:
    world, turn = World(), turn_of(5)
    async with world.system() as system:
        await system.send(WRITE, turn)
        system.leave(turn)
        assert world.notes[-2:] == ["insert", "close"]
        assert turn.transaction
        assert not turn.transaction.lasting


async def test_the_first_call_is_sent_again_after_a_lost_connection() -> None:
    world = World({"insert": [Lost("connection reset")]})
    async with world.system() as system:
        first, commit = await ended(system, WRITE)
    assert (first.outcome, first.attempts) == (Outcome.APPLIED, 2)
    assert commit.outcome is Outcome.APPLIED
    assert world.notes.count("connect") == 2


async def test_a_later_call_is_never_sent_again() -> None:
    world = World({"insert": [Lost("connection reset")]})
    async with world.system() as system:
        _, reply = await ended(system, READ, WRITE)
    assert (reply.outcome, reply.attempts) == (Outcome.UNAVAILABLE, 1)
    assert not reply.unknown
    assert reply.cause == "connection reset"


async def test_a_refused_statement_returns_to_its_mark() -> None:
    world = World({"insert": [Refused("23505")]})
    async with world.system() as system:
        _, reply = await ended(system, READ, WRITE)
    assert reply.outcome is Outcome.FAILED
    assert world.notes[-3:] == ["insert", "back", "close"]


async def test_a_statement_without_an_answer_is_undone_for_certain() -> None:
    async def never() -> None:
        await asyncio.sleep(60)

    world = World({"insert": [never]})
    async with world.system(timeout="50ms") as system:
        (reply,) = await ended(system, WRITE)
    assert reply.outcome is Outcome.UNAVAILABLE
    assert (reply.unknown, reply.attempts) == (False, 1)
    assert world.notes[-1] == "close"


@pytest.mark.parametrize(
    ("error", "end", "lasting"),
    [
        (Lost("connection reset"), End.UNKNOWN, True),
        (Refused("57P01"), End.UNKNOWN, True),
        (Refused("XX000"), End.UNKNOWN, True),
        (Refused("40001"), End.ANSWERED, False),
        (Refused("23503"), End.ANSWERED, False),
        (Refused("HY000", 1213), End.UNKNOWN, True),
    ],
)
async def test_the_end_of_a_commit(error: Exception, end: End, lasting: bool) -> None:
    world, turn = World({"commit": [error]}), turn_of(5)
    async with world.system() as system:
        reply = (await ended(system, WRITE, turn=turn))[-1]
    assert reply.outcome is not Outcome.APPLIED
    assert reply.end is end
    assert turn.transaction
    assert turn.transaction.lasting == lasting
    assert world.notes[-1] == "close"


async def test_a_commit_without_an_answer_is_pending() -> None:
    async def never() -> None:
        await asyncio.sleep(60)

    world, turn = World({"commit": [never]}), turn_of(5)
    async with world.system(timeout="50ms") as system:
        reply = (await ended(system, WRITE, turn=turn))[-1]
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.PENDING)
    assert turn.transaction
    assert turn.transaction.lasting


async def test_a_commit_after_the_deadline_is_not_sent() -> None:
    world, turn = World(), turn_of(0.05)
    async with world.system() as system:
        await system.send(WRITE, turn)
        await asyncio.sleep(0.06)
        assert turn.transaction
        reply = await turn.transaction.commit()
        system.leave(turn)
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.NOT_SENT)
    assert not turn.transaction.lasting
    assert "commit" not in world.notes


async def test_a_failed_commit_counts_also_if_no_statement_says_that_it_writes() -> None:
    """A function that a `select` calls may have written."""
    world = World({"commit": [Lost("connection reset")]})
    async with world.system() as system:
        reply = (await ended(system, READ))[-1]
    assert (reply.outcome, reply.end) == (Outcome.UNAVAILABLE, End.UNKNOWN)


async def test_no_more_events_than_the_limit_have_a_connection() -> None:
    world = World()
    async with world.system(concurrency=2) as system:
        turns = [turn_of(5), turn_of(5), turn_of(0.1)]
        replies = [await system.send(READ, turn) for turn in turns]
        for turn in turns[:2]:
            system.leave(turn)
    assert [reply.outcome for reply in replies] == ["applied", "applied", "throttled"]
    assert world.notes.count("connect") == 2


# Errors


def test_every_kind_has_a_meaning_and_every_meaning_is_used() -> None:
    kinds = {*SQLSTATES.values(), *NUMBERS.values(), "changed", "other"}
    assert kinds == MEANINGS.keys()


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused("23505"), "unique"),
        (Refused("23000"), "check"),
        (Refused("23000", 1062), "unique"),
        (Refused("23000", 1452), "foreign_key"),
        (Refused("42501"), "permission"),
        (Refused("42P01"), "statement"),
        (Refused("42000", 1142), "permission"),
        (Refused("22021"), "data"),
        (Refused("28P01"), "credentials"),
        (Refused("HY000", 1205), "locked"),
        (Refused("40P01"), "deadlock"),
        (Refused("53100"), "full"),
        (Refused("53300"), "busy"),
        (Refused("57P03"), "stopping"),
        (Refused("57014"), "slow"),
        (Refused("25006"), "read_only"),
        (Refused("P0001"), "other"),
        (Refused("HY000", 9999), "other"),
    ],
)
def test_an_error_is_classified_by_its_sqlstate_and_number(refused: Refused, kind: str) -> None:
    assert kind_of(refused) == kind
    assert reply_to(refused).outcome is MEANINGS[kind].outcome


def test_the_page_has_every_kind_with_its_outcome_and_numbers() -> None:
    page = Path(str(files("connector.systems.sql") / "README.md")).read_text()
    for kind, (outcome, _) in MEANINGS.items():
        (row,) = re.findall(rf"^\| `{kind}` \|(.*)\| `{outcome.value}` \|$", page, re.MULTILINE)
        for table in (SQLSTATES, NUMBERS):
            wanted = {str(code) for code, name in table.items() if name == kind}
            assert wanted <= set(re.findall(r"\w+", row)), kind


# Settings


def configured(**keys: Any) -> Place:
    settings: Mapping[str, Any] = {}
    return place(Sql.model_validate({**DATABASE, **keys}), settings)


def test_the_port_follows_from_the_driver() -> None:
    assert configured().port == 5432
    assert configured(driver="mariadb").port == 3306
    assert configured(port=7).port == 7


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"port": 70_000}, "system.sql.port"),
        ({"host": ""}, "system.sql.host"),
        ({"user": "a\nb"}, "system.sql.user"),
        ({"tls": {"ca": "no certificate"}}, "system.sql.tls.ca"),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_start(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadSettings, match=problem):
        configured(**keys)


def test_the_password_is_in_no_text() -> None:
    assert "secret" not in repr(configured())


def test_a_missing_library_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncmy", None)
    monkeypatch.delitem(sys.modules, "connector.systems.sql.mariadb", raising=False)
    with pytest.raises(BadSettings, match=r"pip install 'nsps-connector\[sql\]'"):
        driver("mariadb")
