"""docs/reference/event.md and docs/reference/event-types.md: what a mapping can read and wait for.

Names, fields and types come from the models of an event (`connector.event`,
`connector.portabilling`), meanings and event types from the tables of docs/contract.md, which tests
compare with the same models. Which entries of the catalogue use an event type comes from the
mapping files.
"""

import re
from collections.abc import Iterator
from typing import Any, get_type_hints

from connector import portabilling
from connector.event import EVENT_FIELDS, SECTIONS
from connector.mapping.load import load
from connector.portabilling import Part, PortaBillingData
from connector_tools.documents.markdown import moved, read, rows, sections, table
from connector_tools.program import ROOT

PAGE = "docs/reference/event.md"
TYPES_PAGE = "docs/reference/event-types.md"
_CONTRACT = "docs/contract.md"
_HEAD = """\
# Fields of the event

Everything that an expression can read from an event. NSPS sends a part of `pb_data` only if the
handler asks for it: each section says which part that is. A field that is missing or null is
none, and so is each field below it; a part that NSPS does not send at all makes the event
`invalid` if an expression needs it.

Types are those that an expression gets; [the contract](../contract.md#22-pb_data) says which
spellings are accepted. Fields with "personal" are masked in logs, answers and reports. A field
that NSPS adds later can be read as `account['new_field']`. [How fields are made
uniform](../mapping.md#names) has the details.

"""
_EVENT = {
    "event_id": ("text", "`event_id`", "The id of the event in NSPS; each retry has the same one."),
    "event_type": ("text", "`data.event_type`", "See [event types](event-types.md)."),
    "handler_id": ("text", "`handler_id`", "The handler that sent the event."),
    "status": ("text", "`status`", "State of the event in NSPS; for information only."),
    "created_at": ("time", "`created_at`", "When NSPS received the event."),
    "updated_at": ("time", "`updated_at`", "When NSPS last read the data in `pb_data`."),
    "snapshot_at": (
        "time",
        "`updated_at`, else `created_at`, else `data.variables.event_time`",
        "The time of the data: of two events of a subject the newer one wins.",
    ),
    "parts": (
        "list of texts",
        "the keys of `pb_data`",
        "The parts that NSPS sent, also null ones.",
    ),
    "i_account": (
        "whole number",
        "`account_info.i_account`, else `data.variables.i_account`, else `sim_info.i_account`",
        "The account that the event is about.",
    ),
}
_TYPES: tuple[tuple[Any, str], ...] = (
    (portabilling.BillStatus, "`open`, `suspended`, `inactive` or `terminated`"),
    (portabilling.Blocked, "`true` or `false`"),
    (portabilling.Status, "text in lower case"),
    (portabilling.Id, "whole number"),
    (portabilling.Amount, "number"),
    (portabilling.Time, "text with a time: `| time` reads it"),
    (portabilling.Imsi, "text of 6 to 15 digits, personal"),
    (portabilling.Msisdn, "text of at most 15 digits, personal"),
    (portabilling.Personal, "text, personal"),
    (portabilling.Text, "text"),
)
_TITLES = {
    "SimInfo": "`sim_info` and `prev_sim_info`",
    "AddOn": "`assigned_addons[]`",
    "ServiceFeature": "`service_features[]`",
    "VDCounterInfo": "`full_vd_counter_info[]`",
    "AccountInfo": "`account_info`",
    "AccessPolicyInfo": "`access_policy_info`",
    "ProductInfo": "`product_info`",
}
_INNER = {
    ("AccountInfo", "msisdn"): "the phone number, computed from `id` or `sim.msisdn`",
    ("PolicyAttribute", "group_name"): "such as `lte.wtl`",
    ("PolicyAttribute", "name"): "such as `cs_profile`",
    (
        "PolicyAttribute",
        "value",
    ): "several values are separated by commas: `policy | attribute('cs_profile')`",
    ("FeatureAttribute", "effective_value"): "several values are separated by commas",
}
_FIELDS = ("Expression", "Type", "Meaning")
_EVENT_FIELDS = ("Expression", "Type", "In the event", "Meaning")


def document() -> str:
    """The page of the fields."""
    body = [(f"`event.{name}`", *_EVENT[name]) for name in EVENT_FIELDS]
    text = _HEAD + "## `event`\n\nAlways there.\n\n" + table(_EVENT_FIELDS, body)
    text += _variables()
    for name, part in SECTIONS.items():
        (model,) = set(portabilling.parts_in(PortaBillingData.model_fields[part].annotation))
        text += f"\n## `{name}`\n\n`pb_data.{part}`: ask for `{part}` in the handler."
        text += " It is a list; an empty one if it is null.\n\n" * (name == "counters") or "\n\n"
        shown = f"{name}[0]" if name == "counters" else name
        text += table(_FIELDS, _rows(model, shown))
    return text


def _variables() -> str:
    """The section of `variables`, with the table of the contract."""
    text = (
        "\n## `variables`\n\n`data.variables`: they depend on the event type. Often there are:\n\n"
    )
    common = _contract_tables("2.1 Envelope")[2]
    body = [
        (f"`variables.{name}`", row[1], row[2])
        for row in rows(common)
        for name in re.findall(r"`(\w+)`", row[0])
    ]
    return text + table(_FIELDS, body)


def _contract_tables(section: str) -> list[str]:
    return re.findall(r"(?m)(?:^\|.*\n?)+", sections(read(_CONTRACT))[section])


def _rows(model: type[Part], shown: str) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each field of a part, and of the parts in it."""
    meanings = _meanings(model)
    for name, kind in get_type_hints(model, include_extras=True).items():
        if name == "model_config":
            continue
        inner = list(dict.fromkeys(portabilling.parts_in(kind)))
        told = _INNER.get((model.__name__, name)) or meanings.get(name, "")
        yield f"`{shown}.{name}`", _type(model, name, kind), told
        for one in inner:
            yield from _rows(one, f"{shown}.{name}[0]")


def _type(model: type[Part], name: str, kind: Any) -> str:
    if (model.__name__, name) == ("VDCounterInfo", "remaining"):
        return "number, or text such as `N/A`"
    if any(portabilling.parts_in(kind)):
        return "list of objects"
    return next(words for known, words in _TYPES if kind == known)


def _meanings(model: type[Part]) -> dict[str, str]:
    """The meanings of a part's fields in the contract, for the page of the fields."""
    text = sections(read(_CONTRACT))["2.2 `pb_data"]
    title = _TITLES.get(model.__name__)
    if title is None:
        return {}
    part = text.partition(f"**{title}**\n")[2].partition("\n**")[0]
    return {
        name: moved(row[2].removesuffix(", see below"), _CONTRACT, PAGE)
        for row in rows(part)
        if not row[2].startswith("personal data")
        for name in re.findall(r"`(\w+)`", row[0])
    }


def types_document() -> str:
    """The page of the event types."""
    used = _used()
    known = {row[0].strip("`"): row for row in rows(sections(read(_CONTRACT))["2.3 Event types"])}
    text = _TYPES_HEAD
    for name, row in known.items():
        text += f"## `{name}`\n\nSent when {row[1]}.\n\nRead most of all: {row[2]}.\n\n"
        text += f"In the catalogue: {_entries(used.get(name, []))}.\n\n"
    others = sorted(used.keys() - known.keys())
    body = [(f"`{name}`", _entries(used[name])) for name in others]
    return text + _OTHERS + table(("Event type", "In the catalogue"), body)


_TYPES_HEAD = """\
# Event types

A rule names them in `on`; upper and lower case are the same. An event of a type that no rule
names is `ignored` (202). Which types arrive is set in the handler in NSPS.

"""
_OTHERS = """\
## Other types

ESPF has about 90 more, of customers, subscribers, numbers and invoices, and their spelling
changed between releases of PortaBilling. So the connector has no list of them: copy a type from
the Event History of NSPS. These are in the catalogue:

"""


def _entries(names: list[str]) -> str:
    return ", ".join(f"[`{name}`](../../mappings/{name}.md)" for name in names) or "none"


def _used() -> dict[str, list[str]]:
    """The entries of the catalogue that name each event type."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "mappings").glob("*.yaml")):
        for name in sorted({one for rule in load(file).rules for one in rule.on}):
            found.setdefault(name, []).append(file.stem)
    return found
