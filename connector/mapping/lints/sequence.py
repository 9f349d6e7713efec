"""Checks of what stands between calls: uses of blocks, `require`, `let`, `confirm`."""

from collections.abc import Iterator

from connector.mapping.between import Between, BlockUse, names_of
from connector.mapping.block import Block
from connector.mapping.call_entry import CallEntry
from connector.mapping.document import Lint, Loc
from connector.mapping.entry import used
from connector.mapping.expression import expressions
from connector.mapping.rule import Rule
from connector.mapping.schema import MappingFile
from connector.mapping.spelling import near


def check(mapping: MappingFile) -> Iterator[Lint]:
    """Yield the lints of blocks, of `require` and `let`, and of `confirm`."""
    yield from _unused(mapping)
    for loc, holder in mapping.holders:
        for index, entry in enumerate(holder.calls):
            here: Loc = (*loc, "calls", index)
            if isinstance(entry, BlockUse):
                yield from _use(mapping, here, entry, set(names_of(holder.calls[:index])))
            if isinstance(entry, Between) and index == 0:
                reason = "nothing was called before it"
                mend = "put it into `require` of the rule or into `values`, or after a call"
                yield mapping.document.lint("too-early", here, reason, mend)
            if isinstance(entry, CallEntry) and entry.confirm:
                yield from _confirm(mapping, here, entry, holder)


def _unused(mapping: MappingFile) -> Iterator[Lint]:
    """Yield warnings for blocks that no rule uses, and for parameters that their block ignores."""
    entries = [entry for rule in mapping.rules for entry in rule.calls]
    uses = {entry.block for entry in entries if isinstance(entry, BlockUse)}
    for name, block in mapping.blocks.items():
        if name not in uses:
            reason, mend = f"no rule uses the block `{name}`", "remove it"
            lint = mapping.document.lint("unused-block", ("blocks", name), reason, mend)
            yield lint._replace(level="warning")
        reads = {name for _, expression in used(block) for name in expression.names}
        for index, parameter in enumerate(block.of):
            if parameter not in reads:
                reason = f"nothing in the block uses its parameter `{parameter}`"
                loc: Loc = ("blocks", name, "of", index)
                lint = mapping.document.lint("unused-parameter", loc, reason, "remove it")
                yield lint._replace(level="warning")


def _use(mapping: MappingFile, loc: Loc, use: BlockUse, replies: set[str]) -> Iterator[Lint]:
    """Yield lints for a block that does not exist, and for parameters that do not fit it.

    `replies` are the names that earlier replies decide.
    """
    block = mapping.blocks.get(use.block)
    if block is None:
        reason = f"no block has the name `{use.block}`"
        mend = near(use.block, mapping.blocks, f"blocks: {', '.join(mapping.blocks) or 'none'}")
        yield mapping.document.lint("unknown-block", (*loc, "block"), reason, mend)
        return
    for name in block.of:
        if name not in use.with_:
            reason = f"the parameter `{name}` has no value"
            mend = f"write `with: {{{name}: ...}}`"
            yield mapping.document.lint("block-parameter", loc, reason, mend)
    for name, value in use.with_.items():
        here: Loc = (*loc, "with", name)
        if name not in block.of:
            reason = f"the block `{use.block}` has no parameter `{name}`"
            mend = near(name, block.of, f"parameters: {', '.join(block.of) or 'none'}")
            yield mapping.document.lint("block-parameter", here, reason, mend)
        late = {read for found in expressions(value) for read in found.names} & replies
        if late and name in _early(block):
            reason = f"`{min(late)}` is a reply, and `{name}` is part of a subject or an `each`"
            mend = "take it from the event: both are computed before the first call"
            yield mapping.document.lint("block-parameter", here, reason, mend)


def _early(block: Block) -> set[str]:
    """The names that subjects and lists of a block read: they are computed before any call."""
    early = [block.subject] if block.subject else []
    for entry in block.calls:
        if isinstance(entry, CallEntry):
            early += [value for value in (entry.subject, entry.each) if value is not None]
    return {name for value in early for found in expressions(value) for name in found.names}


def _confirm(
    mapping: MappingFile, loc: Loc, call: CallEntry, holder: Rule | Block
) -> Iterator[Lint]:
    """Yield a lint for a `confirm` that could not find out whether the call was carried out."""
    earlier = [entry for entry in holder.calls[: int(loc[3])] if isinstance(entry, CallEntry)]
    asked = next((entry for entry in earlier if entry.id == call.confirm), None)
    problem = ""
    if asked is None:
        problem = f"no earlier call has the id `{call.confirm}`"
    elif not asked.reads:
        problem = f"`{call.confirm}` changes something, so it cannot be made again to ask"
    elif asked.when or asked.each:
        problem = f"`{call.confirm}` has a `when` or an `each`: it is not made before every call"
    elif not call.when or call.confirm not in call.when.names:
        problem = f"`when` does not read `{call.confirm}`, so the answer would change nothing"
    if problem:
        mend = "name a call that reads, and say in `when` that its reply lacks what this call makes"
        yield mapping.document.lint("confirm", (*loc, "confirm"), problem, mend)
