"""The values of `system.line` in a deployment."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.mapping.expression import Scope, Value
from connector.mapping.system_entry import accepted, host, port, seconds
from connector.settings import BadSettings
from connector.systems.connect import CONNECT_SHARE
from connector.systems.line.command import command, printable
from connector.systems.line.entry import Line


class LineConfig(NamedTuple):
    """The values that do not change while the function serves; times are in seconds.

    `connect_timeout` is for connection, greeting and login together. `every` is None without
    `keep_alive`.
    """

    place: tuple[str, int]
    timeout: float
    connect_timeout: float
    every: float | None


def configure(line: Line, settings: Mapping[str, Any]) -> LineConfig:
    """Compute `system.line` for this deployment; `settings` are the values by name.

    Raises:
        BadSettings: a timeout, the host or the port cannot be used.
    """
    scope, place = Scope(settings=settings), "system.line"
    timeout = accepted(f"{place}.timeout", seconds, line.timeout, scope)
    connect = accepted(f"{place}.connect_timeout", seconds, line.connect_timeout, scope)
    every = None
    if line.keep_alive:
        every = accepted(f"{place}.keep_alive.every", seconds, line.keep_alive.every, scope)
    return LineConfig(
        place=(
            accepted(f"{place}.host", host, line.host, scope),
            accepted(f"{place}.port", port, line.port, scope),
        ),
        timeout=timeout,
        connect_timeout=min(connect, CONNECT_SHARE * timeout),
        every=every,
    )


def own_command(text: Value, settings: Mapping[str, Any]) -> str:
    """A command of login, logout or keep-alive; they are computed when they are sent.

    Raises:
        EvaluationError: a value cannot be in the command.
    """
    return command(text, Scope(settings=settings), outside=printable)


def check(line: Line, settings: Mapping[str, Any]) -> None:
    """Check the commands whose values are settings; a start and a rotated secret need it.

    Raises:
        BadSettings: names each command that cannot be sent, and never repeats a value.
    """
    problems = []
    for name, text in _own_commands(line).items():
        try:
            own_command(text, settings)
        except ValueError as error:
            problems.append(f"system.line.{name}: {error}")
    if problems:
        raise BadSettings(problems)


def _own_commands(line: Line) -> dict[str, Value]:
    found = {f"login.{index}.send": step.send for index, step in enumerate(line.login)}
    if line.logout is not None:
        found["logout"] = line.logout
    if line.keep_alive:
        found["keep_alive.send"] = line.keep_alive.send
    return found
