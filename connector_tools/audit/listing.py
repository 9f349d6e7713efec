"""Lists what the external system holds, to find what it should not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.event import parse
from connector.mapping.expression import EvaluationError
from connector.mapping.resource import Listing
from connector.mapping.schema import MappingFile
from connector.outcome import Outcome, Refusal
from connector.plan.planner import Planner
from connector.plan.scope import event_scope
from connector.plan.step import PlannedCall, Replies
from connector_tools.audit.look import Reader
from connector_tools.audit.should_be import hash_of

NO_EVENT = (
    b'{"event_id": "audit", "data": {"event_type": "connector audit", '
    b'"variables": {"event_time": "1970-01-01T00:00:01Z"}}}'
)
"""The event of a SIM of which nothing is known. It is older than every real one, so that whatever
the ledger knows of the SIM wins."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Something that the system holds: its subject, the resource, and the parameters."""

    subject: str = field(repr=False)
    resource: str
    parameters: Mapping[str, str] = field(repr=False)


class CannotList(Exception):  # noqa: N818 - it names what happened
    """The system cannot be asked what it holds of the resource `name`; the text says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def listings(mapping: MappingFile) -> dict[str, Listing]:
    """The resources that the system can list."""
    return {name: one.list_ for name, one in mapping.resources.items() if one.list_}


async def listed(
    mapping: MappingFile, settings: Mapping[str, Any], key: bytes, reader: Reader
) -> dict[str, Listed]:
    """All that the system lists, by the hash of the subject.

    Raises:
        CannotList: a list cannot be read.
        NotReadOnly, SystemAway: see `Reader.send`.
    """
    found: dict[str, Listed] = {}
    lister = _Lister(mapping, settings, reader)
    for name, listing in listings(mapping).items():
        try:
            for one in lister.items(name, listing, await lister.read(name, listing)):
                found.setdefault(hash_of(key, one.subject), one)
        except Refusal as refusal:
            raise CannotList(name, _reason(refusal)) from None
        except EvaluationError as error:
            raise CannotList(name, str(error)) from None
    return found


class _Lister:
    """Reads lists; the methods raise as `listed` does, and Refusal and EvaluationError."""

    def __init__(self, mapping: MappingFile, settings: Mapping[str, Any], reader: Reader) -> None:
        self._mapping = mapping
        self._settings = settings
        self._reader = reader
        self._event = parse(NO_EVENT)

    async def read(self, name: str, listing: Listing) -> Mapping[str, Any]:
        """The reply with the list; with all its pages, if it has several."""
        loc = ("resources", name, "list", "read")
        planner = self._planner()
        call = planner.request(listing.read, planner.scope, loc)
        call = replace(call, read_only=True, idempotent=True)
        step = PlannedCall("listed", None, releases=False, loc=loc, ready=call, reads=True)
        replies: Replies = {}
        async with self._reader.turn() as turn:
            await self._reader.talk(step.talk(replies), turn)
        seen: Mapping[str, Any] = replies[step.id]
        return seen

    def items(self, name: str, listing: Listing, seen: Mapping[str, Any]) -> Iterator[Listed]:
        """Yield what counts in the list."""
        items = listing.items.evaluate(self._planner().scope.with_names({"reply": seen}))
        if not isinstance(items, list | tuple):
            raise CannotList(name, "`list.items` is not a list")
        for item in items:
            planner = self._planner()  # of its own, since a planner bounds the work
            scope = planner.scope.with_names({"reply": seen, "item": item})
            if listing.if_ is not None and not listing.if_.evaluate(scope):
                continue
            loc = ("resources", name, "list")
            given = {key: planner.text(value, loc, scope) for key, value in listing.of.items()}
            if None in given.values():
                raise CannotList(name, "an item has no value for a parameter")
            parameters = {key: text for key, text in given.items() if text is not None}
            first = next(iter(parameters))
            yield Listed(f"{first}:{parameters[first]}", name, parameters)

    def _planner(self) -> Planner:
        scope = event_scope(self._event, self._mapping, self._settings)
        return Planner(self._event, self._mapping, scope)


def _reason(refusal: Refusal) -> str:
    """Why a list cannot be read, for people."""
    return refusal.result.reason or refusal.result.rules or Outcome.FAILED.value
