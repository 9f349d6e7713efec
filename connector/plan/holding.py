"""The order in which the resources of an event are read and written, and its steps.

1. Everything is read, in the order of the file, and compared. Bad data, a precondition that is not
   met and a system that does not answer end the event here: nothing has changed.
2. What takes service or a number away, from the last resource to the first: of the SIM that is
   released, of what is removed, of the SIM that is held. Nobody has less than before for longer
   than needed, and a number is free before another SIM gets it.
3. What gives, from the first resource to the last: each finds what it needs.

If a step fails, the event comes again, reads what is there, and does the rest.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from connector.mapping.document import Loc
from connector.plan.changes import VERBS
from connector.plan.step import Replies, Step, Talk
from connector.plan.target import Target
from connector.plan.writing import write


class Phase(Enum):
    """What a step does with its target."""

    LOOK = "read"
    COMPARE = "compare"
    TAKE = "take"
    GIVE = "give"


class ResourceStep(NamedTuple):
    """One phase of one target, as a `Step`."""

    target: Target
    phase: Phase

    @property
    def subject(self) -> str:
        """See `Step`."""
        return self.target.subject

    @property
    def releases(self) -> bool:
        """See `Step`."""
        return self.target.verb == "release"

    @property
    def loc(self) -> Loc:
        """See `Step`."""
        return self.target.loc

    @property
    def reads(self) -> bool:
        """See `Step`."""
        return self.phase in (Phase.LOOK, Phase.COMPARE)

    def talk(self, replies: Replies) -> Talk:
        """See `Step`."""
        if self.phase is Phase.LOOK:
            yield from self.target.look(replies)
        elif self.phase is Phase.COMPARE:
            self.target.compare(replies)
        else:
            yield from write(self.target, replies, "take" if self.phase is Phase.TAKE else "give")


def steps_of(sims: Iterable[tuple[Target, ...]]) -> tuple[Step, ...]:
    """The steps for the targets of each SIM: first those released, then removed, then held.

    Each thing has one target: a SIM that is released and held is held.
    """
    sims = list(sims)
    one_of: dict[str, Target] = {}
    for target in (target for sim in sims for target in sim):
        if target.key not in one_of or one_of[target.key].verb != target.verb:
            one_of[target.key] = target  # the first of the last verb
    sims = [tuple(one for one in _needed(sim) if one_of[one.key] is one) for sim in sims]
    targets = [target for sim in sims for target in sim]
    from_below = [one for verb in VERBS for one in reversed(targets) if one.verb == verb]
    return (
        *(ResourceStep(target, Phase.LOOK) for target in targets),
        *(ResourceStep(target, Phase.COMPARE) for target in targets),
        *(ResourceStep(target, Phase.TAKE) for target in from_below),
        *(ResourceStep(target, Phase.GIVE) for target in targets),
    )


def _needed(sim: tuple[Target, ...]) -> list[Target]:
    """The targets that the verb manages, and those that the expressions of these read."""
    found: list[Target] = []
    for target in reversed(sim):
        if target.is_managed or any(target in other.parents for other in found):
            found.insert(0, target)
    return found


def takes_away(step: Step) -> bool:
    """True if a step is for a SIM that is released, or removed from the system."""
    return step.releases or (isinstance(step, ResourceStep) and step.target.verb == "remove")


def place(step: Step | None) -> str | None:
    """The verb, resource and phase of a step, such as `hold number: give`; None for a call."""
    if not isinstance(step, ResourceStep):
        return None
    return f"{step.target.verb} {step.target.name}: {step.phase.value}"


def summary(replies: Replies, steps: Iterable[Step]) -> dict[str, str]:
    """What differed for each resource, by its name, for the log: names of fields, no values."""
    found: dict[str, list[str]] = {}
    for step in steps:
        if isinstance(step, ResourceStep) and step.phase is Phase.COMPARE:
            differs = step.target.state(replies).differs
            if differs is not None:
                found.setdefault(step.target.name, []).append(" ".join(differs) or "unchanged")
    return {name: ", ".join(texts) for name, texts in found.items()}
