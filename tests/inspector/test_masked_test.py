"""A test that the page writes into a mapping file."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.mapping.load import check, load
from connector_tools.counterparts import catalogue
from connector_tools.counterparts.wtl_hlr_hss import WtlHlrHss
from connector_tools.mapping_tests import event_of, run_cases
from tests.support import ROOT
from tests.support.inspector import Page, inspected

ENTRIES = list(catalogue.entries())
IMSI, NUMBER, EMAIL = "001019876543210", "999012345678", "jana.example@mail.example"
SURNAME = "Zvonimirova"
EVENTS_OF_A_FILE = 3


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Path]:
    """The catalogue in a folder that a test can write to."""
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    yield folder


def personal(event: Any) -> Any:
    """The event of a subscriber whose data cannot be mistaken for anything else."""
    found = event.get("pb_data") or {}
    if found.get("sim_info"):
        found["sim_info"] |= {"imsi": IMSI, "msisdn": NUMBER}
    if found.get("account_info"):
        found["account_info"] |= {"id": f"{NUMBER}@msisdn", "email": EMAIL, "lastname": SURNAME}
    return event


def read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


def leaks(text: str) -> list[str]:
    return [one for one in (IMSI, NUMBER, EMAIL, SURNAME) if one in text]


async def written(page: Page, number: int, name: str) -> Any:
    answer = await page.ask("POST", "/tests", {"n": number, "name": name})
    return answer.status_code, answer.json()


async def test_a_name_is_free_if_the_file_as_it_is_now_has_no_such_test(copied: Path) -> None:
    """The event may have been handled when the file had one."""
    file = copied / "wtl-hlr-hss.yaml"
    before = file.read_text(encoding="utf-8")
    body = json.loads((copied / "events" / "sim-updated.json").read_text())
    async with inspected(file) as page:
        await page.send(body)
        first = await written(page, (await page.last())["n"], "seen")
        newer = dict.fromkeys(("created_at", "updated_at"), "2026-03-02T11:00:00+00:00")
        await page.send({**body, **newer, "event_id": "00000000-0000-4000-8000-000000000002"})
        number = (await page.last())["n"]
        status, told = await written(page, number, "seen")
        assert (first[0], status) == (200, 422)
        assert told["error"] == "the file has a test with this name already: give another one"
        known = first[1]["mapping"]["digest"]
        await page.ask("PUT", "/mapping", {"text": before, "digest": known})
        assert (await written(page, number, "seen"))[0] == 200


@pytest.mark.parametrize("name", ENTRIES)
async def test_a_test_of_any_event_passes_and_has_no_personal_data(name: str, copied: Path) -> None:
    """The events are those of the file's own tests, with another subscriber in them."""
    file = copied / f"{name}.yaml"
    mapping = load(file)
    bodies = [personal(json.loads(event_of(mapping, case))) for case in mapping.tests]
    step = max(len(bodies) // EVENTS_OF_A_FILE, 1)
    made = []
    async with inspected(file) as page:
        for number, body in enumerate(bodies[::step], 1):
            await page.send({**body, "event_id": f"00000000-0000-4000-8000-{number:012d}"})
            sent = await page.last()
            before = file.read_text(encoding="utf-8")
            status, told = await written(page, sent["n"], f"seen in the inspector {number}")
            if status != 200:
                assert status == 422, told
                assert file.read_text(encoding="utf-8") == before
                continue
            after = file.read_text(encoding="utf-8")
            assert after.replace(told["text"], "", 1) == before
            assert after.splitlines()[told["line"] - 1].lstrip().startswith("- name: seen in")
            assert leaks(told["text"]) == []
            assert leaks(read(told["event_file"])) == []
            made.append(sent["outcome"])
    assert "applied" in made, "no test was written of an event that was applied"
    ran = await asyncio.to_thread(list, run_cases(load(file)))
    assert [one.problems for one in ran if one.problems] == []
    assert [str(one) for one in check(file)[1] if one.level == "error"] == []


async def test_a_test_has_the_replies_that_the_system_gave(copied: Path, tmp_path: Path) -> None:
    file = copied / "wtl-hlr-hss.yaml"
    with WtlHlrHss(tmp_path) as hlr:
        async with inspected(file, hlr) as page:
            await page.post("/pins", {"kind": "text", "body": '{"result": false, "error": "full"}'})
            await page.send(personal(json.loads(example(copied))))
            told = await page.post("/tests", {"n": 1, "name": "the HLR is full"})
    assert told["text"] == (
        "\n  - name: the HLR is full\n"
        "    event: events/the-hlr-is-full.json\n"
        "    replies:\n"
        "      - json:\n"
        "          result: false\n"
        "          error: full\n"
        "    calls:\n"
        "      - post: /prov\n"
        "        json:\n"
        '          imsi: "000000000003210"\n'
        "          action: update\n"
        "          subscriber_status: serviceGranted\n"
        "          msisdn:\n"
        '            - "000000005678"\n'
        "          cs_profile: cs-pp-20250319\n"
        "          eps_profile: eps-pp-20250319\n"
        "        subject: imsi:000000000003210\n"
        "    outcome: failed\n"
        "    because: full\n"
    )


async def test_a_file_that_was_changed_on_disk_is_not_written(copied: Path) -> None:
    file = copied / "wtl-hlr-hss.yaml"
    async with inspected(file) as page:
        await page.send(json.loads(example(copied)))
        page.desk.text = "the page shows another text"
        status, told = await written(page, 1, "too late")
        assert status == 409, told
        assert "changed on disk" in told["error"]
    assert "too late" not in file.read_text(encoding="utf-8")
    assert not (copied / "events" / "too-late.json").exists()


async def test_a_duplicate_is_no_test(copied: Path) -> None:
    async with inspected(copied / "wtl-hlr-hss.yaml") as page:
        for _ in range(2):
            await page.send(json.loads(example(copied)))
        status, told = await written(page, 2, "twice")
        assert (status, "story" in told["error"]) == (422, True)


def example(folder: Path) -> str:
    return (folder / "events" / "sim-updated.json").read_text(encoding="utf-8")
