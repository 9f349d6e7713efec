"""Reading records from a file: three forms, foreign lines, and files that are cut."""

import json
from io import BytesIO
from typing import Any

import pytest

from connector_tools.records.record import LogRecord, Wanted
from connector_tools.records.stream import RecordStream
from tests.support.night_log import as_entry
from tests.tools.records.lines import at, line

LINES = [
    line(second, event_id=f"e{second}", reason="š" * 100, subject_hash=[f"h{second}"])
    for second in range(2000)
]
ENTRIES = [as_entry(one) for one in LINES]
FORMS = {
    "lines of the function": "".join(json.dumps(one) + "\n" for one in LINES),
    "lines with blank lines and CRLF": "\r\n\r\n".join(map(json.dumps, LINES)),
    "lines of entries": "".join(json.dumps(one) + "\n" for one in ENTRIES),
    "a list of entries as gcloud prints it": json.dumps(ENTRIES, indent=2),
    "a list on one line": json.dumps(ENTRIES),
    "a list in UTF-8 that is not escaped": json.dumps(ENTRIES, indent=2, ensure_ascii=False),
    "lines after a byte order mark": "\ufeff" + "\n".join(map(json.dumps, LINES)),
}


def read(text: str | bytes, wanted: Wanted | None = None) -> tuple[list[LogRecord], int]:
    data = text.encode() if isinstance(text, str) else text
    stream = RecordStream(BytesIO(data))
    return list(stream.records(wanted or Wanted())), stream.skipped


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_records(form: str) -> None:
    found, skipped = read(FORMS[form])
    assert [one.text("event_id") for one in found] == [one["event_id"] for one in LINES]
    assert found[7].time == at(7)
    assert {one.text("reason") for one in found} == {"š" * 100}, "no character is cut in two"
    assert skipped == 0


def test_an_entry_says_which_service_wrote_it() -> None:
    (found,), _ = read(json.dumps(as_entry(line(1))))
    assert found.service == "cards"


@pytest.mark.parametrize(
    "foreign",
    [
        "Starting gunicorn",
        '{"message": "without a time"}',
        '{"time": "yesterday", "message": "not a time"}',
        '{"time": "0001-01-01T00:00:00+14:00", "message": "not a time in UTC"}',
        '{"time": "2026-11-29T22:00:00Z"}',
        "[]]",
        '"text"',
        "7",
        '{"textPayload": "plain", "timestamp": "2026-11-29T22:00:00Z"}',
    ],
)
def test_a_foreign_line_is_skipped_and_counted(foreign: str) -> None:
    text = f"{json.dumps(LINES[0])}\n{foreign}\n{json.dumps(LINES[1])}\n"
    found, skipped = read(text)
    assert (len(found), skipped) == (2, 1)


def test_a_server_s_own_first_line_is_no_list() -> None:
    first = "[2026-11-29 22:00:00 +0000] [1] [INFO] Starting gunicorn"
    found, skipped = read(f"{first}\n{json.dumps(LINES[0])}")
    assert (len(found), skipped) == (1, 1)


def test_bytes_that_are_not_text_are_a_foreign_line() -> None:
    found, skipped = read(b"\xff\xfe\n" + json.dumps(LINES[0]).encode())
    assert (len(found), skipped) == (1, 1)


@pytest.mark.parametrize("cut", [1, 500, 100_000])
def test_a_list_that_is_cut_gives_what_is_whole_and_says_so(cut: int) -> None:
    text = json.dumps(ENTRIES)[:-cut]
    stream = RecordStream(BytesIO(text.encode()))
    assert 1000 < len(list(stream.records(Wanted()))) <= 2000
    assert (stream.skipped, stream.damaged) == (0, 1)


@pytest.mark.parametrize(
    "text", [json.dumps(LINES[0]) + "\n" + json.dumps(LINES[1])[:-9], '[{"a":' + "[" * 100_000]
)
def test_a_record_that_is_cut_or_too_deep_is_damaged(text: str) -> None:
    stream = RecordStream(BytesIO(text.encode()))
    assert len(list(stream.records(Wanted()))) <= 1
    assert (stream.skipped, stream.damaged) == (0, 1)


def test_times_are_in_utc_whatever_their_zone() -> None:
    one = line(1) | {"time": "2026-11-29T23:00:01+01:00"}
    (found,), _ = read(json.dumps(one))
    assert found.time.isoformat() == "2026-11-29T22:00:01+00:00"


def test_an_empty_file_has_no_records() -> None:
    assert read("") == ([], 0)
    assert read("[]") == ([], 0)


def test_nanoseconds_of_cloud_logging_are_read() -> None:
    entry = as_entry(line(1)) | {"timestamp": "2026-11-29T22:00:01.123456789Z"}
    (found,), _ = read(json.dumps(entry))
    assert found.time.microsecond == 123456


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (Wanted(since=at(1998)), [1998, 1999]),
        (Wanted(until=at(2)), [0, 1]),
        (Wanted(hashes=frozenset({"h3", "h5"})), [3, 5]),
        (Wanted(hashes=frozenset({"h3"}), event_id="e4"), [3, 4]),
        (Wanted(event_id="e4"), [4]),
        (Wanted(connector="other"), []),
        (Wanted(messages=("event queued",)), []),
    ],
)
def test_only_wanted_records_are_given(wanted: Wanted, seconds: list[int]) -> None:
    found, _ = read(FORMS["lines of the function"], wanted)
    assert [one.text("event_id") for one in found] == [f"e{second}" for second in seconds]


def test_a_record_without_a_connector_belongs_to_each() -> None:
    """A circuit's line has no field `connector`."""
    text = json.dumps(line(1, "circuit open", circuit="open"))
    assert len(read(text, Wanted(connector="c"))[0]) == 1


def test_an_account_is_found_by_its_hash() -> None:
    one: dict[str, Any] = line(1, account_hash=["a"])
    assert len(read(json.dumps(one), Wanted(hashes=frozenset({"a"})))[0]) == 1
