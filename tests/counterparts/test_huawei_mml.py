"""The stand-in of Huawei's HLR refuses what the HLR refuses; `huawei-mml.yaml` works with it."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connector.outcome import Outcome, Result
from connector_tools.counterparts.huawei_mml import HuaweiMml
from tests.support.catalogue import served

IMSI, OTHER = "001010000000001", "001010000000002"
NUMBER = "420700000001"
ADD = f'ADD TPLSUB:HLRSN=1,IMSI="{IMSI}",ISDN="{NUMBER}",TPLID=1;'
LST = f'LST SUB:IMSI="{IMSI}";'


@pytest.fixture
def hlr(tmp_path: Path) -> Iterator[HuaweiMml]:
    with HuaweiMml(tmp_path) as running:
        yield running


class Operator:
    """Somebody at a terminal of the HLR."""

    def __init__(self, place: tuple[str, int]) -> None:
        self.connection = socket.create_connection(place, 5)
        self.file = self.connection.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def ask(self, command: str) -> list[str]:
        """The lines of the reply; fewer if the connection ends."""
        self.connection.sendall(command.encode() + b"\r\n")
        lines: list[str] = []
        while line := self.file.readline().decode().rstrip("\r\n"):
            lines.append(line)
        while lines and (line := self.file.readline().decode()):
            lines.append(line.rstrip("\r\n"))
            if lines[-1].startswith("---"):
                break
        return lines

    def code(self, command: str) -> str:
        """The number after RETCODE."""
        (found,) = (line for line in self.ask(command) if line.startswith("RETCODE"))
        return found.split()[2]

    def log_in(self, password: str) -> str:
        return self.code(f'LGI:OPNAME="nsps",PWD="{password}";')


@pytest.fixture
def operator(hlr: HuaweiMml) -> Iterator[Operator]:
    with closing(Operator(hlr.place)) as found:
        assert found.log_in(hlr.password) == "0"
        yield found


def test_a_subscriber_is_added_listed_changed_and_removed(
    hlr: HuaweiMml, operator: Operator
) -> None:
    assert operator.code(ADD) == "0"
    listed = operator.ask(LST)
    assert f"%%{LST}%%" in listed
    assert [line.split() for line in listed if " = " in line][1:] == [
        ["IMSI", "=", IMSI],
        ["ISDN", "=", NUMBER],
        ["TPLID", "=", "1"],
        ["IC", "=", "FALSE"],
        ["OC", "=", "FALSE"],
        ["GPRSLOCK", "=", "FALSE"],
    ]
    assert listed[-1] == "---    END"
    assert hlr.holds() == {IMSI: {"number": NUMBER, "served": True}}
    assert operator.code(f'MOD LCK:IMSI="{IMSI}",IC=TRUE,OC=TRUE,GPRSLOCK=TRUE;') == "0"
    assert operator.code(f'MOD IMSI:ISDN="{NUMBER}",NEWIMSI="{OTHER}";') == "0"
    assert operator.code(f'MOD ISDN:IMSI="{OTHER}",NEWISDN="420700000002";') == "0"
    assert hlr.holds() == {OTHER: {"number": "420700000002", "served": False}}
    assert operator.code(f'RMV SUB:IMSI="{OTHER}";') == "0"
    assert hlr.holds() == {}
    assert hlr.wrong == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (ADD, "3002"),
        (ADD.replace(IMSI, OTHER), "3003"),
        (ADD.replace(IMSI, OTHER).replace(NUMBER, "420700000009").replace("=1;", "=7;"), "3004"),
        (ADD.replace(IMSI, "00101000000002"), "1003"),
        (ADD.replace(",TPLID=1", ""), "1003"),
        (ADD.replace(";", ",NAM=0;"), "1003"),
        (f'LST SUB:IMSI="{OTHER}";', "3001"),
        (f'RMV SUB:IMSI="{OTHER}";', "3001"),
        (f'MOD ISDN:IMSI="{OTHER}",NEWISDN="{NUMBER}";', "3001"),
        (f'MOD IMSI:ISDN="{NUMBER}",NEWIMSI="{IMSI}";', "3002"),
        (f'MOD LCK:IMSI="{IMSI}",IC=1,OC=TRUE,GPRSLOCK=TRUE;', "1003"),
        (ADD.replace("HLRSN=1", "HLRSN=9").replace(IMSI, OTHER), "1003"),
        (ADD.replace("HLRSN=1", 'HLRSN="1"').replace(IMSI, OTHER), "1001"),
        (f"LST SUB:IMSI={IMSI};", "1001"),
        ("RMV ALL;", "1002"),
        ("LST SUB", "1001"),
        (f'LST SUB:IMSI="{IMSI}",;', "1001"),
        (f'LST SUB:IMSI="{IMSI}",IMSI="{OTHER}";', "1001"),
        (f'{LST} RMV SUB:IMSI="{IMSI}";', "1001"),
    ],
)
def test_a_command_that_breaks_a_rule_is_refused_and_changes_nothing(
    hlr: HuaweiMml, operator: Operator, command: str, code: str
) -> None:
    assert operator.code(ADD) == "0"
    assert operator.code(command) == code
    assert hlr.holds() == {IMSI: {"number": NUMBER, "served": True}}
    assert bool(hlr.wrong) is (code == "1001")


def test_a_command_without_a_login_is_refused_and_noted(hlr: HuaweiMml) -> None:
    with closing(Operator(hlr.place)) as stranger:
        assert stranger.log_in("wrong") == "1015"
        assert stranger.code(LST) == "1018"
        assert hlr.wrong == []
        assert stranger.code(ADD) == "1018"
    assert hlr.wrong == ["ADD TPLSUB without a login"]
    assert hlr.holds() == {}


def test_one_session_too_many_is_refused_or_ends_the_oldest(
    hlr: HuaweiMml, operator: Operator
) -> None:
    hlr.most_sessions = 1
    with closing(Operator(hlr.place)) as second:
        assert second.log_in(hlr.password) == "1016"
        hlr.kicks_out = True
        assert second.log_in(hlr.password) == "0"
        assert operator.ask(LST) == []
        assert second.code(LST) == "3001"


def test_a_session_ends_with_its_logout_and_when_it_is_idle(hlr: HuaweiMml) -> None:
    hlr.idle, hlr.most_sessions = 0.2, 1
    for last in ("LGO;", None):
        with closing(Operator(hlr.place)) as found:
            assert found.log_in(hlr.password) == "0"
            assert (found.ask(last) if last else [found.file.readline()][1:]) == []


def test_an_hlr_that_is_full_or_read_only_refuses_changes(
    hlr: HuaweiMml, operator: Operator
) -> None:
    hlr.begin("full")
    assert operator.code(ADD) == "3005"
    hlr.begin("read-only")
    assert [operator.code(ADD), operator.code(LST)] == ["1021", "3001"]
    hlr.end()
    assert operator.code(ADD) == "0"
    with pytest.raises(ValueError, match="no outage"):
        hlr.begin("fire")


# The mapping file, with the stand-in

Handle = Callable[..., Awaitable[Result]]


@pytest.fixture
async def handle(hlr: HuaweiMml) -> AsyncIterator[Handle]:
    """Handles an event whose snapshot is of this second, with changes."""
    async with served(hlr, EVENT_BUDGET="5") as connector:

        async def handle(name: str, second: int, **change: Any) -> Result:
            change = {"updated_at": f"2026-03-02T11:00:{second:02}Z", **change}
            return await connector.handle_new(name, change=change)

        yield handle


BLOCKED, STATE = "pb_data.account_info.blocked", "pb_data.account_info.bill_status"
SERVED = {"number": NUMBER, "served": True}


async def test_the_hlr_follows_the_life_of_a_subscriber(hlr: HuaweiMml, handle: Handle) -> None:
    steps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("sim-created", {}, {IMSI: SERVED}),
        ("sim-updated", {BLOCKED: True}, {IMSI: {**SERVED, "served": False}}),
        ("sim-updated", {}, {IMSI: SERVED}),
        ("sim-replaced", {}, {OTHER: SERVED}),
        ("sim-replaced", {STATE: "terminated"}, {}),
    ]
    for second, (name, change, holds) in enumerate(steps):
        assert (await handle(name, second, **change)).outcome is Outcome.APPLIED
        assert hlr.holds() == holds
    assert hlr.wrong == []
    assert len(hlr.sessions) == 1


@pytest.mark.parametrize("fault", ["error", "error-after", "garbage"])
@pytest.mark.parametrize("command", range(4))
async def test_a_swap_that_fails_in_the_middle_is_finished_by_the_next_attempt(
    hlr: HuaweiMml, handle: Handle, fault: str, command: int
) -> None:
    """The commands are: list the old SIM, list the new one, remove the old one, add the new one."""
    await handle("sim-created", 1)
    faults = iter([None] * command + [fault])
    seen: list[set[str]] = []

    def played() -> str | None:
        seen.append(set(hlr.hlr.subscribers))
        return next(faults, None)

    hlr.fault = played
    results = [await handle("sim-replaced", 2) for _ in range(2)]
    assert results[-1].outcome in (Outcome.APPLIED, Outcome.DUPLICATE)
    assert hlr.holds() == {OTHER: SERVED}
    assert {IMSI, OTHER} not in seen
    assert hlr.wrong == []


async def test_a_number_that_another_sim_holds_is_never_taken_from_it(
    hlr: HuaweiMml, handle: Handle
) -> None:
    with closing(Operator(hlr.place)) as operator:
        operator.log_in(hlr.password)
        assert operator.code(ADD.replace(IMSI, "001019999999999")) == "0"
        assert (await handle("sim-created", 1)).outcome is Outcome.FAILED
        assert operator.code('RMV SUB:IMSI="001019999999999";') == "0"
    assert (await handle("sim-created", 1)).outcome is Outcome.APPLIED


async def test_sessions_that_the_hlr_ends_cost_no_event(hlr: HuaweiMml, handle: Handle) -> None:
    for second in range(4):
        result = await handle("sim-updated", second, **{BLOCKED: bool(second % 2)})
        assert result.outcome is Outcome.APPLIED
        for session in list(hlr.sessions):
            session.end()
    assert hlr.holds() == {IMSI: {**SERVED, "served": False}}


async def test_a_full_house_is_asked_later(hlr: HuaweiMml, handle: Handle) -> None:
    hlr.most_sessions = 0
    result = await handle("sim-created", 1)
    assert result.outcome is Outcome.UNAVAILABLE
    assert "Too many sessions" in (result.reason or "")
    assert hlr.holds() == {}


@pytest.mark.parametrize("value", ['1";RMV SUB:IMSI="1', "1;", "1\r\nLGO;", "1\0", "*", "é" * 15])
async def test_a_hostile_number_or_imsi_is_refused_and_nothing_is_sent(
    hlr: HuaweiMml, handle: Handle, value: str
) -> None:
    for field in ("pb_data.account_info.id", "pb_data.sim_info.imsi"):
        text = f"{value}@msisdn" if field.endswith("id") else value
        assert (await handle("sim-created", 1, **{field: text})).outcome is Outcome.INVALID
    assert (hlr.holds(), hlr.sessions, hlr.wrong) == ({}, [], [])
