"""Checks of calls that must not be made twice, such as a message to a person.

If the event fails after such a call, NSPS sends it again, and the call would be made again. And a
message must not get lost because an `expect` does what its author did not expect.
"""

from collections.abc import Iterator

from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Lint, Loc
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield a lint for each call that must not be made twice and that could be, or gets lost."""
    for loc, call, holder in mapping.calls:
        if call.at_most_once and (problem := _twice(loc, call, holder) or _lost(call)):
            yield mapping.document.lint("once", loc, *problem)
    for name, resource in mapping.resources.items():
        if any(call.at_most_once for call in resource.calls):
            reason = "a call of a resource is made again whenever the resource differs"
            mend = "make it a call of a rule of its own"
            yield mapping.document.lint("once", ("resources", name), reason, mend)


def _twice(loc: Loc, call: CallEntry, holder: object) -> tuple[str, str] | None:
    """Why the call could be made twice, and what to do; None if it cannot."""
    if not isinstance(holder, Rule):
        return "a call that must not be made twice, in a block", "write it into the rule"
    if call.each:
        return "`each` makes the call several times, and any of them can fail", "remove `each`"
    if holder.replay != "never":
        return "a replay would make the call a second time", "say `replay: never` in the rule"
    if int(loc[3]) != len(holder.calls) - 1:
        return "an entry after it can fail: then the event comes again", "make it the last call"
    if holder.has_resources or any(_writes(entry) for entry in holder.calls[:-1]):
        reason = "the rule has another call that changes something, and either can fail"
        return reason, "use a mapping file of its own for messages"
    return None


def _lost(call: CallEntry) -> tuple[str, str] | None:
    """Why a call that was refused counts as carried out, and what to do; None if it does not."""
    if not call.expect:
        return None
    reason = "after an `expect` that does not hold, the call counts as carried out all the same"
    return reason, "name the replies that say that it was not, under `replies`"


def _writes(entry: object) -> bool:
    """True for a call that changes something, and for a block, which may have one."""
    return not entry.reads if isinstance(entry, CallEntry) else hasattr(entry, "block")
