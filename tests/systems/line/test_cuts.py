"""The connection breaks at any byte of a login and a command, in both directions."""

import pytest

from connector.outcome import Outcome
from connector.system import End
from tests.support.cut_wire import Way, cut_wire
from tests.systems.line.console import LOGIN, OK, Console, call, client, console, send

LGI = 'LGI:OPNAME="op",PWD="p";\r\n'
COMMAND = "LST SUB;"
REPLY = OK.format(command=COMMAND)
THERE = len(LGI) + len(COMMAND) + 2
BACK = len(OK.format(command=LGI.strip())) + len(REPLY)


def carried_out(played: Console) -> int:
    return played.received.count(COMMAND)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize(("way", "whole"), [("there", THERE), ("back", BACK)])
async def test_the_end_of_a_command_is_exact_wherever_its_connection_breaks(
    way: Way, whole: int, hard: bool
) -> None:
    """A command that was not sent is sent again, so it is carried out once at most."""
    ends = set()
    for after in range(1, whole + 1, 13):
        async with (
            console() as played,
            cut_wire(played.port, way, after, hard=hard) as port,
            client(port, **LOGIN) as system,
        ):
            reply = await send(system)
            assert carried_out(played) <= 1, after
            if reply.outcome is Outcome.APPLIED:
                assert carried_out(played) == 1, after
            else:
                assert reply.end is End.UNKNOWN, after
                assert reply.attempts == 1, after
            ends.add(reply.end)
    assert ends == {End.ANSWERED, End.UNKNOWN}


@pytest.mark.parametrize(("way", "whole"), [("there", THERE), ("back", BACK)])
async def test_a_read_is_repeated_wherever_its_connection_breaks(way: Way, whole: int) -> None:
    for after in range(1, whole + 1, 23):
        async with (
            console() as played,
            cut_wire(played.port, way, after, hard=False) as port,
            client(port, **LOGIN) as system,
        ):
            reply = await send(system, call(read_only=True, idempotent=True))
            assert reply.outcome is Outcome.APPLIED, after
