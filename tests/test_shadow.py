"""A mapping file that plans beside the one that serves: it sends, delays and breaks nothing."""

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from connector import log
from connector.event import parse
from connector.ledger.memory import MemoryLedger
from connector.mapping.load import load
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector.plan.intent import decision, differences
from connector.shadow import Shadow
from tests.support import ROOT
from tests.support.answers import ids, settled
from tests.support.events import event, subscriber
from tests.support.function import Function, environment
from tests.support.pipelines import MAPPING, PlayedSystem
from tests.support.scripted import ScriptedServer

WTL = (ROOT / "mappings" / "wtl-hlr-hss.yaml").read_text(encoding="utf-8")


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The mapping file with another profile for every subscriber."""
    file = tmp_path / "changed.yaml"
    file.write_text(WTL.replace("cs_profile: =cs_profile", "cs_profile: another"))
    return file


def serving(tmp_path: Path, system: ScriptedServer, shadow: object, **more: str) -> Function:
    env = environment(system.url, SHADOW_MAPPING_FILE=str(shadow), **more)
    return Function(tmp_path / "log", env)


def test_the_log_names_the_places_that_differ_and_no_value(
    tmp_path: Path, system: ScriptedServer, changed: Path
) -> None:
    with serving(tmp_path, system, changed) as function:
        response = function.post(event(imsi=subscriber(1)), headers=ids())
        assert settled(function, response)["outcome"] == "applied"
        same = function.post(event("sim-updated", change={"data.event_type": "SIM/Other"}))
        assert same.status_code == 202
    line = function.record(message="shadow differs")
    assert any("cs_profile" in place for place in line["differences"])
    assert "another" not in json.dumps(line)
    counts = function.record(message="shadow compared")
    assert (counts["compared"], counts["different"], counts["left_out"]) == (2, 1, 0)
    assert len(system.requests) == 1, "the shadow sends nothing"


def test_the_same_file_never_differs(tmp_path: Path, system: ScriptedServer) -> None:
    with serving(tmp_path, system, ROOT / "mappings" / "wtl-hlr-hss.yaml") as function:
        for number in range(3):
            function.post(event(imsi=subscriber(number)), headers=ids())
    assert function.lines(message="shadow differs") == []
    assert function.record(message="shadow compared")["compared"] == 3


@pytest.fixture
def written() -> Iterator[StringIO]:
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    log.configure("INFO", written)
    yield written
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    log.OURS.setLevel(logging.NOTSET)


async def test_each_line_has_the_ids_of_its_own_event_and_no_number_of_its_subscriber(
    written: StringIO,
) -> None:
    """One task compares many events: it runs in the context of none of them."""
    shadow = Shadow(load(ROOT / "mappings" / "wtl-hlr-hss.yaml"), {})

    async def note(number: int) -> None:
        imsi = subscriber(number)
        log.begin(unique_id=f"request-{number}")
        log.protect(str, [imsi])
        change = {"data.event_type": "SIM/Other", "event_id": f"of-{imsi}"}
        one = parse(json.dumps(event(imsi=imsi, change=change)).encode())
        shadow.note(one, Result(Outcome.IGNORED, "another reason"), {})

    await asyncio.gather(*map(note, range(2)))
    await shadow.finish()
    *compared, counts = map(json.loads, written.getvalue().splitlines())
    assert [line["unique_id"] for line in compared] == ["request-0", "request-1"]
    assert "unique_id" not in counts
    assert not any(subscriber(number) in written.getvalue() for number in range(2))


async def test_a_refusal_is_compared_as_it_was_before_masking(tmp_path: Path) -> None:
    file = tmp_path / "cards.yaml"
    file.write_text(MAPPING.replace("that: account,", "that: account.id > 12345678,"))
    seen: list[Any] = []
    pipeline = Pipeline(
        load(file),
        {"token": "t"},
        MemoryLedger(),
        PlayedSystem([]),
        watch=lambda *given: seen.append(given),
    )
    result = await pipeline.handle(json.dumps(event()).encode())
    assert "12345678" not in result.details[0].rule
    ((one, decided, replies),) = seen
    again = decision(one, pipeline.mapping, pipeline.settings)
    assert differences(decided, again, replies) == []


@pytest.mark.parametrize("text", ["name: x", "\t"], ids=["not whole", "not YAML"])
def test_a_shadow_file_that_cannot_be_loaded_stops_the_start(
    tmp_path: Path, system: ScriptedServer, text: str
) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    function = serving(tmp_path, system, file)
    function.client.close()
    assert function.process.wait(30) == 1
    assert "broken.yaml" in function.output()


async def test_an_error_in_the_shadow_is_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("connector.shadow.decision", broken)
    mapping = load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
    shadow = Shadow(mapping, {})
    caplog.set_level(logging.INFO)
    shadow.note(parse(json.dumps(event()).encode()), Result(Outcome.APPLIED), {})
    await shadow.finish()
    assert caplog.records[0].getMessage() == "shadow failed"


async def test_events_that_come_too_fast_are_left_out_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mapping = load(ROOT / "mappings" / "wtl-hlr-hss.yaml")
    shadow = Shadow(mapping, {})
    caplog.set_level(logging.INFO)
    one = parse(json.dumps(event(change={"data.event_type": "SIM/Other"})).encode())
    for _ in range(205):
        shadow.note(one, Result(Outcome.IGNORED, "no rule for events of type SIM/Other"), {})
    await asyncio.sleep(0)
    await shadow.finish()
    fields = vars(caplog.records[-1])["fields"]
    assert (fields["compared"], fields["left_out"]) == (200, 5)
