"""The explanation of resources as lines of text, each with its style on a terminal."""

from collections.abc import Iterator

from connector.mapping.protocol import Preview
from connector_tools.explain import ExplainedCall, ExplainedValue
from connector_tools.explain_resources import ExplainedResource, ExplainedResources
from connector_tools.text_lines import (
    Line,
    columns,
    heading,
    request_lines,
    subject_line,
    wrapped,
)

_PHASES = {
    "take": "then what takes service or a number away",
    "give": "then what gives",
}


def resource_lines(found: ExplainedResources, hash_key: bytes | None) -> Iterator[Line]:
    """Yield the lines of all resources, in the order in which they are read."""
    for resource in found.resources:
        yield "", ""
        yield heading(f"{resource.title} (line {resource.line})")
        yield from _resource(resource, hash_key, known=found.known)
    if found.known and found.resources and (found.requests or not found.result):
        yield from _requests(found)
    elif found.order:
        yield "", ""
        yield heading("order")
        yield "  first all reads, as they stand above", ""
        for phase, titles in found.order:
            yield from wrapped(f"  {_PHASES[phase]}: {titles}", "    ")


def _resource(
    resource: ExplainedResource, hash_key: bytes | None, *, known: bool
) -> Iterator[Line]:
    yield from wrapped(f"  {subject_line(resource.subject, hash_key)}", "    ")
    if resource.note:
        yield f"  {resource.note}", "yellow"
    yield f"  read {resource.read.request.line}", ""
    for line in resource.read.request.body.split("\n") if resource.read.request.body else ():
        yield f"    {line}", ""
    if resource.read.note:
        yield f"    {resource.read.note}", "yellow"
    for condition in resource.require:
        yield from wrapped(f"  require {condition}", "    ")
    if resource.wanted:
        yield from wrapped(f"  wanted {_wanted(resource.wanted)}", "    ")
    if known:
        yield from _found(resource)
        return
    for case, call in resource.writes:
        if call is None:
            text = f"  {case}: the mapping has no call for it, so the event is refused"
            yield from wrapped(text, "    ", "yellow")
        else:
            yield from _call(case, call)


def _wanted(item: ExplainedValue) -> str:
    source = " ".join(item.source.split())
    return f"{item.value}  {source}".rstrip()


def _call(case: str, call: ExplainedCall) -> Iterator[Line]:
    style = "" if call.sent else "dim"
    yield f"  {case}", style
    if call.note:
        yield from wrapped(f"    {call.note}", "      ", "yellow")
    yield from request_lines(call.request, style, "    ")


def _found(resource: ExplainedResource) -> Iterator[Line]:
    yield f"  found: {resource.found}", ""
    rows = [("field", "wanted", "found", "")]
    rows += [
        (item.name, item.wanted, item.found, "differs" if item.differs else "")
        for item in resource.fields
    ]
    styles = ["dim", *("yellow" if item.differs else "" for item in resource.fields)]
    if resource.fields:
        for line, style in zip(columns(rows), styles, strict=True):
            yield f"    {line}", style


def _requests(found: ExplainedResources) -> Iterator[Line]:
    yield "", ""
    if not found.requests:
        yield heading("nothing differs: no request would be sent for the resources")
        return
    yield heading("requests that would be sent, in this order")
    for number, (step, request) in enumerate(found.requests, 1):
        yield f"  {number} {step}", ""
        if isinstance(request, Preview):
            yield from request_lines(request, indent="    ")
        else:
            yield f"    {request}", "yellow"
