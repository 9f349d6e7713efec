"""Each entry of the catalogue and its page agree: settings, events, required data, commands."""

import re
from functools import cache
from pathlib import Path

import pytest

from connector.mapping.entry import used
from connector.mapping.load import load
from connector.mapping.protocol import PROTOCOLS
from connector.mapping.schema import MappingFile
from connector.mapping.setting import Setting
from connector_tools.counterparts import catalogue
from tests.documents.test_docs import rows, sections

ENTRIES = list(catalogue.entries())
HEADINGS = [
    "What it does",
    "Settings",
    "Permissions",
    "Traps",
    "What it was tried against",
    "Try it",
]
PARTS = {
    "account": "account_info",
    "sim": "sim_info",
    "prev_sim": "prev_sim_info",
    "policy": "access_policy_info",
    "product": "product_info",
    "counters": "full_vd_counter_info",
}
COMMANDS = ("connector test mappings/{}.yaml", "connector run {}", "connector simulate mapping {}")
EXTRAS = {"sql", "ldap", "smtp"}
WIDTH = 120
FILES = sorted([*catalogue.MAPPINGS.glob("*.md"), *catalogue.MAPPINGS.glob("*.yaml")])


def page(name: str) -> str:
    return (catalogue.MAPPINGS / f"{name}.md").read_text(encoding="utf-8")


def part(name: str, heading: str) -> str:
    return sections(page(name), "##")[heading]


@cache
def mapping(name: str) -> MappingFile:
    return load(catalogue.MAPPINGS / f"{name}.yaml")


def events(found: MappingFile) -> set[str]:
    return {event_type for rule in found.rules for event_type in rule.on}


def required_data(found: MappingFile) -> set[str]:
    entries = (found.rules, found.values, found.resources, found.blocks)
    reads = [one for entry in entries for _, one in used(entry)]
    names = {name for one in reads for name in one.names}
    if any(("account", "msisdn") in one.paths for one in reads):
        names.add("sim")  # it has the number, if the account's id is not one
    return {PARTS[name] for name in names & PARTS.keys()}


def default(setting: Setting) -> str:
    if setting.default is not None:
        found = setting.default
        text = f"{found:g}" if isinstance(found, int | float) else str(found)
        return f"`{text}`"
    return ("none" if setting.optional else "required") + ", a secret" * bool(setting.secret)


def test_the_page_of_the_catalogue_lists_every_entry() -> None:
    found = re.findall(r"(?m)^\| \[`(\S+)`\]\(\1\.md\) \|", page("README"))
    assert sorted(found) == ENTRIES


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_has_the_headings_of_all_pages(name: str) -> None:
    assert page(name).startswith(f"# `{name}`\n\n")
    assert re.findall(r"(?m)^## (.+)$", page(name)) == HEADINGS
    assert f"]({name}.yaml)" in page(name).partition("\n## ")[0]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_lists_the_settings_of_its_file_in_order_with_their_defaults(name: str) -> None:
    settings = mapping(name).settings.values()
    cells = [tuple(row[:2]) for row in rows(part(name, "Settings"))]
    assert cells == [(f"`{one.variable}`", default(one)) for one in settings]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_names_each_event_of_its_file_and_no_other(name: str) -> None:
    named = re.findall(r"`([A-Z][A-Za-z]+(?:/[A-Za-z]+)+)`", part(name, "What it does"))
    assert set(named) == events(mapping(name))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_names_the_required_data_of_its_file_and_no_other(name: str) -> None:
    named = re.findall(r"`([a-z_]+_info)`", part(name, "What it does"))
    assert set(named) == required_data(mapping(name))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_shows_how_to_test_run_and_simulate_the_entry(name: str) -> None:
    for command in COMMANDS:
        assert re.search(rf"(?m)^{command.format(name)}(\s|$)", part(name, "Try it"))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_page_names_the_extra_that_the_function_needs(name: str) -> None:
    system = mapping(name).system
    protocol = next(one for one in PROTOCOLS if getattr(system, one, None))
    extra = protocol if protocol in EXTRAS else None
    if getattr(getattr(system, "http", None), "http2", False):
        extra = "http2"
    named = re.findall(r"nsps-connector\[(\w+)\]", page(name))
    assert set(named) == ({extra} if extra else set())


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_no_line_is_wider_than_a_screen(file: Path) -> None:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    wide = [number for number, line in lines if len(line) > WIDTH and line[0] != "|"]
    assert wide == []
