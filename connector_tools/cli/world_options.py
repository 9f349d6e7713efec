"""The options that all sub-commands of `connector simulate` have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector_tools.simulation import faults
from connector_tools.terminal import stop

if TYPE_CHECKING:
    from connector_tools.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """How large the simulated world is, which faults it has, and what its NSPS does."""

    events: Annotated[int, typer.Option(min=1, help="Events that PortaBilling raises.")] = 2000
    subscribers: Annotated[int, typer.Option(min=1, help="Subscribers at a time.")] = 100
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1
    rate: Annotated[float, typer.Option(min=0.001, help="Events per simulated second.")] = 0.5
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=RATE]",
            help="What goes wrong: all (the default), none, or the name of a fault; may be given "
            "several times. exchange happens only if it is named. docs/reliability.md lists "
            "the names.",
        ),
    ] = None
    fresh: Annotated[
        bool, typer.Option("--fresh", help="NSPS enriches an event anew for each retry.")
    ] = False
    drop_4xx: Annotated[
        bool,
        typer.Option("--drop-4xx", help="NSPS does not retry an event answered 4xx, except 429."),
    ] = False
    cache: Annotated[
        float, typer.Option(min=0, help="Seconds for which NSPS reuses what it has read.")
    ] = 0
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = (
        False
    )

    def scenario(
        self,
        known: Mapping[str, float],
        handled: tuple[str, ...] | None = None,
        named: Mapping[str, float] | None = None,
        *,
        forgetful: bool = False,
    ) -> "Scenario":
        """The world that these options describe.

        Args:
            known: The faults that can happen, with their usual rates.
            handled: The event types that NSPS sends; without it, those of the WTL mapping.
            named: The faults that happen only if they are named.
            forgetful: Whether the ledger is lost with its instance.
        """
        from connector_tools.simulation import nsps, scenario  # noqa: PLC0415 - 30 ms, for no other command

        try:
            found = faults.read(self.fault or [], known, named)
        except ValueError as error:
            stop(str(error))
        options = nsps.NspsOptions(
            enriches_retries=self.fresh,
            retries_4xx=not self.drop_4xx,
            cache=self.cache,
            handled=handled or nsps.HANDLED,
        )
        return scenario.Scenario(
            *(self.events, self.subscribers, self.seed, self.rate),
            faults=found,
            options=options,
            doubts=tuple(self._doubts(found, forgetful=forgetful)),
        )

    def _doubts(self, found: faults.Faults, *, forgetful: bool) -> Iterator[str]:
        """See `Scenario.doubts`."""
        if forgetful and found["kill"]:
            yield "a ledger in memory is lost with its instance (`kill`)"
        if self.cache:
            yield "data of NSPS's cache is older than it says (`--cache`)"


def with_world_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `WorldOptions` to a command, which gets them as the argument `world`."""
    shared = signature(WorldOptions).parameters
    own = [one for one in signature(command).parameters.values() if one.name != "world"]

    @wraps(command)
    def run(**given: Any) -> None:
        world = WorldOptions(**{name: given.pop(name) for name in shared})
        command(world=world, **given)

    options = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
    run.__signature__ = Signature(options)  # type: ignore[attr-defined]  # typer reads it
    return run
